import Foundation
import PolicyEvaluation
import Processes
import Synchronization

/// A rollout that a signal may end at any moment, also before it has begun.
final class RolloutSession: Sendable {
  private let runner = Mutex<RolloutRunner?>(nil)

  /// Passes a signal on to the robot; before there is one, ends the process.
  func interrupt(with signal: Int32) {
    guard let runner = runner.withLock({ $0 }) else { SignalWatch.endProcess(by: signal) }
    runner.interrupt(with: signal)
  }

  /// From now on signals are for the robot.
  func begin(_ runner: RolloutRunner) { self.runner.withLock { $0 = runner } }

  /// Runs the robot to its end.
  ///
  /// - Returns: why it did not fly all episodes.
  func fly(_ runner: RolloutRunner, into log: RolloutLog) -> RolloutError? {
    log.display.draw()
    defer { log.display.erase() }
    do throws(RolloutError) {
      try runner.run(
        onDiagnostic: { log.note($0) },
        onEvent: { event in
          log.record(event)
          if log.hasStopped { runner.interrupt(with: SIGTERM) }
        },
        onSilence: { log.display.show(silence: $0) })
      return nil
    } catch {
      return error
    }
  }
}
