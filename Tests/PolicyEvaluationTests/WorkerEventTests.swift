import PolicyEvaluation
import RunDatabase
import TestSupport
import Testing

/// The worker's lines, as its contract writes them, and lines that it should never have written.
@Suite("A worker's line") struct WorkerEventTests {
  static let lines = [
    #"{"event":"ready","policy":"mt5","policy_digest":"ab12","simulator":{"name":"toy","python":"3.12","python_path":["/x"],"renderer":null,"modules":[{"name":"numpy","version":"2","pinned":null,"path":"/n"}]}}"#,
    #"{"event":"episode_start","id":3,"task":"push-v3","seed":7,"instruction":"push the puck","goal_protocol":"fresh","step_limit":500}"#,
    #"{"event":"step","id":3,"step":12,"policy_steps":3,"success":false,"period_ms":41.2,"latency_ms":{"round_trip":20.1,"vision":4},"limited":1,"confidence":0.8,"limit_flags":4,"proprioception":[0.5],"tokens":[1,200],"commands":[[0.25,-1]]}"#,
    #"{"event":"episode_end","id":3,"task":"push-v3","seed":7,"success":true,"success_at_end":false,"steps":88,"policy_steps":22,"steps_to_success":88,"limited_actions":0,"held_steps":2,"late_steps":1,"skipped_actions":4,"other_task":"reach-v3","outcomes":{"done":2,"no_seal":1},"proprioception":["x"],"path_length":0.5,"mean_jerk":3,"wall_s":1.9,"video":null,"peak_memory_mib":210}"#,
    #"{"event":"episode_failed","id":3,"code":"environment","subject":"push-v3","message":"no scene"}"#,
    #"{"event":"failed","code":"unknown_camera","subject":"frames[0]","message":"there is no such camera"}"#,
  ]

  private func decode(_ text: String, number: Int = 1) throws(RolloutError) -> WorkerEvent {
    try WorkerEvent(line: Array(text.utf8), number: number)
  }

