import Dispatch
import Files
import Foundation
import Logging
import Synchronization

/// Lines on their way to a descriptor, written by a thread of their own: whoever logs never waits for whoever reads.
///
/// When the reader does not keep up, or has gone, further lines are dropped and counted, and the count is written as soon as lines can
/// be written again. Too many lines of one kind are left out and counted as well, see ``LineRate``.
public final class LogQueue: Sendable {
  /// How much may wait.
  public struct Limits: Sendable {
    /// Lines.
    public var lines = 1024
    /// Bytes of all of them.
    public var bytes = 256 << 10

    /// The defaults of each property.
    public init() {}
  }

  private struct State {
    var lines: [String] = []
    var bytes = 0
    /// Lines that were dropped and not yet told of.
    var lost = 0
    var rate = LineRate()
    /// Lines have been taken to be written and are not written yet.
    var isWriting = false
  }

  private let descriptor: Int32
  private let limits: Limits
  private let label: String
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())
  private let changed = DispatchSemaphore(value: 0)

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - descriptor: stays open as long as the queue is there.
  ///   - label: the program's name in lines about the log itself.
  ///   - now: the clock of the rate limit.
  public init(
    descriptor: Int32, label: String, limits: Limits = Limits(),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.descriptor = descriptor
    self.label = label
    self.limits = limits
    self.now = now
    let thread = Thread { [weak self, changed] in
      Self.blockBrokenPipe()
      while true {
        // Now and then without a line: lines may have been left out, and nobody else would tell.
        _ = changed.wait(timeout: .now() + .seconds(2))
        guard let self else { return }
        self.writeWhatWaits()
      }
    }
    thread.name = "log"
    thread.start()
  }

  deinit { changed.signal() }

  /// Takes a line, without its end, or drops it; never waits.
  ///
  /// - Parameter kind: lines of one kind share a rate.
  public func append(_ line: String, kind: String) {
    let moment = now()
    let isNew = state.withLock { state in
      let (isAdmitted, omitted) = state.rate.admit(kind, at: moment)
      guard isAdmitted else { return false }
      if omitted > 0 { add(omission(kind, omitted), to: &state) }
      add(line, to: &state)
      return true
    }
    if isNew { changed.signal() }
  }

  /// Waits until all lines are written, at most for `duration`; lines that cannot be written are lost.
  public func flush(within duration: Duration) {
    let deadline = ContinuousClock.now + duration
    changed.signal()
    while ContinuousClock.now < deadline, state.withLock({ $0.isWriting || !$0.lines.isEmpty }) {
      usleep(1000)
    }
  }

  private func add(_ line: String, to state: inout State) {
    let size = line.utf8.count + 1
    guard state.lines.count < limits.lines, state.bytes + size <= limits.bytes else {
      state.lost += 1
      return
    }
    state.lines.append(line)
    state.bytes += size
  }

  private func writeWhatWaits() {
    let moment = now()
    let (lines, lost) = state.withLock { state in
      for (kind, count) in state.rate.takeOmitted(at: moment) { add(omission(kind, count), to: &state) }
      defer { (state.lines, state.bytes, state.lost) = ([], 0, 0) }
      state.isWriting = true
      return (state.lines, state.lost)
    }
    var failed = lines.count - write(lines)
    if failed == 0, lost > 0 {
      let told = write([LogLine.text(.warning, label, "log lines were lost", [("lines", "\(lost)")])])
      if told == 0 { failed = lost }
    } else {
      failed += lost
    }
    state.withLock { state in
      state.lost += failed
      state.isWriting = false
    }
  }

  /// Writes lines one by one, so that each arrives whole among those of other processes.
  ///
  /// - Returns: how many were written.
  private func write(_ lines: [String]) -> Int {
    for (index, line) in lines.enumerated() {
      do throws(WriteFailure) { try WholeWrite.write((line + "\n").utf8, to: descriptor) } catch { return index }
    }
    return lines.count
  }

  private func omission(_ kind: String, _ count: Int) -> String {
    LogLine.text(.notice, label, "lines were left out", [("like", kind), ("lines", "\(count)")])
  }

  /// A reader that has gone is an error of a write here, not a signal.
  private static func blockBrokenPipe() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }
}
