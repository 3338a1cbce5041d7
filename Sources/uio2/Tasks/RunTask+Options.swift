import ArgumentParser
import UnifiedIO

/// Which options go with which task.
extension RunTask {
  /// Options that only some tasks take.
  private enum Part: String, CaseIterable {
    case image, video, audio, text, option, state, wording, threshold, overlap, box, draw, history, sum, instances
    case guidance, beams, vocoder
    case freeForm = "free-form"
    case boxesOnly = "boxes-only"
    case singleEnd = "single-end"
    case maxTokens = "max-tokens"
    case temperature, seed
    case topP = "top-p"
    case topK = "top-k"
    case negativePrompt = "negative-prompt"
    case coco
    case file = "o"

    var option: String { self == .file ? "-o" : "--\(rawValue)" }
  }

  /// Refuses options that the task would not look at, and asks for those that it needs.
  func checkOptions() throws {
    let (needed, allowed) = parts, given = given
    for part in Part.allCases where given.contains(part) && !needed.contains(part) && !allowed.contains(part) {
      throw ValidationError(
        part == .history ? "\(name.rawValue) looks at one --image." : "\(name.rawValue) takes no \(part.option).")
    }
    for part in Part.allCases where needed.contains(part) && !given.contains(part) {
      throw ValidationError("\(name.rawValue) needs \(part.option).")
    }
    if given.contains(.box), pictures.images.isEmpty { throw ValidationError("--box needs an --image.") }
    try checkValues()
    if options.isEmpty, sum || singleEnd { throw ValidationError("--sum and --single-end compare --option values.") }
    if name == .segmentation { try checkSegmentation() }
    try media.checkEnding(name.output == .audio ? .audio : .image)
  }

  /// Refuses values that no picture and no model is needed to judge.
  private func checkValues() throws {
    if [.instruction, .action].contains(name) { try pictures.check(text ?? "") }
    if let state {
      guard let numbers, numbers.allSatisfy({ (0...1).contains($0) }) else {
        throw ValidationError("--state must be numbers from 0 to 1 with commas between, found \(state).")
      }
    }
    if let threshold, !(0...1).contains(threshold) {
      throw ValidationError("--threshold must be from 0 to 1, found \(threshold).")
    }
    if let overlap, !(0...1).contains(overlap) {
      throw ValidationError("--overlap must be from 0 to 1, found \(overlap).")
    }
    try checkWording()
    try sampling.checkDrawing(
      usual: name.output == .text ? 0 : name.mediaSettings.temperature, otherwiseUsesSeed: name.output == .audio)
    if name.output != .text {
      try media.checkNegativePrompt(
        usual: Guidance.standardScale(
          for: name.output == .audio ? .audio : .image, isTextOnly: pictures.images.isEmpty))
    }
  }

  private func checkSegmentation() throws {
    if pictures.box == nil, text == nil { throw ValidationError("segmentation needs --box or --text.") }
    if instances, pictures.box != nil || text == nil {
      throw ValidationError("--instances looks for all regions of --text; leave out --box.")
    }
    if !instances, threshold != nil || overlap != nil {
      throw ValidationError("--threshold and --overlap go with --instances.")
    }
  }

  /// The numbers of ``state``; `nil` when it holds something else.
  var numbers: [Float]? {
    guard let state else { return [] }
    let values = state.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
    return values.contains(nil) ? nil : values.compactMap(\.self)
  }

  private var parts: (needed: Set<Part>, allowed: Set<Part>) {
    let drawing: Set<Part> = [.temperature, .topP, .topK, .seed]
    let words: Set<Part> = drawing.union([.wording, .beams, .maxTokens])
    let drawn: Set<Part> = drawing.union([.wording, .guidance, .negativePrompt])
    let anything: Set<Part> = drawing.union([.image, .history, .audio, .video, .box, .beams, .maxTokens])
    switch name {
    case .vqa: return ([.image, .text], words)
    case .caption: return ([.image], words)
    case .refexp: return ([.image, .text], words.union([.freeForm, .draw]))
    case .localization: return ([.image, .text], words.union([.threshold, .overlap, .boxesOnly, .draw]))
    case .detection: return ([.image], words.union([.threshold, .overlap, .coco, .draw]))
    case .keypoints: return ([.image], words.union([.box, .threshold, .freeForm, .draw]))
    case .boxClassification:
      // Options are scored, not said.
      return ([.image, .box], options.isEmpty ? words : [.wording, .option, .sum, .singleEnd])
    case .categorization: return ([.image, .option], [.wording, .sum, .singleEnd])
    case .instruction: return ([.text], anything)
    case .action: return ([.text], anything.union([.state]))
    case .videoCaption, .videoTagging: return ([.video], words)
    case .audioCaption: return ([.audio], words)
    case .depth: return ([.image], drawn.union([.file, .draw]))
    case .surfaceNormals: return ([.image], drawn.union([.file]))
    case .segmentation:
      return ([.image], drawn.union([.box, .text, .instances, .threshold, .overlap, .file, .draw]))
    case .imageGeneration: return ([.text, .file], drawn)
    case .audioGeneration: return ([.text, .file], drawn.union([.vocoder]))
    case .imageEditing: return ([.image, .text, .file], drawn)
    case .inpainting: return ([.image, .box, .file], drawn.union([.text]))
    }
  }

  private var given: Set<Part> {
    let switches: [(Part, Bool)] = [
      (.text, text != nil), (.option, !options.isEmpty), (.state, state != nil), (.wording, wording != nil),
      (.threshold, threshold != nil), (.overlap, overlap != nil), (.box, pictures.box != nil), (.draw, draw != nil),
      (.image, !pictures.images.isEmpty), (.history, pictures.images.count > 1), (.audio, pictures.audio != nil),
      (.video, pictures.video != nil), (.sum, sum), (.freeForm, freeForm), (.boxesOnly, boxesOnly),
      (.singleEnd, singleEnd), (.coco, coco), (.instances, instances), (.file, media.file != nil),
      (.vocoder, vocoder.isGiven), (.guidance, media.guidance != nil),
      (.negativePrompt, media.negativePrompt != nil),
      (.beams, sampling.beams != 1), (.maxTokens, sampling.maxTokens != nil),
      (.temperature, sampling.temperature != nil), (.topP, sampling.topP != nil), (.topK, sampling.topK != nil),
      (.seed, sampling.seed != nil),
    ]
    return Set(switches.filter(\.1).map(\.0))
  }
}
