import Foundation
import Tensors
import UnifiedIO

/// Compares this implementation with tensors that the official one computed (`uio2 parity`).
public enum Parity {
  /// The parts of a golden folder, in the order in which they run.
  static var parts: [any ParityPart.Type] {
    [
      TokenizerParity.self, PreprocessingParity.self, InternalsParity.Single.self, InternalsParity.Padded.self,
      TargetsParity.self, TextGenerationParity.self,
      EarlyStopParity.self, TokenGenerationParity.Image.self, TokenGenerationParity.Audio.self,
      CodecsParity.self,
    ]
  }

  /// The names of the parts, in the order in which they run.
  public static var partNames: [String] { parts.map { $0.name } }

  /// Runs every part that the folder holds and the build supports.
  ///
  /// - Parameters:
  ///   - folder: laid out like the goldens: checkpoint, `preproc.safetensors`, one file a part.
  ///   - parts: only these; `nil`: all.
  ///   - progress: called with each row as it is known.
  /// - Throws: ``ModelError`` when the checkpoint cannot be loaded or a part is not known.
  public static func run(
    folder: URL, parts wanted: [String]? = nil, progress: (ParityRow) -> Void = { _ in }
  ) throws(ModelError) -> ParityReport {
    let known = parts.map { $0.name }
    if let stranger = wanted?.first(where: { !known.contains($0) }) {
      throw ModelError(.invalidInput, stranger, "is not a golden part; known are \(known.joined(separator: ", "))")
    }
    let model = try UnifiedIOModel(directory: folder)
    let context = ParityContext(folder: folder, model: model)
    var report = ParityReport()
    for part in parts where wanted?.contains(part.name) ?? true {
      guard part.exists(in: folder) else {
        report.skipped.append(.init(part: part.name, reason: "is not in the folder"))
        continue
      }
      try part.run(context) { row in
        guard !row.isWithoutCommonRows else {
          report.skipped.append(
            .init(
              part: "\(part.name): \(row.tensor)",
              reason: "nothing to compare: all rows that the file keeps are padding"))
          return
        }
        report.rows.append(row)
        progress(row)
      } skip: { what, reason in
        report.skipped.append(.init(part: "\(part.name): \(what)", reason: reason))
      }
    }
    return report
  }
}

/// What every part needs.
struct ParityContext {
  let folder: URL
  let model: UnifiedIOModel

  func examples() throws(ModelError) -> GoldenExamples { try GoldenExamples(self) }
}

/// One golden part.
protocol ParityPart {
  static var name: String { get }
  static func exists(in folder: URL) -> Bool
  static func run(
    _ context: ParityContext, row: (ParityRow) -> Void, skip: (_ what: String, _ reason: String) -> Void
  ) throws(ModelError)
}

extension ParityPart {
  static func exists(in folder: URL) -> Bool { GoldenPart.exists(name, in: folder) }

  /// Intermediates are held to this, relative.
  static var tolerance: Double { 1e-4 }

  /// A row for ids, which must be identical.
  static func identical(_ tensor: String, _ ours: [Int], _ golden: [Int], note: String = "") -> ParityRow {
    let differing = zip(ours, golden).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) } + abs(ours.count - golden.count)
    return ParityRow(
      part: name, tensor: tensor, relativeError: Double(differing) / Double(max(golden.count, 1)), tolerance: 0,
      note: note)
  }
}
