import Foundation
import Reporting

extension BenchmarkReport {
  /// Model and machine.
  public var head: String {
    let arithmetic = String(format: "f32 %.0f GFLOP/s, int8 %.0f GOP/s", ceilings.f32Gflops, ceilings.int8Gops)
    let reading = String(
      format: "memory read %.1f GB/s, front to back %.1f", ceilings.readGbps, ceilings.readInOrderGbps)
    let format = weights == "int8" ? "int8 weights, \(activations) activations" : "\(weights) weights"
    return """
      \(model): \(format), \(threads) threads, \(kernels) kernels, OpenBLAS \(blas), loaded in \(String(format: "%.2f", loadSeconds)) s
      this machine at best: \(arithmetic), \(reading)
      """
  }

  /// Memory.
  public var foot: String {
    guard let peakMemory else { return "" }
    return String(
      format: "peak memory %.0f MiB for %.0f MiB of weights", Double(peakMemory) / 1_048_576,
      Double(weightBytes) / 1_048_576)
  }
}

extension BenchmarkReport.Rate {
  /// One line.
  fileprivate var text: String {
    let inOrder = ofReadingInOrder.map { String(format: ", %.0f %% of reading front to back", $0 * 100) } ?? ""
    return "\(name): " + String(format: "%.1f %@, %.0f %% of the ceiling", value, unit, ofCeiling * 100) + inOrder
  }
}

extension BenchmarkReport.Case {
  /// The stages as a table, then the rates.
  public var text: String {
    var table = TextTable(header: ["stage", "median ms", "p99 ms"], alignment: [.left, .right, .right])
    for stage in StageSamples.Stage.allCases {
      guard let figures = stages[stage.rawValue] else { continue }
      table.append([
        stage.rawValue.replacing("_", with: " "), String(format: "%.2f", figures.median),
        String(format: "%.2f", figures.p99),
      ])
    }
    var lines = rates.map(\.text)
    if let sessions {
      lines.append(
        String(format: "%.2f ms a robot, %.2f of one by one", sessions.each, sessions.ofOneByOne))
    }
    let tokens = encoderTokens > 0 ? " (\(encoderTokens) encoder tokens)" : ""
    return ([name + tokens, table.text] + lines).joined(separator: "\n")
  }
}
