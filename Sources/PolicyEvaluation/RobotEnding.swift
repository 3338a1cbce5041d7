/// How a robot process ended, and the sentence that a person is told about it.
struct RobotEnding {
  /// Lines of diagnostics that an error message quotes at most.
  static let tailLength = 12

  /// How the process ended; set when it has.
  var exit: ChildProcess.Exit = .code(0)
  private var failure: RolloutEvent.Failure?
  private var isDone = false
  private var tail: [String] = []

  /// The error of a rollout that a signal ended.
  var interruption: RolloutError {
    RolloutError(.interrupted, "rollout", "ended by a signal before all episodes had run")
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
    if tail.count == Self.tailLength { tail.removeFirst() }
    tail.append(text)
    return text
  }

  /// - Throws: ``RolloutError`` unless all episodes ran and the process ended as it should.
  func check() throws(RolloutError) {
    if exit == .code(0) {
      guard isDone else {
        throw RolloutError(.unexpectedExit, "robot", "ended before all its episodes had run" + quotedTail)
      }
      return
    }
    let (code, sentence) = meaning
    if let failure {
      let subject = failure.subject.isEmpty ? "robot" : failure.subject
      throw RolloutError(code, subject, "\(failure.message) (\(failure.code)): \(sentence)")
    }
    throw RolloutError(code, "robot", sentence + quotedTail)
  }

  private var meaning: (RolloutError.Code, String) {
    switch exit {
    case .code(2): (.usage, "the robot refused its command line")
    case .code(3): (.capabilitiesDisagree, "the robot cannot do what the policy asks for and did not move")
    case .code(4): (.protocolFailure, "the robot got no usable answer from the daemon")
    case .code(5): (.environmentFailure, "the simulator is not installed, does not know the task, or broke")
    case .code(127): (.cannotStart, "the robot's program was not found")
    case .code(130), .code(143), .signal(2), .signal(15): (.interrupted, "the robot was interrupted")
    case .code(let code): (.unexpectedExit, "the robot ended with code \(code)")
    case .signal(let signal): (.unexpectedExit, "the robot was ended by signal \(signal)")
    }
  }

  private var quotedTail: String {
    tail.isEmpty ? "" : "; its last words: " + tail.suffix(4).joined(separator: " | ")
  }
}
