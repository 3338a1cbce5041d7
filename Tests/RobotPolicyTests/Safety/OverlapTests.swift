import RobotInterface
import RobotPolicy
import TestSupport
import Testing

/// A robot that observes and asks while it still executes the last chunk, and executes all to the letter.
private struct AsynchronousRobot {
  /// How it asks.
  enum Habit {
    case waitsForAnswers, observesAhead
    /// Waits for answers, of which some are lost; says which chunk it has.
    case losesAnswers
    /// Leaves out of a chunk as many actions as it has executed since it observed; says so, unless told not to.
    case skips, skipsSecretly

    var skips: Bool { self == .skips || self == .skipsSecretly }
  }

  let envelope: SafetyEnvelope
  /// Whether the values are steps; one entry a value that is looked at.
  let areSteps: Bool
  let habit: Habit
  /// Whether the envelope is told what is pending: what the daemon did before.
  var tellsPending = true
  var position: [Double]
  private var context = EpisodeContext()
  private var chunk: [Action] = []
  private var consumed = 0
  /// Since the last observation.
  private var moved = 0
  private var sequence: UInt64 = 0
  /// Executed commands, those of targets one after the other.
  private(set) var visited: [[Double]] = []
  private(set) var refusals = 0
  private(set) var answers = 0
  private(set) var limited = 0
  /// The number of the chunk that it has.
  private var received = 0

  init(_ text: String, habit: Habit, position: [Double]) throws {
    let specification = try ExamplePolicy.specification(text)
    envelope = SafetyEnvelope(specification)
    areSteps = specification.actionSpace.modeName == "delta"
    self.habit = habit
    self.position = position
    visited = [position]
  }

  /// Executes some of what is left of the chunk.
  mutating func execute(atMost count: Int) {
    for action in chunk.dropFirst(consumed).prefix(count) {
      let values = Array(action.values.prefix(position.count))
      position = areSteps ? zip(position, values).map { $0 + $1 } : values
      visited.append(position)
      consumed += 1
      moved += 1
    }
  }

  mutating func observe(_ rest: [Double]) -> Observation {
    sequence += 1
    moved = 0
    return Observation(
      sequence: sequence, capturedAt: sequence, sentAt: sequence, frames: [], proprioception: position + rest,
      instruction: "", actionsConsumed: consumed, skipsExecuted: habit == .skips)
  }

  /// What the daemon answers; the robot goes over to it at once.
  mutating func answer(_ said: [Action], to observation: Observation, arrives: Bool = true) {
    do throws(RobotError) {
      if habit == .losesAnswers { context.noteReceipt(upTo: received, at: observation.capturedAt) }
      let pending = tellsPending ? try context.pendingActions(after: observation) : []
      let actions = try envelope.limit(
        said, proprioception: observation.proprioception, pending: pending, skipsExecuted: observation.skipsExecuted)
      context.record(actions, moving: true)
      limited += actions.count { !$0.limited.isEmpty }
      answers += 1
      guard arrives else { return }
      received = context.lastChunkNumber
      (chunk, consumed) = (actions, habit.skips ? min(moved, actions.count) : 0)
    } catch {
      context.recordRefusal()
      refusals += 1
    }
  }

  /// One cycle with any overlap: what is executed between its moments is up to chance.
  mutating func cycle(
    _ rest: [Double], random: inout SeededGenerator, said: (inout SeededGenerator, [Double]) -> [Action]
  ) {
    func some() -> Int { Int.random(in: 0...5, using: &random) }
    let first = observe(rest)
    execute(atMost: some())
    guard habit == .observesAhead else {
      let arrives = habit != .losesAnswers || Int.random(in: 0..<5, using: &random) > 1
      answer(said(&random, position), to: first, arrives: arrives)
      return execute(atMost: some())
    }
    // The second observation leaves before the first answer comes.
    let second = observe(rest)
    context.noteObservationAhead()
    execute(atMost: some())
    answer(said(&random, position), to: first)
    execute(atMost: some())
    answer(said(&random, position), to: second)
    execute(atMost: some())
  }
}

