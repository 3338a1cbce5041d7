import Foundation
import ModelBenchmark

/// How far a long measurement is, on standard error: a line that is redrawn on a terminal, a line a step elsewhere.
final class BenchmarkDisplay {
  private static let isTerminal = isatty(STDERR_FILENO) == 1
  private var isDrawn = false

  /// Shows what is being done.
  func show(_ progress: Distortion.Progress) {
    let line = "\(progress.step) of \(progress.steps): \(progress.name)"
    guard Self.isTerminal else {
      if progress.example == 0 { Console.complain(line) }
      return
    }
    let examples = ", \(progress.example) of \(progress.examples) examples"
    Console.draw("\r\u{1b}[K" + (line + examples).prefix(Console.width - 1), on: STDERR_FILENO)
    isDrawn = true
  }

  /// Takes the line away.
  func end() {
    if isDrawn { Console.draw("\r\u{1b}[K", on: STDERR_FILENO) }
    isDrawn = false
  }
}
