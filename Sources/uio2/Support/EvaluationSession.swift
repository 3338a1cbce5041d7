import Foundation
import PolicyEvaluation
import Processes
import Synchronization

/// Episodes that a signal may end at any moment, also before they have begun.
final class EvaluationSession: Sendable {
  private struct State {
    var evaluation: Evaluation?
    var isInterrupted = false
    var isGivenUp = false
    var hasEnded = false
  }

  private let state = Mutex(State())

  /// Passes a signal on to the evaluation. Before there is one, ends the process; when it has ended, does nothing more.
  ///
  /// - Parameter words: told to people at the first signal.
  func interrupt(with signal: Int32, saying words: String? = nil) {
    let (evaluation, hasEnded, isFirst) = state.withLock { state in
      defer { state.isInterrupted = state.evaluation != nil }
      return (state.evaluation, state.hasEnded, !state.isInterrupted)
    }
    guard let evaluation else {
      if hasEnded { return }
      SignalWatch.endProcess(by: signal)
    }
    evaluation.interrupt(by: signal)
    if let words, isFirst { Console.complain("uio2: " + words) }
  }

  /// Kills the workers: nobody answers them any more. The evaluation that begins later ends at once.
  func giveUp() {
    let evaluation = state.withLock { state in
      state.isGivenUp = true
      return state.evaluation
    }
    if let evaluation { Self.kill(evaluation) }
  }

  private static func kill(_ evaluation: Evaluation) {
    for _ in 0..<2 { evaluation.interrupt(by: SIGTERM) }
  }

  /// Runs an evaluation, which gets the signals meanwhile.
  ///
  /// - Returns: what ended it before its time.
  func run(_ evaluation: Evaluation) -> RolloutError? {
    let isGivenUp = state.withLock { state in
      state.evaluation = evaluation
      return state.isGivenUp
    }
    if isGivenUp { Self.kill(evaluation) }
    defer {
      state.withLock { state in
        state.evaluation = nil
        state.hasEnded = true
      }
    }
    do throws(RolloutError) {
      try evaluation.run()
      return nil
    } catch {
      return error
    }
  }
}
