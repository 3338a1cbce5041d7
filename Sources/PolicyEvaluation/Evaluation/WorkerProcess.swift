import Foundation
import Processes
import RunDatabase

/// An episode as a worker is told of it.
struct WorkerJob: Sendable, Hashable, Encodable {
  var id: Int
  var task: String
  var seed: Int
  var stepLimit: Int?
  var stopsAtSuccess: Bool
  var video: String?
  /// What sets the episode apart from a plain one.
  var options: Suite.Options?

  /// The line that is written to the worker.
  func line() throws(RolloutError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")] } catch {
      throw RolloutError(.cannotStart, task, "the job cannot be written: \(error)")
    }
  }
}

/// A simulator process and the conversation with it. Used by one thread.
final class WorkerProcess {
  /// What became of a job.
  enum Outcome {
    /// The episode ran to its end; mebibytes that the worker has used at most.
    case finished(WorkerEvent.EpisodeEnd, [StepRecord], memory: Double)
    /// The simulator failed, in a sentence; another process may do better.
    case lost(String)
  }

  private static let interval: Duration = .milliseconds(500)
  private static let grace: Duration = .seconds(10)

  let child: ChildProcess
  private let patience: Duration
  private let onLine: (String) -> Void
  private var output = LineSplitter()
  private var diagnostics = LineSplitter()
  private var events: [WorkerEvent] = []
  private var lastLine = ""
  private var heard = ContinuousClock.now

  /// Starts a worker.
  ///
  /// - Parameters:
  ///   - patience: how long it may report nothing.
  ///   - onLine: is given each line that it writes for people.
  init(
    _ command: ChildProcess.Command, patience: Duration, onLine: @escaping (String) -> Void
  ) throws(RolloutError) {
    do throws(ChildProcessError) { child = try ChildProcess(command) } catch {
      throw RolloutError(.cannotStart, error.executable, error.message)
    }
    self.patience = patience
    self.onLine = onLine
  }

  /// Runs a job to its end.
  ///
  /// - Throws: ``RolloutError`` for what another attempt would not mend: robot and policy disagree, the daemon refuses or is gone.
  func run(_ job: WorkerJob) throws(RolloutError) -> Outcome {
    child.write(try job.line())
    heard = .now
    var steps: [StepRecord] = []
    while true {
      switch nextEvent() {
      case .event(.ready), .event(.episodeStart): break
      case .event(.step(let step)):
        guard step.id == job.id else { return .lost("it reported a step of another episode") }
        steps.append(StepRecord(step))
      case .event(.episodeEnd(let end)):
        guard end.id == job.id, end.task == job.task, end.seed == job.seed else {
          return .lost("it reported the end of another episode")
        }
        return .finished(end, steps, memory: end.peakMemoryMib)
      case .event(.episodeFailed(_, let failure)), .event(.failed(let failure)):
        // The exit status says whose fault it was.
        return try judge(exit(), failure)
      case .ended(let exit): return try judge(exit, nil)
      case .silence: return .lost("it reported nothing for \(patience)")
      case .nonsense(let error): return .lost("\(error.subject): \(error.message)")
      }
    }
  }

  /// How a worker that is about to end ends.
  private func exit() -> ChildProcess.Exit {
    child.endInput()
    let deadline = ContinuousClock.now + Self.grace
    while ContinuousClock.now < deadline {
      if case .ended(let exit)? = child.next(within: Self.interval) { return exit }
    }
    return child.end()
  }

  /// Ends the worker, which runs nothing, at the end of its input, or by signals when it does not heed that.
  func end() {
    child.endInput()
    child.end(grace: Self.grace)
  }

  private enum Next {
    case event(WorkerEvent)
    case ended(ChildProcess.Exit)
    case silence
    /// What came is no report.
    case nonsense(RolloutError)
  }

  private func nextEvent() -> Next {
    while events.isEmpty {
      switch child.next(within: Self.interval) {
      case .output(let bytes)?:
        heard = .now
        do throws(RolloutError) {
          for line in try output.append(bytes) { events.append(try WorkerEvent(line: line, number: output.count)) }
        } catch { return .nonsense(error) }
      case .diagnostics(let bytes)?:
        for line in (try? diagnostics.append(bytes)) ?? [] {
          lastLine = String(decoding: line, as: UTF8.self)
          onLine(lastLine)
        }
      case .ended(let exit)?: return .ended(exit)
      case nil: if ContinuousClock.now - heard > patience { return .silence }
      }
    }
    return .event(events.removeFirst())
  }

  /// What the end of a worker means: its exit codes are those of `uio2_envs`.
  private func judge(_ exit: ChildProcess.Exit, _ failure: WorkerEvent.Failure?) throws(RolloutError) -> Outcome {
    let words = failure.map { "\($0.code): \($0.subject): \($0.message)" }
    switch exit {
    case .code(2): throw RolloutError(.usage, "worker", words ?? lastLine)
    case .code(3): throw RolloutError(.capabilitiesDisagree, failure?.subject ?? "policy", failure?.message ?? lastLine)
    case .code(4): throw RolloutError(.protocolFailure, failure?.subject ?? "daemon", failure?.message ?? lastLine)
    default: return .lost(words ?? "it ended with \(exit)" + (lastLine.isEmpty ? "" : ": \(lastLine)"))
    }
  }
}

extension StepRecord {
  fileprivate init(_ step: WorkerEvent.Step) {
    self.init(
      step: step.step, latency: step.latencyMs.compactMapValues(\.self), proprioception: step.proprioception,
      tokens: step.tokens,
      confidence: step.confidence, commands: step.commands, limited: step.limitFlags, reward: step.reward,
      success: step.success)
  }
}
