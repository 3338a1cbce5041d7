import Processes
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Starts a simulated robot as a process of its own, hands out its events as they come, and turns its end into a result.
public final class RolloutRunner: Sendable {
  /// How long the robot may take to end after a signal before it is killed: a film has to be finished.
  static let grace: Duration = .seconds(10)
  /// How often the loop looks whether it has been interrupted.
  private static let interval: Duration = .milliseconds(200)

  private struct State {
    var child: ChildProcess?
    var signal: Int32?
  }

  private let command: ChildProcess.Command
  private let patience: Duration
  private let state = Mutex(State())

  /// Prepares to run `command`; nothing starts yet.
  ///
  /// - Parameter patience: how long the robot may report nothing before it counts as hung and is ended.
  public init(_ command: ChildProcess.Command, patience: Duration = .seconds(60)) {
    self.command = command
    self.patience = patience
  }

  /// Passes a signal on to the robot, SIGINT as it is and any other as SIGTERM; a second one kills it. May be called from any thread,
  /// also before ``run(onDiagnostic:onEvent:onSilence:)``.
  public func interrupt(with signal: Int32) {
    let (child, again) = state.withLock { state in
      defer { state.signal = state.signal ?? signal }
      return (state.child, state.signal != nil)
    }
    child?.send(again ? SIGKILL : Self.forRobot(signal))
    // A stopped robot would never handle it.
    child?.send(SIGCONT)
  }

  /// Runs the robot to its end on the calling thread.
  ///
  /// - Parameters:
  ///   - onDiagnostic: is given each line that the robot writes for people.
  ///   - onEvent: is given each event in order.
  ///   - onSilence: is told now and then how long nothing has come.
  /// - Throws: ``RolloutError``: what the robot said about its failure, else what its exit status means, with the last line that it wrote
  ///   for people; `.interrupted` after ``interrupt(with:)``; `.unresponsive` when it reported nothing for too long.
  public func run(
    onDiagnostic: (String) -> Void = { _ in }, onEvent: (RolloutEvent) -> Void,
    onSilence: (Duration) -> Void = { _ in }
  ) throws(RolloutError) {
    var ending = RobotEnding()
    guard state.withLock({ $0.signal }) == nil else { throw ending.interruption }
    let child = try start()
    do {
      var reader = Reader(ending: ending)
      try follow(child, &reader, onDiagnostic, onEvent, onSilence)
      try reader.finish(onDiagnostic, onEvent)
      ending = reader.ending
    } catch {
      child.end(grace: Self.grace)
      throw error
    }
    if state.withLock({ $0.signal }) != nil { throw ending.interruption }
    try ending.check()
  }

  private func start() throws(RolloutError) -> ChildProcess {
    let child: ChildProcess
    do throws(ChildProcessError) { child = try ChildProcess(command) } catch {
      throw RolloutError(.cannotStart, error.executable, error.message)
    }
    let early = state.withLock { state in
      state.child = child
      return state.signal
    }
    // A signal that came between the check and the start found no process to go to.
    if let early { child.send(Self.forRobot(early)) }
    return child
  }

  /// Reads until the robot has ended.
  private func follow(
    _ child: ChildProcess, _ reader: inout Reader, _ onDiagnostic: (String) -> Void, _ onEvent: (RolloutEvent) -> Void,
    _ onSilence: (Duration) -> Void
  ) throws(RolloutError) {
    var heard = ContinuousClock.now
    var deadline: ContinuousClock.Instant?
    while true {
      switch child.next(within: Self.interval) {
      case .ended(let exit)?:
        reader.ending.exit = exit
        return
      case .output(let bytes)?:
        try reader.takeOutput(bytes, onEvent)
        heard = .now
      case .diagnostics(let bytes)?: reader.takeDiagnostics(bytes, onDiagnostic)
      case nil: onSilence(.now - heard)
      }
      if state.withLock({ $0.signal }) != nil {
        let limit = deadline ?? .now + Self.grace
        deadline = limit
        if ContinuousClock.now > limit { child.send(SIGKILL) }
      } else if ContinuousClock.now - heard > patience {
        throw reader.ending.silence(after: patience, isStopped: child.isStopped)
      }
    }
  }

  private static func forRobot(_ signal: Int32) -> Int32 { signal == SIGINT ? SIGINT : SIGTERM }
}

/// Turns the bytes of both pipes into events and lines.
private struct Reader {
  var ending: RobotEnding
  private var events = LineSplitter()
  private var diagnostics = LineSplitter()

  init(ending: RobotEnding) { self.ending = ending }

  mutating func takeOutput(_ bytes: [UInt8], _ onEvent: (RolloutEvent) -> Void) throws(RolloutError) {
    for line in try events.append(bytes) { try take(line, onEvent) }
  }

  mutating func takeDiagnostics(_ bytes: [UInt8], _ onDiagnostic: (String) -> Void) {
    for line in (try? diagnostics.append(bytes)) ?? [] { onDiagnostic(ending.note(line)) }
  }

  /// The last lines, where they have no ends.
  mutating func finish(
    _ onDiagnostic: (String) -> Void, _ onEvent: (RolloutEvent) -> Void
  ) throws(RolloutError) {
    if let line = events.finish() { try take(line, onEvent) }
    if let line = diagnostics.finish() { onDiagnostic(ending.note(line)) }
  }

  private mutating func take(_ line: [UInt8], _ onEvent: (RolloutEvent) -> Void) throws(RolloutError) {
    guard line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else { return }
    let event = try RolloutEvent(line: line, number: events.count)
    ending.note(event)
    onEvent(event)
  }
}
