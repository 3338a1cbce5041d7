import Foundation
import Synchronization
import UnifiedIO

/// What a model is doing, as a line on the terminal's standard error; nothing during the first two seconds, nothing elsewhere.
///
/// A thread of its own redraws it, because loading and encoding say nothing while they run.
final class ProgressBar: Sendable {
  private struct State {
    var stage: String
    var stageStart: ContinuousClock.Instant
    var pace = TaskPace()
    var isDrawn = false
    var hasEnded = false
  }

  private static let delay: Duration = .seconds(2)
  private static let interval: TimeInterval = 0.1
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  /// Begins with a stage, e.g. `loading`.
  init(_ stage: String) {
    state = Mutex(State(stage: stage, stageStart: .now))
    guard isatty(STDERR_FILENO) == 1 else { return }
    let thread = Thread { [weak self] in
      while let self, self.redraw() { Thread.sleep(forTimeInterval: Self.interval) }
    }
    thread.name = "progress"
    thread.start()
  }

  /// Goes on to another stage.
  func enter(_ stage: String) {
    state.withLock { state in
      (state.stage, state.stageStart, state.pace) = (stage, .now, TaskPace())
    }
  }

  /// Takes progress into account; it is drawn a little later.
  var observer: @Sendable (TaskProgress) -> Bool {
    { [self] progress in
      let seconds = (ContinuousClock.now - start).inSeconds
      state.withLock { $0.pace.record(progress, at: seconds) }
      return true
    }
  }

  /// Takes the line away, for good.
  func end() {
    state.withLock { state in
      state.hasEnded = true
      if state.isDrawn { Console.draw("\r\u{1b}[K", on: STDERR_FILENO) }
      state.isDrawn = false
    }
  }

  /// - Returns: whether there will be more to draw.
  private func redraw() -> Bool {
    state.withLock { state in
      guard !state.hasEnded else { return false }
      let now = ContinuousClock.now
      guard now - start >= Self.delay else { return true }
      let width = Console.width - 1
      var line = state.pace.line(width: width)
      if line.isEmpty { line = "\(state.stage) " + String(format: "%.0f s", (now - state.stageStart).inSeconds) }
      Console.draw("\r\u{1b}[K" + line.prefix(width), on: STDERR_FILENO)
      state.isDrawn = true
      return true
    }
  }
}

extension Duration {
  fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