@Suite("Chunks that overlap")
struct OverlapTests {
  static let box = [(-0.6)...0.6, 0.3...1.1, 0...0.6]

  /// Steps that push to a wall, and are sometimes small.
  private func steps(
    _ random: inout SeededGenerator, towards direction: [Double], in range: ClosedRange<Double>
  ) -> [Action] {
    (0..<4).map { _ in Action(values: direction.map { $0 * Double.random(in: range, using: &random) } + [0]) }
  }

  /// Flies 300 episodes of 12 cycles towards walls and corners.
  ///
  /// - Returns: how far a robot left the box, and how far a chunk led away from where it was observed.
  private func fly(
    _ habit: AsynchronousRobot.Habit, tellsPending: Bool, steps range: ClosedRange<Double> = -0.002...0.01
  ) throws -> (outside: Double, robots: [AsynchronousRobot]) {
    var random = SeededGenerator(seed: 41)
    var outside = 0.0
    var robots: [AsynchronousRobot] = []
    for _ in 0..<300 {
      let start = Self.box.map { Double.random(in: $0, using: &random) }
      var robot = try AsynchronousRobot(ExamplePolicy.delta, habit: habit, position: start)
      robot.tellsPending = tellsPending
      let direction = (0..<3).map { _ in Double.random(in: -1...1, using: &random) }
      for _ in 0..<12 {
        robot.cycle([0.5], random: &random) { random, _ in
          steps(&random, towards: direction.map { $0 < -0.3 ? -1 : $0 > 0.3 ? 1 : 0.2 }, in: range)
        }
      }
      for position in robot.visited {
        for (value, range) in zip(position, Self.box) {
          outside = max(outside, value - range.upperBound, range.lowerBound - value)
        }
      }
      robots.append(robot)
    }
    return (outside, robots)
  }

  @Test func `a robot that skips stays inside, and is not held back for actions that it leaves out`() throws {
    // To and fro, so that what is left out matters.
    let steps = -0.006...0.01
    let flown = try fly(.skips, tellsPending: true, steps: steps)
    #expect(flown.outside < 1e-12)
    #expect(flown.robots.allSatisfy { $0.refusals == 0 })
    let limited = flown.robots.reduce(0) { $0 + $1.limited }, answers = flown.robots.reduce(0) { $0 + $1.answers }
    #expect(limited > 100 && limited < 4 * answers, "\(limited) of \(4 * answers)")
    // The same robots leave the box when nobody knows that they skip.
    #expect(try fly(.skipsSecretly, tellsPending: true, steps: steps).outside > 0.001)
  }

