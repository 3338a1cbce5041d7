import Foundation
import PolicyEvaluation
import Processes
import Testing

/// A robot played by a shell script: its events, its end, and what is said about both.
@Suite struct RolloutRunnerTests {
  private static let start =
    #"{"event":"episode_start","task":"a","seed":1,"episode":0,"index":0,"total":1,"instruction":"go"}"#

  private func runner(
    _ script: String, environment: [String: String] = [:], patience: Duration = .seconds(60)
  ) -> RolloutRunner {
    RolloutRunner(
      .init(executable: "/bin/sh", arguments: ["-c", script], environment: environment), patience: patience)
  }

  private func failure(of script: String) -> RolloutError? {
    do throws(RolloutError) {
      try runner(script).run { _ in }
      return nil
    } catch {
      return error
    }
  }

  @Test func handsOutEventsInOrder() throws {
    var events: [RolloutEvent] = []
    var notes: [String] = []
    let pieces = #"sleep 0.05; echo; printf '{"event":"do'; sleep 0.05; printf 'ne"}'"#
    let script = "echo '\(Self.start)'; echo hello >&2; " + pieces
    try runner(script).run(onDiagnostic: { notes.append($0) }, onEvent: { events.append($0) })
    #expect(events.count == 2)
    #expect(events.last == .done)
    #expect(notes == ["hello"])
  }

  @Test func passesVariablesOn() throws {
    var notes: [String] = []
    try runner(#"echo "$UIO2_TEST" >&2; echo '{"event":"done"}'"#, environment: ["UIO2_TEST": "here"])
      .run(onDiagnostic: { notes.append($0) }, onEvent: { _ in })
    #expect(notes == ["here"])
  }

  @Test(arguments: [
    (2, RolloutError.Code.usage), (3, .capabilitiesDisagree), (4, .protocolFailure), (5, .environmentFailure),
    (9, .unexpectedExit), (127, .unexpectedExit), (130, .interrupted),
  ])
  func anExitCodeIsASentence(code: Int, expected: RolloutError.Code) {
    let error = failure(of: "echo 'no such module' >&2; exit \(code)")
    #expect(error?.code == expected)
    #expect(error?.message.contains("no such module") == true)
  }

  @Test func `an unknown task is a fault of the command line, not of the simulator`() {
    let event = #"{"event":"failed","code":"unknown_task","subject":"fly","message":"there is no such task"}"#
    let error = failure(of: "echo '\(event)'; exit 5")
    #expect(error == RolloutError(.invalidPlan, "fly", "there is no such task (unknown_task)"))
  }

  @Test func `the error is the last line of a traceback, with the exit status or the signal`() {
    let traceback = "echo 'Traceback (most recent call last):' >&2; echo '  File \"x\", line 1' >&2; "
    let error = failure(of: traceback + "echo 'ValueError: no gripper' >&2; echo >&2; exit 1")
    #expect(error?.message == "ended with exit status 1; its last words: ValueError: no gripper")
    #expect(failure(of: "kill -SEGV $$")?.message == "was ended by signal 11 (SIGSEGV)")
    #expect(
      failure(of: "kill -KILL $$")?.message.contains("signal 9 (SIGKILL), as the system does when memory") == true)
  }

