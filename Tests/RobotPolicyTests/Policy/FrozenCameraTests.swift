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
      #expect(watch.observe(seen, movesUntil: .max, timeout: timeout) == nil)
    }
    let seen = observation(at: 1_001, ["a": [99], "b": [7]])
    #expect(watch.observe(seen, movesUntil: .max, timeout: timeout) == 1)
  }

  /// A JPEG file as far as its segments go: a comment, an application segment, tables, compressed rows, and bytes after its end.
  private func jpeg(_ note: UInt8, rows: UInt8, after: [UInt8] = []) -> [UInt8] {
    [0xFF, 0xD8, 0xFF, 0xE1, 0, 4, note, 0, 0xFF, 0xFE, 0, 3, note, 0xFF, 0xDB, 0, 3, 9, 0xFF, 0xDA, 0, 3, 1]
      + [rows, 0xFF, 0, 0xFF, 0xD0, 5, 0xFF, 0xD9] + after
  }

  private func png(_ note: UInt8, rows: UInt8, after: [UInt8] = []) -> [UInt8] {
    func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
      [0, 0, 0, UInt8(data.count)] + Array(name.utf8) + data + [1, 2, 3, note]
    }
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", [2]) + chunk("tEXt", [note])
      + chunk("IDAT", [rows]) + chunk("tIME", [note]) + chunk("IEND", []) + after
  }

  /// When a camera that shows these pictures in turn is found frozen, milliseconds.
  private func found(_ encoding: CameraFrame.Encoding = .jpeg, _ picture: (UInt8) -> [UInt8]) -> UInt64? {
    var watch = FrozenCameraWatch()
    for step: UInt64 in 0...40 {
      var seen = observation(at: step * 100, ["a": picture(UInt8(step))])
      seen.frames[0].encoding = encoding
      if watch.observe(seen, movesUntil: .max, timeout: timeout) != nil { return step * 100 }
    }
    return nil
  }

  @Test func `a picture is the same whatever its file says beside it`() {
    #expect(found { self.jpeg($0, rows: 1) } == 1_100)
    #expect(found { self.jpeg(0, rows: 1, after: [$0, 0xFF, $0]) } == 1_100)
    #expect(found(.png) { self.png($0, rows: 1) } == 1_100)
    #expect(found(.png) { self.png(0, rows: 1, after: [$0]) } == 1_100)
    // And another one where its rows differ, or the file cannot be told apart.
    #expect(found { self.jpeg(0, rows: $0) } == nil)
    #expect(found(.png) { self.png(0, rows: $0) } == nil)
    #expect(found { [0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF, $0] } == nil)
    #expect(found(.png) { [0x89, 0x50, $0] } == nil)
    for length in 0..<jpeg(1, rows: 1).count {
      #expect(found { _ in Array(self.jpeg(1, rows: 1).prefix(length)) } == 1_100)
    }
    for length in 0..<png(1, rows: 1).count {
      #expect(found(.png) { _ in Array(self.png(1, rows: 1).prefix(length)) } == 1_100)
    }
  }

  @Test func `a driver that goes round in its buffers is frozen too`() {
    #expect(found { [$0 % 2] } == 1_200)
    #expect(found { [$0 % 4] } == 1_400)
    #expect(found { [$0 % 5] } == nil, "more pictures than are remembered")
  }

  @Test func `a new episode with every observation hides no frozen camera`() {
    var watch = FrozenCameraWatch()
    var found: UInt64?
    for step: UInt64 in 0...40 where found == nil {
      // The commands of the last observation were valid for 80 of these 100 ms.
      if step > 0 { watch.beginEpisode(movesUntil: (step * 100 - 20) * 1_000_000) }
      let seen = observation(at: step * 100, ["a": [7]])
      if watch.observe(seen, movesUntil: nil, timeout: timeout) != nil { found = step * 100 }
    }
    #expect(found == 1_300)
    // A robot that stood still between two episodes may see the same.
    watch = FrozenCameraWatch()
    for step: UInt64 in 0...40 {
      watch.beginEpisode(movesUntil: nil)
      #expect(watch.observe(observation(at: step * 100, ["a": [7]]), movesUntil: nil, timeout: timeout) == nil)
    }
  }

  @Test func aStillRobotMaySeeTheSamePictureForever() {
    var watch = FrozenCameraWatch()
    for step: UInt64 in 0...100 {
      let seen = observation(at: step * 1_000, ["a": [1]])
      #expect(watch.observe(seen, movesUntil: nil, timeout: timeout) == nil)
    }
  }

  @Test func theTimeStillCountsFromTheLastRest() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 0, ["a": [1]]), movesUntil: nil, timeout: timeout)
    _ = watch.observe(observation(at: 5_000, ["a": [1]]), movesUntil: nil, timeout: timeout)
    #expect(watch.observe(observation(at: 6_000, ["a": [1]]), movesUntil: .max, timeout: timeout) == nil)
    #expect(watch.observe(observation(at: 6_001, ["a": [1]]), movesUntil: .max, timeout: timeout) == 0)
  }

  @Test func aFrozenCameraStaysFrozenWhileTheRobotHoldsAndRecoversWithANewPicture() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 0, ["a": [1]]), movesUntil: .max, timeout: timeout)
    #expect(watch.observe(observation(at: 2_000, ["a": [1]]), movesUntil: .max, timeout: timeout) == 0)
    #expect(watch.observe(observation(at: 2_050, ["a": [1]]), movesUntil: nil, timeout: timeout) == 0)
    #expect(watch.observe(observation(at: 2_100, ["a": [2]]), movesUntil: nil, timeout: timeout) == nil)
    #expect(watch.observe(observation(at: 2_150, ["a": [2]]), movesUntil: .max, timeout: timeout) == nil)
  }

  @Test func aRobotThatReportsThatItExecutedNothingDidNotMove() {
    var watch = FrozenCameraWatch()
    func observe(_ milliseconds: UInt64, _ consumed: Int, chunk: Int, moves: Bool = true) -> Int? {
      watch.observe(
        observation(at: milliseconds, ["a": [1]], consumed: consumed), movesUntil: moves ? .max : nil, chunk: chunk,
        timeout: timeout)
    }
    #expect(observe(0, 4, chunk: 1, moves: false) == nil)
    // The chunk before moved nothing, and of this one nothing is executed.
    #expect(observe(2_000, 0, chunk: 2) == nil)
    #expect(observe(9_000, 0, chunk: 2) == nil)
    #expect(observe(9_500, 1, chunk: 2) == nil)
    #expect(observe(10_001, 2, chunk: 2) == 0)
  }

  @Test func `a robot that observes as it takes over each chunk has moved by the rest of the one before`() {
    var watch = FrozenCameraWatch()
    func observe(_ milliseconds: UInt64, _ consumed: Int, chunk: Int, moves: Bool = true) -> Int? {
      watch.observe(
        observation(at: milliseconds, ["a": [1]], consumed: consumed), movesUntil: moves ? .max : nil, chunk: chunk,
        timeout: timeout)
    }
    #expect(observe(0, 1, chunk: 1) == nil)
    #expect(observe(400, 0, chunk: 2) == nil)
    #expect(observe(800, 0, chunk: 3) == nil)
    #expect(observe(1_001, 0, chunk: 4) == 0)
    // Known not to move, it says nothing of the camera.
    watch = FrozenCameraWatch()
    #expect(observe(0, 1, chunk: 1, moves: false) == nil)
    #expect(observe(5_000, 0, chunk: 2, moves: false) == nil)
    #expect(observe(9_000, 0, chunk: 3, moves: true) == nil)
    #expect(observe(9_999, 0, chunk: 4, moves: true) == nil)
    #expect(observe(10_001, 0, chunk: 5, moves: true) == 0)
  }

  @Test func aRobotThatComesToNoOtherPlaceDidNotMove() {
    var watch = FrozenCameraWatch()
    func observe(_ milliseconds: UInt64, _ consumed: Int, chunk: Int) -> Int? {
      watch.observe(
        observation(at: milliseconds, ["a": [1]], consumed: consumed), movesUntil: .max, chunk: chunk,
        timeout: timeout)
    }
    #expect(observe(0, 4, chunk: 1) == nil)
    // Stopped for a minute: it still is where it was.
    #expect(observe(60_000, 4, chunk: 1) == nil)
    #expect(observe(60_900, 4, chunk: 2) == nil)
    #expect(observe(61_001, 4, chunk: 3) == 0)
  }

  @Test func `times of rest are left out and begin nothing anew`() {
    var watch = FrozenCameraWatch()
    for step: UInt64 in 0...20 {
      let seen = observation(at: step * 100, ["a": [1]])
      // Every second interval is at rest, so that a second of motion takes two.
      #expect(watch.observe(seen, movesUntil: step.isMultiple(of: 2) ? .max : nil, timeout: timeout) == nil)
    }
    #expect(watch.observe(observation(at: 2_001, ["a": [1]]), movesUntil: .max, timeout: timeout) == 0)
  }

  @Test func `commands move the robot until they are valid no longer`() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 0, ["a": [1]]), movesUntil: .max, timeout: timeout)
    let end: UInt64 = 300_000_000
    for step: UInt64 in 1...100 {
      let seen = observation(at: step * 200, ["a": [1]])
      #expect(watch.observe(seen, movesUntil: end, timeout: timeout) == nil)
    }
    #expect(watch.observe(observation(at: 20_700, ["a": [1]]), movesUntil: .max, timeout: timeout) == nil)
    #expect(watch.observe(observation(at: 20_701, ["a": [1]]), movesUntil: .max, timeout: timeout) == 0)
  }

  @Test func aClockThatWentBackwardsStartsTheWatchAgain() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 9_000, ["a": [1]]), movesUntil: .max, timeout: timeout)
    #expect(watch.observe(observation(at: 10, ["a": [1]]), movesUntil: .max, timeout: timeout) == nil)
  }

  @Test func withoutATimeoutNothingIsFrozen() {
    var watch = FrozenCameraWatch()
    _ = watch.observe(observation(at: 0, ["a": [1]]), movesUntil: .max, timeout: nil)
    #expect(watch.observe(observation(at: 99_000, ["a": [1]]), movesUntil: .max, timeout: nil) == nil)
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

  @Test func `a chunk that the robot may still execute moves it, whatever came after`() {
    var context = EpisodeContext()
    context.record([Action(values: [1])], moving: true, validUntil: 500)
    context.noteReceipt(upTo: 1, at: 0)
    #expect(context.movesUntil == .max)
    // Shortened to nothing, because of commands that may be pending, and perhaps never received.
    context.record([Action(values: [0])], moving: false, validUntil: 600)
    #expect(context.lastCommandMoves && context.movesUntil == .max)
    context.recordRefusal()
    #expect(context.movesUntil == 500)
    context.noteReceipt(upTo: 2, at: 100)
    #expect(context.movesUntil == nil && !context.lastCommandMoves)
  }
}
