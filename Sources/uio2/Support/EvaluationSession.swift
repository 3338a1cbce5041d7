import PolicyEvaluation
import Processes
import Synchronization

/// Episodes that a signal may end at any moment, also before they have begun.
final class EvaluationSession: Sendable {
  private struct State {
    var evaluation: Evaluation?
    var hasEnded = false
  }

  private let state = Mutex(State())

  /// Passes a signal on to the evaluation. Before there is one, ends the process; when it has ended, does nothing more.
  func interrupt(with signal: Int32) {
    let (evaluation, hasEnded) = state.withLock { ($0.evaluation, $0.hasEnded) }
    guard let evaluation else {
      if hasEnded { return }
      SignalWatch.endProcess(by: signal)
    }
    evaluation.interrupt(by: signal)
  }

  /// Runs an evaluation, which gets the signals meanwhile.
  ///
  /// - Returns: what ended it before its time.
  func run(_ evaluation: Evaluation) -> RolloutError? {
    state.withLock { $0.evaluation = evaluation }
    defer { state.withLock { $0 = State(hasEnded: true) } }
    do throws(RolloutError) {
      try evaluation.run()
      return nil
    } catch {
      return error
    }
  }
}