  @Test func `a stopped robot is ended, and the error says that it was stopped`() {
    let begin = ContinuousClock.now
    let runner = runner("echo '\(Self.start)'; kill -STOP $$; sleep 100", patience: .milliseconds(300))
    var silences: [Duration] = []
    let error = #expect(throws: RolloutError.self) {
      try runner.run(onEvent: { _ in }, onSilence: { silences.append($0) })
    }
    #expect(error?.code == .unresponsive)
    #expect(error?.message.contains("0.3 seconds: it has been stopped by a signal") == true, "\(error?.message ?? "")")
    #expect(!silences.isEmpty)
    #expect(ContinuousClock.now - begin < .seconds(20))
  }

  @Test func `a robot that says nothing is ended, whatever it writes for people`() {
    let runner = runner("while :; do echo busy >&2; sleep 0.05; done", patience: .milliseconds(400))
    let error = #expect(throws: RolloutError.self) { try runner.run { _ in } }
    #expect(error?.code == .unresponsive)
    #expect(error?.message.hasSuffix("its last words: busy") == true)
  }

  @Test func whatTheRobotSaidGoesBeforeWhatItsCodeMeans() {
    let event = #"{"event":"failed","code":"unknown_camera","subject":"corner7","message":"there is no such camera"}"#
    let error = failure(of: "echo '\(event)'; exit 3")
    #expect(error?.code == .capabilitiesDisagree)
    #expect(error?.subject == "corner7")
    #expect(error?.message.hasPrefix("there is no such camera (unknown_camera)") == true)
  }

  @Test func endingWellWithoutHavingDoneItAllIsAFailure() {
    #expect(failure(of: "echo '\(Self.start)'")?.code == .unexpectedExit)
    #expect(failure(of: "echo words >&2")?.message == "ended before all its episodes had run; its last words: words")
  }

  @Test func aLineThatIsNoEventEndsTheRobot() {
    let begin = ContinuousClock.now
    let error = failure(of: "echo '\(Self.start)'; echo 'pybullet build time'; sleep 30")
    #expect(error?.code == .malformedEvent)
    #expect(error?.subject.contains("line 2") == true)
    #expect(ContinuousClock.now - begin < .seconds(8))
  }

  @Test func aLineWithoutEndIsGivenUp() {
    #expect(failure(of: "head -c 3000000 /dev/zero | tr '\\0' x; sleep 30")?.code == .malformedEvent)
  }

  @Test func aProgramThatDoesNotExistIsATypedError() {
    let missing = RolloutRunner(.init(executable: "/no/such/program", arguments: []))
    let error = #expect(throws: RolloutError.self) { try missing.run { _ in } }
    #expect(error?.code == .cannotStart)
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalReachesTheRobotAndWhatItStarted(signal: Int32) {
    // The shell's own handler runs, although this process may be ignoring the signal.
    let trap = "trap 'echo stopping >&2; exit 130' INT TERM; "
    let runner = runner(trap + "echo '\(Self.start)'; while :; do sleep 0.05; done")
    let begin = ContinuousClock.now
    var notes: [String] = []
    let error = #expect(throws: RolloutError.self) {
      try runner.run(onDiagnostic: { notes.append($0) }, onEvent: { _ in runner.interrupt(with: signal) })
    }
    #expect(error?.code == .interrupted)
    #expect(notes.contains("stopping"))
    #expect(ContinuousClock.now - begin < .seconds(8))
  }

  @Test func aSecondSignalKillsARobotThatWillNotEnd() {
    let runner = runner("trap '' INT TERM; echo '\(Self.start)'; while :; do sleep 0.05; done")
    let begin = ContinuousClock.now
    let error = #expect(throws: RolloutError.self) {
      try runner.run { _ in
        runner.interrupt(with: SIGTERM)
        runner.interrupt(with: SIGTERM)
      }
    }
    #expect(error?.code == .interrupted)
    #expect(ContinuousClock.now - begin < .seconds(8))
  }

  @Test func aSignalBeforeTheStartStartsNothing() {
    let marker = FileManager.default.temporaryDirectory.appending(path: "uio2-marker-\(UUID().uuidString)")
    let runner = runner("touch '\(marker.path)'")
    runner.interrupt(with: SIGINT)
    #expect(throws: RolloutError.self) { try runner.run { _ in } }
    #expect(!FileManager.default.fileExists(atPath: marker.path))
  }

  @Test func muchOutputOnBothPipesDoesNotBlock() throws {
    var count = 0
    let step =
      #"{"event":"step","task":"a","seed":1,"step":1,"policy_steps":1,"success":false,"latency_ms":{},"limited":0}"#
    let loop = "i=0; while [ $i -lt 3000 ]; do echo '\(step)'; echo noise noise noise >&2; i=$((i+1)); done; "
    try runner(loop + #"echo '{"event":"done"}'"#).run { _ in count += 1 }
    #expect(count == 3001)
  }
}
