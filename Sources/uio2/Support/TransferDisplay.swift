import ArgumentParser
import Foundation
import ModelImport
import Processes

/// A line on the terminal that says how far the writing of a checkpoint is; nothing where nobody watches.
enum TransferDisplay {
  /// Runs `body` with a progress function that draws, and that stops the work on SIGINT or SIGTERM.
  static func run(verb: String, bytes: Int, _ body: ((TransferProgress) -> Bool) throws -> Void) throws {
    let signals = SignalWatch { _ in }
    let clock = ContinuousClock(), start = clock.now
    var drawn: ContinuousClock.Instant?
    defer { if drawn != nil { Console.draw("\r\u{1b}[K") } }
    do {
      try body { progress in
        guard signals.received == nil else { return false }
        let now = clock.now
        guard Console.isTerminal, drawn.map({ now - $0 > .milliseconds(100) }) ?? true else { return true }
        drawn = now
        Console.draw("\r\u{1b}[K" + String(line(verb, progress, elapsed: now - start).prefix(Console.width - 1)))
        return true
      }
    } catch let error as ImportError where error.code == .interrupted {
      throw CommandFailure(.signal(signals.received ?? SIGINT), error.description)
    }
  }

  /// Refuses sizes that are no file's.
  static func checkShardSize(_ gigabytes: Double) throws {
    guard gigabytes >= 0.001, gigabytes <= 1e6 else {
      throw ValidationError("--shard-size: must be between 0.001 and 1000000 gigabytes")
    }
  }

  private static func line(_ verb: String, _ progress: TransferProgress, elapsed: Duration) -> String {
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    let rate = seconds > 0 ? Double(progress.bytesWritten) / seconds : 0
    let rest = rate > 0 ? Double(progress.bytesTotal - progress.bytesWritten) / rate : 0
    let done = Amount.bytes(progress.bytesWritten), all = Amount.bytes(progress.bytesTotal)
    return String(
      format: "%@ %3.0f %%  %@ of %@, %.0f MB/s, %.0f s left", verb, progress.fraction * 100, done, all, rate / 1e6,
      rest)
  }
}