  private func isClose(_ found: [Double], _ expected: [Double]) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 }
  }

  /// A robot at a wall. The chunk begins with a step away from it, which a robot that skips leaves out.
  @Test func `a chunk is limited from where it will begin`() throws {
    let envelope = SafetyEnvelope(try ExamplePolicy.specification(ExamplePolicy.delta))
    let old = (0..<2).map { _ in Action(values: [0, 0, 0, 0]) }
    let said = [-0.01, 0.01, 0.01, 0.01].map { Action(values: [$0, 0, 0, 0]) }
    func limited(skips: Bool) throws -> [Double] {
      try envelope.limit(said, proprioception: [0.6, 0.7, 0.3, 0.5], pending: [old], skipsExecuted: skips).map {
        $0.values[0]
      }
    }
    #expect(isClose(try limited(skips: false), [-0.01, 0.01, 0, 0]))
    #expect(isClose(try limited(skips: true), [-0.01, 0, 0, 0]), "it may begin with the second, at the wall")
  }

  @Test func `a target is near the pending one that it follows, and no other`() throws {
    let envelope = SafetyEnvelope(try ExamplePolicy.specification(ExamplePolicy.joints))
    let old = [0.1, 0.2, 0.3].map { Action(values: [$0, 0, 0.04]) }
    let said = [0.1, 0.15, 0.25, 0.25].map { Action(values: [$0, 0, 0.04]) }
    let actions = try envelope.limit(said, proprioception: [0, 0, 0.04], pending: [old], skipsExecuted: true)
    #expect(actions == said)
    // One that begins with the first cannot be near all three.
    #expect(throws: RobotError.self) { try envelope.limit(said, proprioception: [0, 0, 0.04], pending: [old]) }
    let far = [0.1, 0.2, 0.2, 0.25].map { Action(values: [$0, 0, 0.04]) }
    let near = try envelope.limit(
      far, proprioception: [0, 0, 0.04], pending: [old.map { Action(values: [$0.values[0] - 0.05, 0, 0.04]) }],
      skipsExecuted: true)
    #expect(
      isClose(near.map { $0.values[0] }, [0.1, 0.15, 0.2, 0.25]),
      "the second may follow 0.05, where the robot then is")
  }

  @Test func `steps stay inside whichever answers are lost`() throws {
    let flown = try fly(.losesAnswers, tellsPending: true)
    #expect(flown.outside < 1e-12)
    let answers = flown.robots.reduce(0) { $0 + $1.answers }
    #expect(answers > 3_000, "\(answers) of 3600")
    #expect(try fly(.losesAnswers, tellsPending: false).outside > 0.01)
  }

  @Test(arguments: [true, false])
  func `steps stay inside whatever of the old chunk the robot still executes`(waits: Bool) throws {
    let habit: AsynchronousRobot.Habit = waits ? .waitsForAnswers : .observesAhead
    let flown = try fly(habit, tellsPending: true)
    #expect(flown.outside < 1e-12)
    #expect(flown.robots.allSatisfy { $0.refusals == 0 })
    let limited = flown.robots.reduce(0) { $0 + $1.limited }, answers = flown.robots.reduce(0) { $0 + $1.answers }
    #expect(limited > 1_000 && limited < 4 * answers, "\(limited) of \(4 * answers)")
    // The same robots leave the box when nobody adds the chunks up.
    #expect(try fly(habit, tellsPending: false).outside > 0.01)
  }

  /// Two joints and a gripper, of which no command may be farther from the one before it than a step.
  private func largestStep(_ habit: AsynchronousRobot.Habit, tellsPending: Bool) throws -> (
    steps: Double, refusals: Int, answers: Int
  ) {
    let allowed = [0.1, 0.2, 0.01]
    var random = SeededGenerator(seed: 42)
    var largest = 0.0, refusals = 0, answers = 0
    for _ in 0..<300 {
      var robot = try AsynchronousRobot(ExamplePolicy.joints, habit: habit, position: [0, 0, 0.04])
      robot.tellsPending = tellsPending
      for cycle in 0..<12 {
        let speed = cycle % 3 == 0 ? 0.3 : 1
        robot.cycle([], random: &random) { random, position in
          (0..<4).map { _ in
            Action(values: zip(position, allowed).map { $0 + speed * $1 * Double.random(in: -3...3, using: &random) })
          }
        }
      }
      for (one, next) in zip(robot.visited, robot.visited.dropFirst()) {
        for (axis, step) in allowed.enumerated() { largest = max(largest, abs(next[axis] - one[axis]) / step) }
      }
      refusals += robot.refusals
      answers += robot.answers
    }
    return (largest, refusals, answers)
  }

  @Test(arguments: [true, false])
  func `a target is near wherever the old chunk has led, or there is none`(waits: Bool) throws {
    let habit: AsynchronousRobot.Habit = waits ? .waitsForAnswers : .observesAhead
    let flown = try largestStep(habit, tellsPending: true)
    #expect(flown.steps <= 1 + 1e-12)
    #expect(flown.refusals > 100 && flown.answers > 300, "\(flown)")
    #expect(try largestStep(habit, tellsPending: false).steps > 1.5)
  }
}

@Suite("What a robot may still execute")
struct PendingActionTests {
  let first = (1...3).map { Action(values: [Double($0)]) }
  let second = (11...12).map { Action(values: [Double($0)]) }

