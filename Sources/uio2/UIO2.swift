import ArgumentParser
import Foundation
import UnifiedIOParity

@main
struct UIO2: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "uio2", abstract: "Unified-IO 2 as the brain of a robot arm: serve a policy, fly it in simulation, inspect it.")
  @Argument var folder: String
  func run() async throws {
    let report = try Parity.run(folder: URL(filePath: folder)) { r in
      print(r.passed ? "ok  " : "FAIL", r.part, r.tensor, r.relativeError, r.tolerance, r.note) }
    for s in report.skipped { print("skip", s) }
    print(report.passed)
  }
}
