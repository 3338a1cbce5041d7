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
/// Weights, and what the input encoders made of recent inputs; every call has its own run state, so one model serves many threads.
public final class UnifiedIOModel: Sendable {
  public let configuration: Configuration
  /// How the matrices are kept.
  public let weightFormat: WeightFormat
  /// How the inputs of products with 8-bit weights are taken: a name of ``ActivationFormat``, or `mixed` for int8 in the encoders and int16
  /// elsewhere; empty where no weights have 8 bits.
  public let activationFormat: String
  /// Whether a row's products do not depend on how many rows there are.
  private let hasExactProducts: Bool
  private let textEmbedding: WeightMatrix
  private let inputs: InputEncoders
  let encoder: Encoder
  let decoder: Decoder
  let targets: [TargetModality: TargetEmbedder]
  /// `nil` where the checkpoint has no weights of it; it still writes the ids.
  let imageTokenizer: ImageTokenizer?
  let audioTokenizer: AudioTokenizer?

  /// Loads `config.json` and the weights beside it.
  ///
  /// - Parameter weights: how matrices are kept and multiplied with.
  /// - Throws: ``ModelError`` naming the key or tensor at fault, with what was expected and found.
  public convenience init(directory: URL, weights: WeightOptions = .standard) throws(ModelError) {
    let configuration = try Configuration(contentsOf: directory.appending(path: "config.json"))
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(directory: directory)
    } catch {
      throw ModelError(error)
    }
    try self.init(configuration: configuration, checkpoint: checkpoint, weights: weights)
  }

  /// Takes every tensor that the configuration needs; a missing, mis-shaped or surplus one is an error, and a number in it that is
  /// NaN or infinite.
  ///
  /// - Parameter weights: how matrices are kept and multiplied with; the tokenisers of pictures and sound stay in 32 bits.
  public init(
    configuration: Configuration, checkpoint: Checkpoint, weights options: WeightOptions = .standard
  ) throws(ModelError) {
    do {
      try SystemMemory.require(checkpoint.memoryToTake(options), for: checkpoint.directory.path)
    } catch {
      throw ModelError(error)
    }
    var weights = WeightScope(checkpoint, options: options)
    // Small models have time to spare for accuracy.
    let isSmall = checkpoint.widenedSize < WeightFormat.widenedLimit
    if isSmall { weights = weights.fine }
    weightFormat = options.format ?? .suited(to: checkpoint)
    activationFormat =
      weightFormat == .int8
      ? options.activations?.rawValue ?? (isSmall ? ActivationFormat.int16.rawValue : "mixed") : ""
    hasExactProducts = weightFormat == .int8 && options.activations != .f32
    let transformer = configuration.transformer
    self.configuration = configuration
    textEmbedding = try weights["text_token_embedder"].rowByRow.matrix(
      "weight", rows: transformer.vocabularySize, columns: transformer.embeddingSize)
    inputs = try InputEncoders(weights["input_embedders"], configuration)
    encoder = try Encoder(weights["encoder"], transformer)
    decoder = try Decoder(weights["decoder"].inCache, transformer)
    var targets: [TargetModality: TargetEmbedder] = [:]
    for modality in configuration.targetModalities {
      targets[modality] = try TargetEmbedder(
        weights, modality, transformer, textEmbedding: textEmbedding)
    }
    self.targets = targets
    (imageTokenizer, audioTokenizer) = try Self.tokenizers(weights["target_embedders"].exact, configuration)
    do {
      try checkpoint.checkNothingIsLeft { _ in false }
      try checkpoint.checkUnchanged()
    } catch {
      throw ModelError(error)
    }
  }

  /// What the input encoders made of recent pictures, sounds and prompts.
  public var encodings: EncodingCache { inputs.cache }

  /// Encodes an example.
  ///
  /// - Throws: ``ModelError`` for inputs that the checkpoint cannot read; `.nonFinite` when the encoder's output holds NaN or an
  ///   infinity.
  public func encode(_ input: ModelInput, probe: Probe? = nil) throws(ModelError) -> EncodedInput {
    var timings = EncodingTimings()
    return try encode(input, timings: &timings, probe: probe)
  }

  /// Encodes an example and says how long the halves took.
  public func encode(
    _ input: ModelInput, timings: inout EncodingTimings, probe: Probe? = nil
  ) throws(ModelError) -> EncodedInput {
    try encode([input], timings: &timings, probe: probe)[0]
  }

  /// Encodes several examples; no padding is needed, whatever their lengths and modalities, and every result is that of encoding
  /// the example alone, to the last bit.
  ///
  /// The products of all tokens are computed together. 8-bit ones are exact, and the others sum many rows in one order whatever their
  /// number; only an example of a few tokens, which another kernel would take if it were alone, stays alone.
  public func encode(_ inputs: [ModelInput]) throws(ModelError) -> [EncodedInput] {
    var timings = EncodingTimings()
    return try encode(inputs, timings: &timings)
  }

  /// Encodes several examples and says how long the halves took.
  public func encode(
    _ inputs: [ModelInput], timings: inout EncodingTimings, probe: Probe? = nil
  ) throws(ModelError) -> [EncodedInput] {
    guard !inputs.isEmpty else { return [] }
    // Whoever looks at tensors on the way looks at one example.
    guard inputs.count == 1 || probe == nil else {
      var encoded: [EncodedInput] = []
      for input in inputs { encoded += try encode([input], timings: &timings, probe: probe) }
      return encoded
    }
    let clock = ContinuousClock(), start = clock.now
    var sequences: [EncodedPart] = []
    var layouts: [SequenceLayout] = []
    // Whoever looks at tensors on the way sees them computed.
    let features = probe == nil ? self.inputs.features(of: inputs) : PictureFeatures(cache: nil)
    for input in inputs {
      let (parts, layout) = try self.inputs(input, features: features, textEmbedding: textEmbedding, probe: probe)
      sequences.append(
        EncodedPart(
          embeddings: Tensor.stacking(parts.map(\.embeddings)), rotary: Tensor.stacking(parts.map(\.rotary))))
      layouts.append(layout)
    }
    let embedded = clock.now
    var encoded: [EncodedInput] = []
    for group in groups(of: sequences.map(\.embeddings.rows)) {
      let members = sequences[group], lengths = members.map(\.embeddings.rows)
      let output = encoder(
        Tensor.stacking(members.map(\.embeddings)), rotary: Tensor.stacking(members.map(\.rotary)), lengths: lengths,
        probe: probe)
      var row = 0
      for (index, length) in zip(group, lengths) {
        let own = lengths.count == 1 ? output : output.rows(in: row..<row + length)
        guard own.isFinite else { throw ModelError.nonFinite("encoder output") }
        encoded.append(EncodedInput(output: own, layout: layouts[index], rotary: sequences[index].rotary))
        row += length
      }
    }
    timings.vision += embedded - start
    timings.encode += clock.now - embedded
    return encoded
  }

  /// Which neighbours go through the encoder together, by their numbers of tokens.
  private func groups(of lengths: [Int]) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    for (index, length) in lengths.enumerated() {
      let isMany = hasExactProducts || length > Linear.fewRows
      if isMany, let last = groups.last, hasExactProducts || lengths[last.upperBound - 1] > Linear.fewRows {
        groups[groups.count - 1] = last.lowerBound..<index + 1
      } else {
        groups.append(index..<index + 1)
      }
    }
    return groups
  }

  /// The decoder's state before the first token: cross-attention keys and values are computed here, once.
  func makeDecoderState(for encoded: EncodedInput, capacity: Int) -> DecoderState {
    let transformer = configuration.transformer
    let precision: CachePrecision = weightFormat == .f32 ? .single : .half
    return DecoderState(
      caches: decoder.layers.map { _ in
        AttentionCache(
          capacity: capacity, heads: transformer.heads, dimension: transformer.headDimension, precision: precision)
      },
      memories: decoder.layers.map { $0.memory(of: encoded.output, rotary: encoded.rotary, precision: precision) })
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
    var states = [state]
    // One owner only, so that the caches are not copied.
    state = DecoderState(caches: [], memories: [])
    let hidden = decoder(
      embedded.embeddings, rotary: embedded.rotary, counts: [tokens.count], states: &states, probe: probe)
    state = states[0]
    return hidden
  }

  /// Feeds tokens to several examples together.
  ///
  /// - Returns: hidden states after `decoder_norm`, `[Σ tokens, embedding]`, the examples one below the other.
  func advance(
    _ states: inout [DecoderState], tokens: [[Int32]], target: TargetEmbedder
  ) throws(ModelError) -> Tensor {
    let positions = zip(states, tokens).flatMap { $0.count..<$0.count + $1.count }
    let embedded = try target.embed(tokens.flatMap(\.self), at: positions)
    return decoder.advance(embedded, counts: tokens.map(\.count), states: &states)
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
