@_exported import Faults
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A program that runs beside this one, with its output on two pipes; for callers that wait on a thread of their own.
///
/// The program gets default signal handling and an empty mask, whatever this process has (Python installs no interrupt handler when
/// it inherits an ignored SIGINT), no descriptors but the three standard ones, and a process group of its own, so that what it
/// started can be ended with it. What it started and left behind is killed when it has ended.
public final class ChildProcess: Sendable {
  /// What to start.
  public struct Command: Sendable, Hashable {
    /// Path of the program.
    public var executable: String
    /// Arguments without the program's own name.
    public var arguments: [String]
    /// Variables to set on top of this process's environment; `nil` removes one.
    public var environment: [String: String?]
    /// How the program learns that this process has ended, even by SIGKILL.
    public var lifeline: Lifeline

    /// Creates a command from its parts.
    public init(
      executable: String, arguments: [String], environment: [String: String?] = [:], lifeline: Lifeline = .none
    ) {
      self.executable = executable
      self.arguments = arguments
      self.environment = environment
      self.lifeline = lifeline
    }
  }

  /// How a program learns that this process has ended.
  public enum Lifeline: Sendable, Hashable {
    /// Not at all; its standard input is empty.
    case none
    /// Its standard input stays open until this process has ended or lets go, and carries what ``ChildProcess/write(_:)`` is given. The
    /// program has to watch it.
    case standardInput
    /// The kernel kills it (`setpriv --pdeathsig`); where there is no such program, as ``none``. Its standard input is empty.
    case kernel
  }

  /// How a program ended.
  public enum Exit: Sendable, Hashable {
    /// By itself, with this status.
    case code(Int32)
    /// By this signal.
    case signal(Int32)
  }

  /// What a program has written, or that it has ended.
  public enum Event: Sendable, Hashable {
    /// Bytes of its standard output.
    case output([UInt8])
    /// Bytes of its standard error.
    case diagnostics([UInt8])
    /// Nothing comes after this.
    case ended(Exit)
  }

  private let channel: ChildChannel

  /// Starts `command` and waits until it has begun.
  ///
  /// - Throws: ``ChildProcessError`` with the system's reason.
  public init(_ command: Command) throws(ChildProcessError) {
    let channel = ChildChannel()
    ChildRun.begin(command, channel: channel)
    try channel.waitForStart()
    self.channel = channel
  }

  deinit { end() }

  /// The program's process identifier, which is also that of its process group.
  public var identifier: pid_t { channel.identifier }

  /// Waits for the next event.
  ///
  /// - Parameter duration: how long at most; `.zero` does not wait.
  /// - Returns: `nil` when nothing came in time; ``Event/ended(_:)`` again and again once the program has ended.
  public func next(within duration: Duration) -> Event? { channel.next(within: duration) }

  /// Writes to the program's standard input, in order, without waiting; dropped when it does not read any more. For programs with the lifeline
  /// ``Lifeline/standardInput``; what others are given is dropped.
  public func write(_ bytes: [UInt8]) { channel.write(bytes) }

  /// Ends the program's standard input after what was written.
  public func endInput() { channel.endInput() }

  /// Sends `signal` to the program and to all that it started; does nothing once it has ended.
  public func send(_ signal: Int32) { channel.send(signal) }

  /// Whether a signal such as SIGSTOP has stopped the program; `false` where the system does not say.
  public var isStopped: Bool {
    // The state follows the program's name, which is in brackets and may hold any character.
    guard let text = try? InputFile.bytes(of: "/proc/\(identifier)/stat"),
      let bracket = text.lastIndex(of: UInt8(ascii: ")")), bracket + 2 < text.count
    else { return false }
    return text[bracket + 2] == UInt8(ascii: "T")
  }

  /// Ends the program: SIGTERM, and SIGKILL when it has not ended within `grace`. What it still writes is dropped.
  ///
  /// A stopped program is continued, so that it can end by itself.
  ///
  /// - Returns: how it ended.
  @discardableResult
  public func end(grace: Duration = .zero) -> Exit {
    if grace > .zero {
      send(SIGTERM)
      send(SIGCONT)
    }
    let deadline = ContinuousClock.now + grace
    while true {
      let rest = deadline - .now
      if rest <= .zero { send(SIGKILL) }
      if case .ended(let exit)? = next(within: rest > .zero ? rest : .milliseconds(100)) { return exit }
    }
  }
}

/// Why a program could not be started; the subject is the program, the message the system's reason.
public typealias ChildProcessError = Fault<ChildProcessErrorCode>

/// What went wrong.
public enum ChildProcessErrorCode: String, FaultCode {
  /// The system did not start it.
  case cannotStart = "cannot_start"

  /// The sentence says it.
  public static var isShown: Bool { false }
}

extension ChildProcess.Exit: CustomStringConvertible {
  /// `exit status 3`, or `signal 11 (SIGSEGV)`.
  public var description: String {
    switch self {
    case .code(let code): "exit status \(code)"
    case .signal(let number): "signal \(number)" + (SignalName.of(number).map { " (\($0))" } ?? "")
    }
  }
}