  func observation(at time: UInt64 = 10, consumed: Int) -> Observation {
    Observation(
      sequence: 1, capturedAt: time, sentAt: time, frames: [], proprioception: [], instruction: "",
      actionsConsumed: consumed)
  }

  func values(_ sequences: [[Action]]) -> [[Double]] { sequences.map { $0.flatMap(\.values) } }

  @Test func `it is what is left of the last chunk`() throws {
    var context = EpisodeContext()
    #expect(try context.pendingActions(after: observation(consumed: 0)).isEmpty)
    context.record(first, moving: true, validUntil: 20)
    #expect(values(try context.pendingActions(after: observation(consumed: 0))) == [[1, 2, 3]])
    #expect(values(try context.pendingActions(after: observation(consumed: 2))) == [[3]])
    #expect(try context.pendingActions(after: observation(consumed: 3)).isEmpty)
    #expect(
      values(try context.pendingActions(after: observation(consumed: 99))) == [[1, 2, 3]],
      "the robot reports of another chunk")
    context.recordRefusal()
    #expect(values(try context.pendingActions(after: observation(consumed: 2))) == [[3]])
  }

  @Test func `nothing begins after a chunk is valid`() throws {
    var context = EpisodeContext()
    context.record(first, moving: true, validUntil: 20)
    #expect(values(try context.pendingActions(after: observation(at: 20, consumed: 1))) == [[2, 3]])
    #expect(try context.pendingActions(after: observation(at: 21, consumed: 1)).isEmpty)
  }

  @Test func `a robot that observes ahead may go on with either chunk`() throws {
    var context = EpisodeContext()
    context.record(first, moving: true, validUntil: 20)
    context.record(second, moving: true, validUntil: 30)
    #expect(values(try context.pendingActions(after: observation(consumed: 1))) == [[12]])
    context.noteObservationAhead()
    #expect(
      values(try context.pendingActions(after: observation(consumed: 1)))
        == [[12], [11, 12], [2, 11, 12], [2, 3, 11, 12]])
    #expect(values(try context.pendingActions(after: observation(at: 25, consumed: 1))) == [[12], [11, 12]])
    var skipping = observation(at: 25, consumed: 1)
    skipping.skipsExecuted = true
    #expect(values(try context.pendingActions(after: skipping)) == [[12], [11, 12], [12]], "or with any place of it")
  }

  @Test func `chunks count until the robot has a later one, or they are valid no longer`() throws {
    var context = EpisodeContext()
    context.noteReceipt(upTo: 0, at: 1)
    context.record(first, moving: true, validUntil: 20)
    context.noteReceipt(upTo: 1, at: 2)
    for (value, validUntil) in [(5.0, UInt64(30)), (6, 40)] {
      context.record([Action(values: [value])], moving: true, validUntil: validUntil)
      context.noteReceipt(upTo: 1, at: 3)
    }
    let longest = { (time: UInt64) in
      values(try context.pendingActions(after: observation(at: time, consumed: 1))).max { $0.count < $1.count }
    }
    #expect(try longest(10) == [2, 3, 5, 6])
    #expect(try longest(21) == [5, 6])
    #expect(try longest(31) == [6])
    #expect(try longest(41) == nil)
    context.noteReceipt(upTo: 3, at: 4)
    #expect(values(try context.pendingActions(after: observation(consumed: 0))) == [[6]])
    #expect(context.lastActions == [Action(values: [6])])
  }

  @Test func `too many are not reckoned with, until they are valid no longer`() throws {
    var context = EpisodeContext()
    for time in UInt64(1)...20 {
      context.noteReceipt(upTo: 0, at: time)
      context.record(first, moving: true, validUntil: 100 + time)
    }
    context.noteReceipt(upTo: 0, at: 21)
    #expect(throws: RobotError.self) { try context.pendingActions(after: observation(at: 21, consumed: 0)) }
    context.noteReceipt(upTo: 0, at: 120)
    #expect(values(try context.pendingActions(after: observation(at: 120, consumed: 0))).contains([1, 2, 3]))
  }
}
