import PolicyEvaluation

/// Shows a rollout's progress: a line that is redrawn on a terminal, a line an episode elsewhere.
struct ProgressDisplay {
  /// Redrawing more often than the eye follows would only cost the simulator time.
  private static let interval: Duration = .milliseconds(100)

  private var progress = RolloutProgress()
  private var lastDrawn: ContinuousClock.Instant?
  private var isDrawn = false
  /// Why nothing can be shown any more, once that is so.
  private(set) var failure: CommandFailure?

  /// Takes an event and draws what it changed.
  mutating func show(_ event: RolloutEvent) {
    progress.record(event)
    if case .episodeEnd(let end) = event { note(progress.summary(of: end)) }
    guard Console.isTerminal else { return }
    let now = ContinuousClock.now
    if let lastDrawn, now - lastDrawn < Self.interval { return }
    lastDrawn = now
    draw()
  }

  /// Takes into account that the robot has reported nothing for a while.
  mutating func show(silence: Duration) {
    progress.record(silence: silence)
    if silence >= .seconds(5) { draw() }
  }

  /// Writes a line that stays, above the live one.
  mutating func note(_ line: String) {
    erase()
    guard failure == nil else { return }
    do throws(CommandFailure) { try Console.say(line) } catch { failure = error }
  }

  /// Takes the live line away.
  mutating func erase() {
    guard isDrawn else { return }
    Console.draw("\r\u{1b}[K")
    isDrawn = false
  }

  /// Draws the live line, on a terminal.
  mutating func draw() {
    guard Console.isTerminal else { return }
    Console.draw("\r\u{1b}[K" + progress.line(width: Console.width - 1))
    isDrawn = true
  }
}
