import PolicyEvaluation
import TestSupport
import Testing

/// The robot's lines, as its contract writes them, and lines that it should never have written.
@Suite struct RolloutEventTests {
  static let lines = [
    #"{"event":"ready","policy":"mt5","policy_digest":"ab12","tasks":["push-v3"],"episodes":2,"seed":7,"goal_protocol":"fresh"}"#,
    #"{"event":"episode_start","task":"push-v3","seed":7,"episode":0,"index":3,"total":50,"instruction":"push the puck"}"#,
    #"{"event":"step","task":"push-v3","seed":7,"step":12,"policy_steps":3,"success":false,"period_ms":41.2,"latency_ms":{"round_trip":20.1,"vision":4},"limited":1,"confidence":0.8}"#,
    #"{"event":"episode_end","task":"push-v3","seed":7,"episode":0,"success":true,"steps":88,"policy_steps":22,"limited_actions":0,"held_steps":0,"wall_s":1.9,"video":null}"#,
    #"{"event":"failed","code":"unknown_camera","subject":"frames[0]","message":"there is no such camera"}"#,
    #"{"event":"done"}"#,
  ]

  private func decode(_ text: String, number: Int = 1) throws(RolloutError) -> RolloutEvent {
    try RolloutEvent(line: Array(text.utf8), number: number)
  }

  @Test func readsEveryEventOfTheContract() throws {
    let events = try Self.lines.map { try decode($0) }
    #expect(
      events == [
        .ready(
          .init(policy: "mt5", policyDigest: "ab12", tasks: ["push-v3"], episodes: 2, seed: 7, goalProtocol: "fresh")),
        .episodeStart(
          .init(task: "push-v3", seed: 7, episode: 0, index: 3, total: 50, instruction: "push the puck")),
        .step(
          .init(
            task: "push-v3", seed: 7, step: 12, policySteps: 3, success: false, period: 41.2,
            latency: ["round_trip": 20.1, "vision": 4], limited: 1, confidence: 0.8)),
        .episodeEnd(
          .init(task: "push-v3", seed: 7, episode: 0, success: true, steps: 88, policySteps: 22, wallSeconds: 1.9)),
        .failed(.init(code: "unknown_camera", subject: "frames[0]", message: "there is no such camera")),
        .done,
      ])
  }

  @Test func theFirstStepOfAnEpisodeHasNoPeriod() throws {
    let event = try decode(
      #"{"event":"step","task":"a","seed":1,"step":4,"policy_steps":1,"success":false,"latency_ms":{"a":null},"limited":0,"confidence":null}"#
    )
    #expect(
      event == .step(.init(task: "a", seed: 1, step: 4, policySteps: 1, success: false, period: nil, latency: [:])))
  }

  @Test(arguments: [
    ("", "not a JSON object"),
    ("Traceback (most recent call last):", "not a JSON object"),
    ("[1,2]", "the line is no"),
    (#"{"task":"a"}"#, "event is missing"),
    (#"{"event":"landed"}"#, "“landed”"),
    (#"{"event":"failed","code":"x","subject":""}"#, "message is missing"),
    (#"{"event":"episode_start","task":"a","seed":1,"episode":0,"index":2,"total":2,"instruction":""}"#, "index"),
    (#"{"event":"episode_start","task":"a","seed":1,"episode":0,"index":0,"total":0,"instruction":""}"#, "total"),
    (
      #"{"event":"step","task":"a","seed":1,"step":4,"policy_steps":1,"success":false,"latency_ms":{"vision":-1},"limited":0}"#,
      "latency_ms.vision"
    ),
    (
      #"{"event":"step","task":"a","seed":1,"step":4,"policy_steps":1,"success":false,"latency_ms":{"vision":NaN},"limited":0}"#,
      "not a JSON object"
    ),
    (
      #"{"event":"step","task":"a","seed":1,"step":4.5,"policy_steps":1,"success":false,"latency_ms":{},"limited":0}"#,
      "step"
    ),
    (
      #"{"event":"episode_end","task":"a","seed":1e40,"episode":0,"success":true,"steps":8,"policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":1}"#,
      "seed"
    ),
    (
      #"{"event":"episode_end","task":"a","seed":1,"episode":0,"success":1,"steps":8,"policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":1}"#,
      "success"
    ),
  ])
  func aBrokenLineIsAnErrorThatNamesLineAndField(line: String, expected: String) {
    let error = #expect(throws: RolloutError.self) { try decode(line, number: 17) }
    #expect(error?.code == .malformedEvent)
    #expect(error?.subject.contains("line 17") == true)
    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "no error")")
  }

  @Test func controlCharactersDoNotReachTheMessage() {
    let error = #expect(throws: RolloutError.self) { try decode("\u{1b}[2J\u{7}oops") }
    #expect(error?.message.unicodeScalars.contains { $0.value < 32 } == false)
  }

  /// Damaged lines are either events or typed errors; nothing else may happen.
  @Test func damagedLinesNeverTrap() throws {
    var random = SeededGenerator(seed: 20_261_123)
    for _ in 0..<3000 {
      var bytes = Array(Self.lines[Int(random.next() % UInt64(Self.lines.count))].utf8)
      for _ in 0...(random.next() % 4) where !bytes.isEmpty {
        let place = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 4 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        default: bytes.removeSubrange(place...)
        }
      }
      var report = RolloutReport(try .sample)
      var progress = RolloutProgress()
      do throws(RolloutError) {
        let event = try RolloutEvent(line: bytes, number: 1)
        report.record(event)
        progress.record(event)
        _ = progress.line(width: 80)
        _ = report.table()
        _ = try report.json()
      } catch {
        #expect(error.code == .malformedEvent)
      }
    }
  }

  @Test func deeplyNestedAndHugeLinesAreErrors() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: RolloutError.self) { try decode(#"{"event":"# + deep) }
    let digits = String(repeating: "9", count: 100_000)
    #expect(throws: RolloutError.self) {
      try decode(
        #"{"event":"episode_start","task":"a","seed":\#(digits),"episode":0,"index":0,"total":1,"instruction":""}"#)
    }
  }

  @Test func extremeCountsSurviveTheReport() throws {
    let largest = Int.max
    let line =
      #"{"event":"episode_end","task":"a","seed":\#(largest),"episode":\#(largest),"success":true,"steps":\#(largest),"policy_steps":\#(largest),"limited_actions":\#(largest),"held_steps":\#(largest),"wall_s":1e308}"#
    var report = RolloutReport(try .sample)
    report.record(try decode(line))
    report.record(try decode(line))
    #expect(report.table().contains("2 of 2"))
    #expect(try !report.json().isEmpty)
  }
}
