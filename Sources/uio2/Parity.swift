import ArgumentParser
import Files
import Foundation
import Processes
import UnifiedIO
import UnifiedIOParity
import Reporting

/// `uio2 parity`: compares this implementation with tensors of the official one.
struct Parity: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare this implementation with golden tensors of the official one.",
    discussion: """
      FOLDER holds a checkpoint (config.json, model.safetensors), preproc.safetensors and one file for each golden part, e.g. \
      internals_b1.safetensors. Prints a row a tensor with its relative error ‖a − b‖ / ‖b‖ and tolerance, and says which parts \
      it left out and why. Exits with 1 when a tensor is out of tolerance or nothing was compared.

        uio2 parity goldens/tiny-a --part internals_b1 --part generate_text --json parity.json
      """)

  @Argument(help: "The folder of golden parts.", completion: .directory)
  var folder: String

  @Option(name: .customLong("part"), help: ArgumentHelp("Only this part; may be repeated.", valueName: "name"))
  var parts: [String] = []

  @Option(help: ArgumentHelp("Write the rows there as JSON.", valueName: "file"), completion: .file())
  var json: String?

  func validate() throws {
    let known = UnifiedIOParity.Parity.partNames
    guard let stranger = parts.first(where: { !known.contains($0) }) else { return }
    throw ValidationError("--part takes \(known.joined(separator: ", ")), found \(stranger).")
  }

  func run() throws {
    let target = try json.map { try OutputTarget($0, besides: [folder]) }
    let signals = SignalWatch { SignalWatch.endProcess(by: $0) }
    let report = try withExtendedLifetime(signals) {
      try UnifiedIOParity.Parity.run(folder: URL(filePath: folder), parts: parts.isEmpty ? nil : parts) { _ in }
    }
    try JSONFile.write(report, to: target)
    try Console.say(table(report))
    guard report.passed else {
      let failed = "\(report.rows.count { !$0.passed }) of \(report.rows.count) tensors are out of tolerance"
      throw CommandFailure(.failed, report.rows.isEmpty ? "nothing was compared" : failed)
    }
  }

  private func table(_ report: ParityReport) -> String {
    var table = TextTable(
      header: ["part", "tensor", "relative error", "tolerance", "", "note"],
      alignment: [.left, .left, .right, .right, .left, .left])
    for row in report.rows {
      table.append([
        row.part, row.tensor, String(format: "%.2e", row.relativeError), String(format: "%.0e", row.tolerance),
        row.passed ? "ok" : "FAILED", row.note,
      ])
    }
    let skipped = report.skipped.map { "skipped \($0.part): \($0.reason)" }
    let closing = "\(report.rows.count { $0.passed }) of \(report.rows.count) tensors within tolerance"
    return ([table.text] + skipped + [closing]).joined(separator: "\n")
  }
}
