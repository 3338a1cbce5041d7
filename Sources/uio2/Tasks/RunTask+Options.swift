import ArgumentParser
import UnifiedIO

/// Which options go with which task.
extension RunTask {
  /// Options that only some tasks take.
  private enum Part: String, CaseIterable {
    case text, option, state, wording, threshold, overlap, box, draw, history, audio, video, sum
    case freeForm = "free-form"
    case boxesOnly = "boxes-only"
    case singleEnd = "single-end"
    case coco
  }

  /// Refuses options that the task would not look at, and asks for those that it needs.
  func checkOptions() throws {
    let (needed, allowed) = parts, given = given
    for part in Part.allCases where given.contains(part) && !needed.contains(part) && !allowed.contains(part) {
      throw ValidationError(
        part == .history ? "\(name.rawValue) looks at one --image." : "\(name.rawValue) takes no --\(part.rawValue).")
    }
    for part in Part.allCases where needed.contains(part) && !given.contains(part) {
      throw ValidationError("\(name.rawValue) needs --\(part.rawValue).")
    }
    if name.input == .image, name != .action, pictures.images.isEmpty {
      throw ValidationError("\(name.rawValue) needs an --image.")
    }
    if given.contains(.box), pictures.images.isEmpty { throw ValidationError("--box needs an --image.") }
    if state != nil, numbers == nil { throw ValidationError("--state must be numbers with commas between.") }
    if options.isEmpty, sum || singleEnd { throw ValidationError("--sum and --single-end compare --option values.") }
  }

  /// The numbers of ``state``; `nil` when it holds something else.
  var numbers: [Float]? {
    guard let state else { return [] }
    let values = state.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
    return values.contains(nil) ? nil : values.compactMap(\.self)
  }

  private var parts: (needed: Set<Part>, allowed: Set<Part>) {
    switch name {
    case .vqa: ([.text], [.wording])
    case .caption: ([], [.wording])
    case .refexp: ([.text], [.wording, .freeForm, .draw])
    case .localization: ([.text], [.wording, .threshold, .overlap, .boxesOnly, .draw])
    case .detection: ([], [.wording, .threshold, .overlap, .coco, .draw])
    case .keypoints: ([], [.wording, .box, .threshold, .freeForm, .draw])
    case .boxClassification: ([.box], [.wording, .option, .sum, .singleEnd])
    case .categorization: ([.option], [.wording, .sum, .singleEnd])
    case .instruction: ([.text], [.box, .history, .audio, .video])
    case .action: ([.text], [.box, .history, .audio, .video, .state])
    default: ([], [])
    }
  }

  private var given: Set<Part> {
    let switches: [(Part, Bool)] = [
      (.text, text != nil), (.option, !options.isEmpty), (.state, state != nil), (.wording, wording != nil),
      (.threshold, threshold != nil), (.overlap, overlap != nil), (.box, pictures.box != nil), (.draw, draw != nil),
      (.history, pictures.images.count > 1), (.audio, pictures.audio != nil), (.video, pictures.video != nil),
      (.sum, sum), (.freeForm, freeForm), (.boxesOnly, boxesOnly),
      (.singleEnd, singleEnd), (.coco, coco),
    ]
    return Set(switches.filter(\.1).map(\.0))
  }
}
