import Processes
import Reporting

/// How a worker ended before its episode did, what that means, and the sentence that a person is told about it.
struct WorkerEnding {
  /// How the process ended.
  var exit: ChildProcess.Exit
  /// What the worker said of it.
  var failure: WorkerEvent.Failure?
  /// Whether it had begun: simulator and policy were there.
  var wasReady: Bool
  /// Whether it, or another worker of the same command, had begun: the command line is right, the simulator installed, and they fit.
  var hasBegun: Bool
  /// The last line that it wrote for people.
  var lastWords: String

  /// What is wrong with the simulator or the plan, whichever process is asked.
  private static let lasting: Set<String> = [
    "simulator_missing", "adapter_missing", "foreign_module", "unknown_environment", "unknown_task", "unknown_view",
    "no_expert", "no_shared_scene", "no_speech", "unsupported_perturbation", "unsupported_mode",
  ]

  /// What is wrong with the command line or the suite and not with the simulator.
  private static let ofThePlan: Set<String> = [
    "unknown_environment", "unknown_task", "unknown_view", "no_speech",
  ]

  /// A daemon that does not answer in time may be busy with others. What it refuses of an observation is the simulator's, of one episode.
  private static let passing: Set<String> = ["timeout", "disconnected", "invalid_proprioception", "invalid_image"]

  /// Whether another process would end in the same way.
  ///
  /// A simulator may end its process with any status. Those of the worker's contract are believed of a worker that says so in an event as
  /// well, or where none has begun yet.
  var isFinal: Bool {
    guard let failure else {
      if case .code = exit { return !hasBegun }
      return false
    }
    if Self.lasting.contains(failure.code) { return true }
    switch exit {
    case .code(2), .code(3): return true
    // No daemon to begin with: one that is gone for good is waited for once.
    case .code(4): return !wasReady || !Self.passing.contains(failure.code)
    case .code: return !hasBegun
    case .signal: return false
    }
  }

  /// The ending as an error.
  var error: RolloutError {
    let (code, sentence) = meaning
    guard let failure else { return RolloutError(code, "robot", sentence + quotedWords) }
    let subject = failure.subject.isEmpty ? "robot" : failure.subject
    let isOfThePlan = Self.ofThePlan.contains(failure.code)
    return RolloutError(isOfThePlan ? .invalidPlan : code, subject, "\(failure.message) (\(failure.code))")
  }

  /// The error of a worker that has reported nothing for too long.
  static func silence(after patience: Duration, isStopped: Bool, lastWords: String) -> RolloutError {
    let seconds = TextTable.number(patience / .seconds(1))
    let reason = isStopped ? "it has been stopped by a signal" : "it hangs or computes for too long"
    let words = lastWords.isEmpty ? "" : "; its last words: \(lastWords)"
    return RolloutError(
      .unresponsive, "robot",
      "reported nothing for \(seconds) seconds: \(reason); it was ended, --watchdog sets the limit" + words)
  }

  private var meaning: (RolloutError.Code, String) {
    switch exit {
    case .code(0): (.unexpectedExit, "ended before its episode had run")
    case .code(2...5) where failure == nil && hasBegun:
      (.unexpectedExit, "ended by itself with \(exit), without a word about it")
    case .code(2): (.usage, "refused its command line")
    case .code(3): (.capabilitiesDisagree, "cannot do what the policy asks for and did not move")
    case .code(4): (.protocolFailure, "got no usable answer from the daemon")
    case .code(5): (.environmentFailure, "the simulator failed")
    case .code(130), .code(143), .signal(2), .signal(15): (.interrupted, "was interrupted")
    case .signal(9): (.unexpectedExit, "was killed by \(exit), as the system does when memory runs out")
    case .signal: (.unexpectedExit, "was ended by \(exit)")
    case .code: (.unexpectedExit, "ended with \(exit)")
    }
  }

  private var quotedWords: String { lastWords.isEmpty ? "" : "; its last words: \(lastWords)" }
}
