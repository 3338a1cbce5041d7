import Tensors
import UnifiedIO

/// Teacher-forced logits and losses for text, image and audio targets.
enum TargetsParity: ParityPart {
  static let name = "forward_targets"

  static func run(
    _ context: ParityContext, row: (ParityRow) -> Void, skip: (String, String) -> Void
  ) throws(ModelError) {
    let golden = try GoldenPart(name, in: context.folder)
    let examples = try context.examples()
    let runs: [(prefix: String, modality: TargetModality)] = [
      ("ex4_text2image.image", .image), ("ex5_image2image.image", .image), ("ex9_text2audio.audio", .audio),
    ]
    for (prefix, modality) in runs where golden.has("\(prefix).targets") {
      guard context.model.configuration.targetModalities.contains(modality) else {
        skip(prefix, "the checkpoint does not write \(modality.rawValue)")
        continue
      }
      let example = String(prefix.prefix { $0 != "." })
      if let codes = try ownTargets(context, examples, example, modality) {
        row(identical("\(prefix).targets", codes, try golden.integers("\(prefix).targets"), offset: 2))
      } else {
        skip("\(prefix).targets", "the checkpoint has no \(modality.rawValue) tokeniser")
      }
      let pass = try ForcedPass(
        context.model, try examples.input(example), modality,
        targets: try golden.integers("\(prefix).targets"), mask: try golden.integers("\(prefix).mask"))
      for (tensor, values) in pass.tensors.sorted(by: { $0.key < $1.key }) {
        let full = tensor == "logits" ? "\(prefix).logits" : "\(prefix).\(tensor)"
        guard golden.has(full) else { continue }
        let kept = tensor == "encoder_final" ? Array(0..<values.rows) : pass.kept
        row(try compare(golden, full, values, kept: kept))
      }
      row(try compareLosses(golden, prefix, pass))
      if golden.has("tri.\(modality.rawValue).logits"), example != "ex4_text2image" {
        row(try compare(golden, "tri.\(modality.rawValue).logits", pass.tensors["logits"], kept: pass.kept))
        row(try compareSum(golden, "tri.\(modality.rawValue).loss_sum", pass.losses))
      }
    }
    if golden.has("tri.text.logits") {
      let example = "ex0_robot_img"
      let targets = try examples.integers(example, "targets/text/targets")
      let pass = try ForcedPass(
        context.model, try examples.input(example), .text, targets: targets, mask: targets.map { _ in 1 })
      row(try compare(golden, "tri.text.logits", pass.tensors["logits"], kept: pass.kept))
      row(try compareSum(golden, "tri.text.loss_sum", pass.losses))
    }
    let sums = golden.names.filter { $0.hasSuffix(".sum_abssum") }.count
    if sums > 0 { skip("\(sums) tensors *.sum_abssum", "are sums over padded rows too, which are dropped here") }
  }

  /// What our own tokeniser makes of the target, in the decoder's order.
  private static func ownTargets(
    _ context: ParityContext, _ examples: GoldenExamples, _ example: String, _ modality: TargetModality
  ) throws(ModelError) -> [Codebook.Match]? {
    guard context.model.hasTokenizer(modality) else { return nil }
    if modality == .image {
      return try context.model.imageCodes(of: try OwnPreprocessing(context).imageTarget(example))
    }
    let codes = try context.model.audioCodes(ofNormalized: try examples.audioTarget(example))
    return try context.model.audioSequence(of: codes)
  }

  private static func compare(
    _ golden: GoldenPart, _ tensor: String, _ ours: Tensor?, kept: [Int]
  ) throws(ModelError) -> ParityRow {
    var comparison = Comparison()
    if let ours {
      comparison.add(ours, kept: kept, golden: try golden.floats(tensor).values[...], stride: golden.stride(tensor))
    }
    return ParityRow(part: name, tensor: tensor, comparison, tolerance: tolerance)
  }

  private static func compareLosses(
    _ golden: GoldenPart, _ prefix: String, _ pass: ForcedPass
  ) throws(ModelError) -> ParityRow {
    let values = try golden.floats("\(prefix).token_loss").values
    var comparison = Comparison()
    comparison.add(pass.losses, pass.kept.map { values[$0] })
    return ParityRow(part: name, tensor: "\(prefix).token_loss", comparison, tolerance: tolerance)
  }

  /// The batch of three gives every example one target; the others' sums are zero.
  private static func compareSum(
    _ golden: GoldenPart, _ tensor: String, _ losses: [Float]
  ) throws(ModelError) -> ParityRow {
    let total = try golden.floats(tensor).values.reduce(0, +)
    var comparison = Comparison()
    comparison.add([losses.reduce(0, +)], [total])
    return ParityRow(part: name, tensor: tensor, comparison, tolerance: tolerance)
  }
}

/// One teacher-forced pass over the targets that the mask keeps.
private struct ForcedPass {
  let kept: [Int]
  let tensors: [String: Tensor]
  let losses: [Float]

  init(
    _ model: UnifiedIOModel, _ input: ModelInput, _ modality: TargetModality, targets: [Int], mask: [Int]
  ) throws(ModelError) {
    var seen: [String: Tensor] = [:]
    let record: Probe = { seen[$0] = $1 }
    let kept = mask.indices.filter { mask[$0] != 0 }
    let shifted = [0] + targets.dropLast()
    let encoded = try model.encode(input, probe: record)
    let logits = try model.logits(
      of: kept.map { Int32(shifted[$0]) }, at: kept, given: encoded, modality: modality, probe: record)
    record("logits", logits)
    losses = try model.loss(
      of: targets.map { Int32($0) }, mask: mask.map { $0 != 0 }, modality: modality, given: encoded
    ).tokens
    self.kept = kept
    tensors = seen
  }
}