  @Test func `is read whole, every kind of it`() throws {
    let events = try Self.lines.map { try decode($0) }
    guard case .ready(let ready) = events[0], case .episodeStart(let start) = events[1],
      case .step(let step) = events[2], case .episodeEnd(let end) = events[3],
      case .episodeFailed(3, let lost) = events[4], case .failed(let failure) = events[5]
    else {
      Issue.record("found \(events)")
      return
    }
    #expect(ready.policy == "mt5" && ready.policyDigest == "ab12")
    #expect(
      ready.simulator
        == Simulator(
          name: "toy", python: "3.12", pythonPath: ["/x"],
          modules: [.init(name: "numpy", version: "2", pinned: nil, path: "/n")]))
    #expect(start.id == 3 && start.instruction == "push the puck" && start.goalProtocol == "fresh")
    #expect(start.stepLimit == 500)
    #expect(
      step.record
        == StepRecord(
          step: 12, period: 41.2, latency: ["round_trip": 20.1, "vision": 4], proprioception: [0.5], tokens: [1, 200],
          confidence: 0.8, commands: [[0.25, -1]], limited: 4))
    #expect(end.success && !end.successAtEnd && end.steps == 88 && end.policySteps == 22 && end.stepsToSuccess == 88)
    #expect(end.heldSteps == 2 && end.lateSteps == 1 && end.skippedActions == 4 && end.peakMemory == 210)
    #expect(end.otherTask == "reach-v3" && end.outcomes == ["done": 2, "no_seal": 1])
    #expect(lost.message == "no scene" && failure.code == "unknown_camera")
  }

  @Test func `of a first step has no period, and may leave out what is not known`() throws {
    let line =
      #"{"event":"step","id":0,"step":4,"success":false,"latency_ms":{"a":null},"limited":0,"confidence":null}"#
    guard case .step(let step) = try decode(line) else {
      Issue.record("no step")
      return
    }
    #expect(step.record == StepRecord(step: 4))
  }

  @Test(arguments: [
    ("", "not a JSON object"),
    ("Traceback (most recent call last):", "not a JSON object"),
    ("[1,2]", "the line is no"),
    (#"{"task":"a"}"#, "event is missing"),
    (#"{"event":"landed"}"#, "“landed”"),
    (#"{"event":"failed","code":"x","subject":""}"#, "message is missing"),
    (#"{"event":"ready","policy":"x"}"#, "policy_digest is missing"),
    (#"{"event":"episode_start","id":0.5}"#, "id"),
    (#"{"event":"episode_start","id":0,"step_limit":-1}"#, "step_limit"),
    (#"{"event":"step","id":0,"step":4,"success":false,"latency_ms":{"vision":-1}}"#, "latency_ms.vision"),
    (#"{"event":"step","id":0,"step":4,"success":false,"latency_ms":{"vision":NaN}}"#, "not a JSON object"),
    (#"{"event":"step","id":0,"step":4.5,"success":false,"latency_ms":{}}"#, "step"),
    (#"{"event":"step","id":0,"step":4,"success":false,"latency_ms":{},"confidence":7}"#, "confidence"),
    (#"{"event":"step","id":0,"step":4,"success":false,"latency_ms":{},"period_ms":-3}"#, "period_ms"),
    (#"{"event":"step","id":0,"step":4,"success":false,"latency_ms":{},"limit_flags":-3}"#, "limit_flags"),
    (#"{"event":"step","id":0,"step":4,"success":false,"latency_ms":{},"commands":[[null]]}"#, "commands"),
    (
      #"{"event":"episode_end","id":0,"task":"a","seed":1e40,"success":true,"success_at_end":true,"steps":8,"policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":1}"#,
      "seed"
    ),
    (
      #"{"event":"episode_end","id":0,"task":"a","seed":1,"success":1,"success_at_end":true,"steps":8,"policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":1}"#,
      "success"
    ),
    (
      #"{"event":"episode_end","id":0,"task":"a","seed":1,"success":true,"success_at_end":true,"steps":9223372036854775807,"policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":1}"#,
      "steps"
    ),
    (
      #"{"event":"episode_end","id":0,"task":"a","seed":1,"success":true,"success_at_end":true,"steps":1,"policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":-1}"#,
      "wall_s"
    ),
    (
      #"{"event":"episode_end","id":0,"task":"a","seed":1,"success":true,"success_at_end":true,"steps":1,"policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":1,"outcomes":{"done":-1}}"#,
      "outcomes.done"
    ),
    (
      #"{"event":"episode_end","id":0,"task":"a","seed":1,"success":true,"success_at_end":true,"steps":1,"policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":1,"outcomes":{"do\nne":1}}"#,
      "outcomes"
    ),
  ])
  func `that is broken is an error that names line and field`(line: String, expected: String) {
    let error = #expect(throws: RolloutError.self) { try decode(line, number: 17) }
    #expect(error?.code == .malformedEvent)
    #expect(error?.subject.contains("line 17") == true)
    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "no error")")
  }

  @Test func `brings no control characters into a message`() {
    let error = #expect(throws: RolloutError.self) { try decode("\u{1b}[2J\u{7}oops") }
    #expect(error?.message.unicodeScalars.contains { $0.value < 32 } == false)
  }

  /// Damaged lines are either events or typed errors; nothing else may happen.
  @Test func `never traps, however damaged`() {
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
      do throws(RolloutError) { _ = try WorkerEvent(line: bytes, number: 1) } catch {
        #expect(error.code == .malformedEvent)
      }
    }
  }

  @Test func `without end is an error`() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: RolloutError.self) { try decode(#"{"event":"# + deep) }
    let digits = String(repeating: "9", count: 100_000)
    #expect(throws: RolloutError.self) { try decode(#"{"event":"episode_start","id":\#(digits)}"#) }
  }
}
