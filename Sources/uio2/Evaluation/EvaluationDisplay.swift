import Dispatch
import LogOutput
import PolicyEvaluation
import RunDatabase
import Synchronization

/// Shows how an evaluation goes: a line an episode, and on a terminal a live line below.
final class EvaluationDisplay: Sendable {
  private struct State {
    var progress: EvaluationProgress
    var lastDrawn: ContinuousClock.Instant?
    var isDrawn = false
    var failure: CommandFailure?
    /// What was complained about already.
    var told: Set<String> = []
    /// Whether a worker has said that it is ready, or none will any more.
    var isWaitOver = false
  }

  /// Redrawing more often than the eye follows would only cost the simulator time.
  private static let interval: Duration = .milliseconds(100)

  private let isVerbose: Bool
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  init(_ progress: EvaluationProgress, isVerbose: Bool) {
    self.isVerbose = isVerbose
    state = Mutex(State(progress: progress))
    state.withLock { draw(&$0) }
  }

  /// Why nothing can be shown any more, once that is so.
  var failure: CommandFailure? { state.withLock { $0.failure } }

  /// Takes an event and shows what it changed.
  func show(_ event: Evaluation.Event) {
    state.withLock { state in
      if let line = state.progress.record(event) { say(line, &state) }
      switch event {
      case .said(let line, _):
        guard isVerbose else { return }
        erase(&state)
        Console.complain(PrintableText.block(line))
      case .ready(let worker):
        state.isWaitOver = true
        tell(worker.simulator, &state)
      default: break
      }
      let now = ContinuousClock.now
      if let last = state.lastDrawn, now - last < Self.interval { return }
      state.lastDrawn = now
      draw(&state)
    }
  }

  /// Takes the live line away.
  func end() {
    state.withLock { state in
      state.isWaitOver = true
      erase(&state)
    }
  }

  /// Says what is waited for, unless it is there soon.
  func announceWait(for daemon: String) {
    DispatchQueue.global().asyncAfter(deadline: .now() + 3) { [weak self] in
      guard let self else { return }
      state.withLock { state in
        guard !state.isWaitOver else { return }
        complain("waiting for the simulator to start and the daemon at \(daemon) to answer", &state)
      }
    }
  }

  /// Writes a line that stays, above the live one.
  private func say(_ line: String, _ state: inout State) {
    erase(&state)
    state.lastDrawn = nil
    guard state.failure == nil else { return }
    do throws(CommandFailure) { try Console.say(PrintableText.line(line)) } catch { state.failure = error }
  }

  /// Says what is not as the repository asks for, once.
  private func tell(_ simulator: Simulator?, _ state: inout State) {
    for module in simulator?.modules ?? [] {
      guard let pinned = module.pinned, module.version != pinned else { continue }
      let version = module.version ?? "(no version)"
      complain(
        "the simulator runs \(module.name) \(version); Envs/requirements.txt asks for \(pinned), so results may differ",
        &state)
    }
    if let folders = simulator?.pythonPath, !folders.isEmpty {
      complain("the simulator looks for modules in \(folders.joined(separator: ", ")) first", &state)
    }
  }

  private func complain(_ line: String, _ state: inout State) {
    guard state.told.insert(line).inserted else { return }
    erase(&state)
    Console.complain("uio2: " + PrintableText.line(line))
  }

  private func erase(_ state: inout State) {
    guard state.isDrawn else { return }
    Console.draw("\r\u{1b}[K")
    state.isDrawn = false
  }

  private func draw(_ state: inout State) {
    guard Console.isTerminal else { return }
    let line = state.progress.line(width: Console.width - 1, elapsed: .now - start)
    Console.draw("\r\u{1b}[K" + PrintableText.line(line))
    state.isDrawn = true
  }
}
