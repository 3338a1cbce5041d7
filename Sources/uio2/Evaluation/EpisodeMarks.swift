import PolicyEvaluation
import Processes
import Recording
import RunDatabase
import Synchronization

/// Tells a recording which session a worker's episodes are, and how they ended: the messages between robot and daemon do not say.
final class EpisodeMarks: Sendable {
  private struct State {
    /// The session of each worker's present process.
    var sessions: [Int: String] = [:]
    var started = 0
  }

  /// Where the marks go; `nil`: nothing is recorded.
  let recorder: Recorder?
  private let state = Mutex(State())

  init(_ recorder: Recorder?) { self.recorder = recorder }

  /// The command of a worker that starts now. Where a recording wants to know it, its session has a name; a new one for every process, since
  /// a session belongs to the one that has greeted first.
  func command(_ command: ChildProcess.Command, worker: Int) -> ChildProcess.Command {
    guard recorder != nil else { return command }
    let session = state.withLock { state in
      state.started += 1
      let session = "worker-\(worker + 1)-\(state.started)"
      state.sessions[worker] = session
      return session
    }
    var named = command
    named.arguments += ["--session", session]
    return named
  }

  /// Marks what an evaluation reports.
  func take(_ event: Evaluation.Event) {
    guard let recorder else { return }
    switch event {
    case .began(let episode, let worker):
      recorder.mark(EpisodeMark(.began, session: session(of: worker), task: episode.task, seed: episode.seed))
    case .recorded(let record, _):
      let isFinished = record.state == .finished
      recorder.mark(
        EpisodeMark(
          isFinished ? .ended : .lost, session: session(of: record.worker), task: record.episode.task,
          seed: record.episode.seed, success: isFinished ? record.successAtAnyStep : nil,
          successAtEnd: isFinished ? record.successAtEnd : nil, steps: isFinished ? record.steps : nil,
          instruction: record.instruction.isEmpty ? nil : record.instruction))
    default: break
    }
  }

  private func session(of worker: Int) -> String { state.withLock { $0.sessions[worker] } ?? "" }
}
