import Foundation
import Tensors

/// The encoder's answer to one example, read by the decoder for every token.
public struct EncodedInput: Sendable {
  /// `[tokens, embedding]`, after `encoder_norm`; padding was dropped.
  public let output: Tensor
  /// Which of the reference's padded places the rows are.
  public let layout: SequenceLayout
  /// `[tokens, headDimension]`.
  let rotary: Tensor
}

/// How long the two halves of encoding took.
public struct EncodingTimings: Sendable, Hashable {
  /// Text embedding, vision transformers, resamplers.
  public var vision: Duration = .zero
  /// The encoder's layers.
  public var encode: Duration = .zero

  public init() {}
}

/// Unified-IO 2: one autoregressive encoder-decoder over text, images, audio and action (Lu et al. 2023).
///
/// Weights only; every call has its own run state, so one model serves many threads.
public final class UnifiedIOModel: Sendable {
  public let configuration: Configuration
  private let textEmbedding: WeightMatrix
  private let inputs: InputEncoders
  private let encoder: Encoder
  let decoder: Decoder
  let targets: [TargetModality: TargetEmbedder]
  /// `nil` where the checkpoint has no weights of it; it still writes the ids.
  let imageTokenizer: ImageTokenizer?
  let audioTokenizer: AudioTokenizer?

  /// Loads `config.json` and the weights beside it.
  ///
  /// - Parameter residency: how bfloat16 weights are kept; `nil`: what suits the checkpoint's size.
  /// - Throws: ``ModelError`` naming the key or tensor at fault, with what was expected and found.
  public convenience init(directory: URL, residency: WeightResidency? = nil) throws(ModelError) {
    let configuration = try Configuration(contentsOf: directory.appending(path: "config.json"))
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(directory: directory)
    } catch {
      throw ModelError(error)
    }
    try self.init(configuration: configuration, checkpoint: checkpoint, residency: residency)
  }

  /// Takes every tensor that the configuration needs; a missing, mis-shaped or surplus one is an error.
  ///
  /// - Parameter residency: how bfloat16 weights are kept; `nil`: what suits the checkpoint's size.
  public init(
    configuration: Configuration, checkpoint: Checkpoint, residency: WeightResidency? = nil
  ) throws(ModelError) {
    let weights = WeightScope(checkpoint, residency: residency ?? .suited(to: checkpoint))
    let transformer = configuration.transformer
    self.configuration = configuration
    textEmbedding = try weights["text_token_embedder"].matrix(
      "weight", rows: transformer.vocabularySize, columns: transformer.embeddingSize)
    inputs = try InputEncoders(weights["input_embedders"], configuration)
    encoder = try Encoder(weights["encoder"], transformer)
    decoder = try Decoder(weights["decoder"], transformer)
    var targets: [TargetModality: TargetEmbedder] = [:]
    for modality in configuration.targetModalities {
      targets[modality] = try TargetEmbedder(
        weights, modality, transformer, textEmbedding: textEmbedding)
    }
    self.targets = targets
    (imageTokenizer, audioTokenizer) = try Self.tokenizers(weights["target_embedders"], configuration)
    do {
      try checkpoint.checkNothingIsLeft { _ in false }
    } catch {
      throw ModelError(error)
    }
  }

  /// Encodes an example.
  ///
  /// - Throws: ``ModelError`` for inputs that the checkpoint cannot read.
  public func encode(_ input: ModelInput, probe: Probe? = nil) throws(ModelError) -> EncodedInput {
    var timings = EncodingTimings()
    return try encode(input, timings: &timings, probe: probe)
  }

  /// Encodes an example and says how long the halves took.
  public func encode(
    _ input: ModelInput, timings: inout EncodingTimings, probe: Probe? = nil
  ) throws(ModelError) -> EncodedInput {
    let clock = ContinuousClock(), start = clock.now
    let (parts, layout) = try inputs(input, textEmbedding: textEmbedding, probe: probe)
    let sequence = Tensor.stacking(parts.map(\.embeddings)), rotary = Tensor.stacking(parts.map(\.rotary))
    let embedded = clock.now
    let output = encoder(sequence, rotary: rotary, probe: probe)
    timings.vision = embedded - start
    timings.encode = clock.now - embedded
    return EncodedInput(output: output, layout: layout, rotary: rotary)
  }

  /// The decoder's state before the first token: cross-attention keys and values are computed here, once.
  func makeDecoderState(for encoded: EncodedInput, capacity: Int) -> DecoderState {
    let width = configuration.transformer.embeddingSize
    return DecoderState(
      caches: decoder.layers.map { _ in AttentionCache(capacity: capacity, width: width) },
      memories: decoder.layers.map { $0.memory(of: encoded.output, rotary: encoded.rotary) })
  }

  func target(_ modality: TargetModality) throws(ModelError) -> TargetEmbedder {
    guard let target = targets[modality] else {
      throw ModelError(
        .unsupportedModality, modality.rawValue,
        "this checkpoint does not write \(modality.rawValue); its target_modalities leave it out")
    }
    return target
  }

  /// Feeds tokens to the decoder.
  ///
  /// - Returns: hidden states after `decoder_norm`, `[tokens, embedding]`.
  func advance(
    _ state: inout DecoderState, tokens: [Int32], at positions: [Int]? = nil, target: TargetEmbedder,
    probe: Probe? = nil
  ) throws(ModelError) -> Tensor {
    let positions = positions ?? Array(state.count..<state.count + tokens.count)
    let embedded = try target.embed(tokens, at: positions)
    return decoder(embedded.embeddings, rotary: embedded.rotary, state: &state, probe: probe)
  }

  /// Teacher-forced logits: what the decoder thinks of every next token while `tokens` are fed to it.
  ///
  /// - Parameters:
  ///   - tokens: decoder inputs, beginning with BOS.
  ///   - positions: the place of each token where some were left out (masked target patches); `nil`: 0, 1, 2….
  /// - Returns: `[tokens, vocabulary]`, already divided by `√embedding`.
  public func logits(
    of tokens: [Int32], at positions: [Int]? = nil, given encoded: EncodedInput, modality: TargetModality = .text,
    probe: Probe? = nil
  ) throws(ModelError) -> Tensor {
    let target = try target(modality)
    var state = makeDecoderState(for: encoded, capacity: tokens.count)
    return target.logits(try advance(&state, tokens: tokens, at: positions, target: target, probe: probe))
  }
}
