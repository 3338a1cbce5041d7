import Processes

/// How a robot process ended, and the sentence that a person is told about it.
struct RobotEnding {
  /// How the process ended; set when it has.
  var exit: ChildProcess.Exit = .code(0)
  private var failure: RolloutEvent.Failure?
  private var isDone = false
  private var lastWords = ""

  /// The error of a rollout that a signal ended.
  var interruption: RolloutError {
    RolloutError(.interrupted, "rollout", "ended by a signal before all episodes had run")
  }

  /// The error of a robot that has said nothing for too long.
  func silence(after patience: Duration, isStopped: Bool) -> RolloutError {
    let seconds = TextTable.number(patience / .seconds(1))
    let reason = isStopped ? "it has been stopped by a signal" : "it hangs or computes for too long"
    return RolloutError(
      .unresponsive, "robot",
      "reported nothing for \(seconds) seconds: \(reason); it was ended, --watchdog sets the limit" + quotedWords)
  }

  /// Remembers what matters about an event.
  mutating func note(_ event: RolloutEvent) {
    switch event {
    case .failed(let failure): self.failure = failure
    case .done: isDone = true
    default: break
    }
  }

  /// Remembers a line written for people and returns it as text.
  mutating func note(_ line: [UInt8]) -> String {
    let text = String(decoding: line, as: UTF8.self)
    // A traceback ends with the error itself, at the left margin.
    let words = text.drop { $0 == " " || $0 == "\t" }
    if !words.isEmpty { lastWords = String(words) }
    return text
  }

  /// - Throws: ``RolloutError`` unless all episodes ran and the process ended as it should.
  func check() throws(RolloutError) {
    if exit == .code(0) {
      guard isDone else {
        throw RolloutError(.unexpectedExit, "robot", "ended before all its episodes had run" + quotedWords)
      }
      return
    }
    if let failure {
      let subject = failure.subject.isEmpty ? "robot" : failure.subject
      throw RolloutError(Self.code(of: failure) ?? meaning.0, subject, "\(failure.message) (\(failure.code))")
    }
    throw RolloutError(meaning.0, "robot", meaning.1 + quotedWords)
  }

  /// What is wrong with the command line and not with the simulator.
  private static func code(of failure: RolloutEvent.Failure) -> RolloutError.Code? {
    ["unknown_task", "unknown_environment"].contains(failure.code) ? .invalidPlan : nil
  }

  private var meaning: (RolloutError.Code, String) {
    switch exit {
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
