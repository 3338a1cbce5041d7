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

  private struct State {
    var child: ChildProcess?
    var signal: Int32?
  }

  private let command: RobotCommand
  private let state = Mutex(State())

  /// Prepares to run `command`; nothing starts yet.
  public init(_ command: RobotCommand) {
    self.command = command
  }

  /// Passes a signal on to the robot; a second one kills it. May be called from any thread, also before ``run(onDiagnostic:onEvent:)``.
  public func interrupt(with signal: Int32) {
    let (child, again) = state.withLock { state in
      defer { state.signal = state.signal ?? signal }
      return (state.child, state.signal != nil)
    }
    child?.send(again ? SIGKILL : signal)
  }

  /// Runs the robot to its end on the calling thread.
  ///
  /// - Parameters:
  ///   - onDiagnostic: is given each line that the robot writes for people.
  ///   - onEvent: is given each event in order.
  /// - Throws: ``RolloutError``: what the robot said about its failure, else what its exit code means, with the last lines that it wrote
  ///   for people; `.interrupted` after ``interrupt(with:)``.
  public func run(
    onDiagnostic: (String) -> Void = { _ in }, onEvent: (RolloutEvent) -> Void
  ) throws(RolloutError) {
    var ending = RobotEnding()
    guard state.withLock({ $0.signal }) == nil else { throw ending.interruption }
    let child = try ChildProcess(command)
    let early = state.withLock { state in
      state.child = child
      return state.signal
    }
    // A signal that came between the check and the start found no process to go to.
    if let early { child.send(early) }

    var events = LineSplitter()
    var diagnostics = LineSplitter()
    var open: Set<Int> = [0, 1]
    var deadline: ContinuousClock.Instant?
    do {
      while true {
        // Asked before reading: what the robot wrote before its end is then surely in the pipes.
        let exit = child.poll()
        let output = child.read(within: exit == nil ? 200 : 0, open: &open)
        for line in try events.append(output.standardOutput) {
          try take(line, number: events.count, into: &ending, onEvent: onEvent)
        }
        for line in (try? diagnostics.append(output.standardError)) ?? [] {
          onDiagnostic(ending.note(line))
        }
        if let exit, output.standardOutput.isEmpty, output.standardError.isEmpty {
          ending.exit = exit
          break
        }
        if exit == nil, state.withLock({ $0.signal }) != nil {
          let limit = deadline ?? .now + Self.grace
          deadline = limit
          if ContinuousClock.now > limit { child.send(SIGKILL) }
        }
      }
      if let line = events.finish() { try take(line, number: events.count, into: &ending, onEvent: onEvent) }
      if let line = diagnostics.finish() { onDiagnostic(ending.note(line)) }
    } catch {
      Self.end(child)
      throw error
    }
    if state.withLock({ $0.signal }) != nil { throw ending.interruption }
    try ending.check()
  }

  private func take(
    _ line: [UInt8], number: Int, into ending: inout RobotEnding, onEvent: (RolloutEvent) -> Void
  ) throws(RolloutError) {
    guard line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else { return }
    let event = try RolloutEvent(line: line, number: number)
    ending.note(event)
    onEvent(event)
  }

  /// Ends a robot that can no longer be understood, and waits for it.
  private static func end(_ child: ChildProcess) {
    child.send(SIGTERM)
    let limit = ContinuousClock.now + grace
    while child.poll() == nil {
      if ContinuousClock.now > limit { child.send(SIGKILL) }
      usleep(20_000)
    }
  }
}
