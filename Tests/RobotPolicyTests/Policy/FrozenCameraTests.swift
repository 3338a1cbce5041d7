import RobotInterface
import RobotPolicy
import Testing

@Suite("Frozen cameras")
struct FrozenCameraTests {
  let timeout: UInt64 = 1_000_000_000

  func observation(at milliseconds: UInt64, _ frames: [String: [UInt8]], consumed: Int = 0) -> Observation {
    let frames = frames.sorted { $0.key < $1.key }.map {
      CameraFrame(camera: $0.key, encoding: .jpeg, width: 2, height: 2, data: $0.value)
    }
    return Observation(
      sequence: milliseconds, capturedAt: milliseconds * 1_000_000, sentAt: milliseconds * 1_000_000, frames: frames,
      proprioception: [], instruction: "x", actionsConsumed: consumed)
  }

  @Test func aCameraThatRepeatsItselfWhileTheRobotMovesIsNamed() {
    var watch = FrozenCameraWatch()
    for step: UInt64 in 0...10 {
      let seen = observation(at: step * 100, ["a": [UInt8(step)], "b": [7]])
      #expect(watch.observe(seen, commandMoves: true, timeout: timeout) == nil)
    }
    let seen = observation(at: 1_001, ["a": [99], "b": [7]])
    #expect(watch.observe(seen, commandMoves: true, timeout: timeout) == 1)
  }

  @Test func aStillRobotMaySeeTheSamePictureForever() {
    var watch = FrozenCameraWatch()
    for step: UInt64 in 0...100 {
      let seen = observation(at: step * 1_000, ["a": [1]])
      #expect(watch.observe(seen, commandMoves: false, timeout: timeout) == nil)
    }
  }

  @Test func theTimeStillCountsFromTheLastRest() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 0, ["a": [1]]), commandMoves: false, timeout: timeout)
    _ = watch.observe(observation(at: 5_000, ["a": [1]]), commandMoves: false, timeout: timeout)
    #expect(watch.observe(observation(at: 6_000, ["a": [1]]), commandMoves: true, timeout: timeout) == nil)
    #expect(watch.observe(observation(at: 6_001, ["a": [1]]), commandMoves: true, timeout: timeout) == 0)
  }

  @Test func aFrozenCameraStaysFrozenWhileTheRobotHoldsAndRecoversWithANewPicture() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 0, ["a": [1]]), commandMoves: true, timeout: timeout)
    #expect(watch.observe(observation(at: 2_000, ["a": [1]]), commandMoves: true, timeout: timeout) == 0)
    #expect(watch.observe(observation(at: 2_050, ["a": [1]]), commandMoves: false, timeout: timeout) == 0)
    #expect(watch.observe(observation(at: 2_100, ["a": [2]]), commandMoves: false, timeout: timeout) == nil)
    #expect(watch.observe(observation(at: 2_150, ["a": [2]]), commandMoves: true, timeout: timeout) == nil)
  }

  @Test func aRobotThatReportsThatItExecutedNothingDidNotMove() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 0, ["a": [1]], consumed: 4), commandMoves: true, timeout: timeout)
    #expect(watch.observe(observation(at: 2_000, ["a": [1]], consumed: 0), commandMoves: true, timeout: timeout) == nil)
    #expect(watch.observe(observation(at: 3_001, ["a": [1]], consumed: 4), commandMoves: true, timeout: timeout) == 0)
  }

  @Test func aRobotThatComesToNoOtherPlaceDidNotMove() {
    var watch = FrozenCameraWatch()
    func observe(_ milliseconds: UInt64, _ consumed: Int, chunk: Int) -> Int? {
      watch.observe(
        observation(at: milliseconds, ["a": [1]], consumed: consumed), commandMoves: true, chunk: chunk,
        timeout: timeout)
    }
    #expect(observe(0, 4, chunk: 1) == nil)
    // Stopped for a minute: it still is where it was.
    #expect(observe(60_000, 4, chunk: 1) == nil)
    #expect(observe(60_900, 4, chunk: 2) == nil)
    #expect(observe(61_001, 4, chunk: 3) == 0)
  }

  @Test func aClockThatWentBackwardsStartsTheWatchAgain() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 9_000, ["a": [1]]), commandMoves: true, timeout: timeout)
    #expect(watch.observe(observation(at: 10, ["a": [1]]), commandMoves: true, timeout: timeout) == nil)
  }

  @Test func withoutATimeoutNothingIsFrozen() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 0, ["a": [1]]), commandMoves: true, timeout: nil)
    #expect(watch.observe(observation(at: 99_000, ["a": [1]]), commandMoves: true, timeout: nil) == nil)
  }

  @Test func actionsThatWereChangedAreCountedByReason() {
    var context = EpisodeContext()
    context.record([Action(values: [0]), Action(values: [1], limited: [.speed, .jump])], moving: true)
    context.record([Action(values: [1], limited: .speed)], moving: false)
    #expect(context.counters.chunks == 2)
    #expect(context.counters.actions == 3)
    #expect(context.counters.limitedActions == 2)
    #expect(context.counters.limitedActions(by: .speed) == 2)
    #expect(context.counters.limitedActions(by: .jump) == 1)
    #expect(context.counters.limitedActions(by: .workspace) == 0)
    #expect(!context.lastCommandMoves)
  }
}
