import Tensors
import UnifiedIO

/// Everything that our model computed for one example, with the reference's row of each of our rows.
struct ExampleTrace {
  struct Piece {
    let tensor: Tensor
    /// The frame of a history modality; 0 elsewhere.
    let frame: Int
    let kept: [Int]
  }

  let targets: [Int32]
  /// Cross entropy of each target token.
  let losses: [Float]
  private let tensors: [String: [Tensor]]
  private let input: ModelInput
  private let layout: SequenceLayout
  /// Where each modality begins in the reference's padded sequence.
  private let offsets: [String: Int]

  init(
    _ model: UnifiedIOModel, _ examples: GoldenExamples, _ name: String, sequence: [(name: String, count: Int)]
  ) throws(ModelError) {
    input = try examples.input(name)
    var seen: [String: [Tensor]] = [:]
    let record: Probe = { seen[$0, default: []].append($1) }
    let encoded = try model.encode(input, probe: record)
    layout = encoded.layout
    targets = try examples.integers(name, "targets/text/targets").map { Int32($0) }
    let inputs = try examples.integers(name, "targets/text/inputs").map { Int32($0) }
    let logits = try model.logits(of: inputs, given: encoded, probe: record)
    record("text.logits", logits)
    losses = targets.enumerated().map { logits.crossEntropy(row: $0.offset, target: Int($0.element)) }
    tensors = seen
    var offset = 0
    var offsets: [String: Int] = [:]
    for part in sequence {
      offsets[part.name] = offset
      offset += part.count
    }
    self.offsets = offsets
  }

  /// Our counterpart of a golden tensor, frame by frame.
  func pieces(_ name: String) -> [Piece] {
    guard let values = tensors[name] else { return [] }
    if name.hasPrefix("decoder_") || name == "text.logits" {
      return [Piece(tensor: values[0], frame: 0, kept: Array(0..<targets.count))]
    }
    if name.hasPrefix("encoder_") {
      let kept = layout.parts.flatMap { part in part.kept.map { (offsets[part.modality.rawValue] ?? 0) + $0 } }
      return [Piece(tensor: values[0], frame: 0, kept: kept)]
    }
    if name.hasPrefix("input_") {
      let modality = name.dropFirst("input_".count).prefix { $0 != "." }
      return [Piece(tensor: values[0], frame: 0, kept: kept(String(modality)))]
    }
    let isAudio = name.hasPrefix("audio")
    guard name.contains("history") else {
      return [Piece(tensor: values[0], frame: 0, kept: kept(isAudio ? "audio" : "image"))]
    }
    let frames = isAudio ? input.audioHistory : input.imageHistory
    let valid = frames.indices.filter { frames[$0].mask.contains(true) }
    return zip(values, valid).map { tensor, frame in
      let mask = frames[frame].mask
      let kept = name.hasSuffix("_resampler") ? Array(0..<tensor.rows) : mask.indices.filter { mask[$0] }
      return Piece(tensor: tensor, frame: frame, kept: kept)
    }
  }

  /// The rows of a modality that we kept.
  func kept(_ modality: String) -> [Int] {
    layout.parts.first { $0.modality.rawValue == modality }?.kept ?? []
  }
}

extension Tensor {
  /// `−log softmax` of the target in a row of logits.
  func crossEntropy(row: Int, target: Int) -> Float {
    guard target >= 0, target < columns else { return .nan }
    return logSumExp(row: row) - withSpan { $0[row * columns + target] }
  }
}
