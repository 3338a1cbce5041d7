import Foundation
import ModelImport

/// A line on the terminal that says how far the writing of a checkpoint is; nothing where nobody watches.
struct TransferDisplay {
  private let verb: String
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var drawn: ContinuousClock.Instant?

  /// - Parameter verb: what is being done: `importing`.
  init(_ verb: String) {
    self.verb = verb
    start = clock.now
  }

  /// Shows how far it is, ten times a second at most.
  mutating func show(_ progress: TransferProgress) {
    let now = clock.now
    guard Console.isTerminal, drawn.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
    drawn = now
    Console.draw("\r\u{1b}[K" + String(line(progress, elapsed: now - start).prefix(Console.width - 1)))
  }

  /// Takes the line away.
  mutating func end() {
    if drawn != nil { Console.draw("\r\u{1b}[K") }
    drawn = nil
  }

  private func line(_ progress: TransferProgress, elapsed: Duration) -> String {
    let seconds = elapsed / .seconds(1)
    let rate = seconds > 0 ? Double(progress.bytesWritten) / seconds : 0
    let rest = rate > 0 ? Double(progress.bytesTotal - progress.bytesWritten) / rate : 0
    let done = Amount.bytes(progress.bytesWritten), all = Amount.bytes(progress.bytesTotal)
    return String(
      format: "%@ %3.0f %%  %@ of %@, %.0f MB/s, %.0f s left", verb, progress.fraction * 100, done, all, rate / 1e6,
      rest)
  }
}
