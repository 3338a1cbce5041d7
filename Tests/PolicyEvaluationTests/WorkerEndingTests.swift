import Foundation
import PolicyEvaluation
import Processes
import RunDatabase
import Synchronization
import Testing

/// A worker played by a shell script: its events, its end, and what is said about both where nothing is tried again.
@Suite("A worker that ends") struct WorkerEndingTests {
  /// A worker that ends without having read its job must not end this process.
  init() { StandardStreams.prepare() }

  private static let ready = #"{"event":"ready","policy":"p","policy_digest":""}"#
  private static let start = #"{"event":"episode_start","id":0,"task":"a","seed":0,"instruction":"go"}"#
  private static let end =
    #"{"event":"episode_end","id":0,"task":"a","seed":0,"success":true,"success_at_end":true,"steps":8,"#
    + #""policy_steps":2,"limited_actions":0,"held_steps":0,"wall_s":1}"#
  private static let begun = "read job; echo '\(ready)'; echo '\(start)'; "

  /// Runs one episode.
  ///
  /// - Returns: what was recorded, what happened, and what ended it.
  private func run(
    _ script: String, patience: Duration = .seconds(60), environment: [String: String] = [:],
    onEvent: @escaping @Sendable (Evaluation.Event, Evaluation?) -> Void = { _, _ in }, isInterrupted: Bool = false
  ) throws -> (attempts: [EpisodeRecord], events: [Evaluation.Event], error: RolloutError?) {
    let suite = try PolicyEvaluation.Suite(words: "toy:a", episodes: 1, seed: 0)
    let database = try RunDatabase(
      inMemory: RunConfiguration(
        subject: .init(suite: "toy", suiteDigest: "", policy: "", policyDigest: ""), episodes: try suite.plan()))
    var options = Evaluation.Options()
    options.onLoss = .end
    options.interruption = .now
    options.patience = patience
    let command = ChildProcess.Command(
      executable: "/bin/sh", arguments: ["-c", script], environment: environment, lifeline: .standardInput)
    let events = Mutex<[Evaluation.Event]>([])
    let running = Mutex<Evaluation?>(nil)
    let evaluation = try Evaluation(
      suite: suite, database: database, options: options, command: { _ in command },
      onEvent: { event in
        events.withLock { $0.append(event) }
        onEvent(event, running.withLock { $0 })
      })
    running.withLock { $0 = evaluation }
    defer { running.withLock { $0 = nil } }
    if isInterrupted { evaluation.interrupt() }
    var failure: RolloutError?
    do throws(RolloutError) { try evaluation.run() } catch { failure = error }
    return (try database.attempts(), events.withLock { $0 }, failure)
  }

  private func failure(of script: String) throws -> RolloutError? {
    let (attempts, _, error) = try run(script)
    #expect(attempts.isEmpty, "nothing is recorded of an episode that did not run to its end")
    return error
  }

  private func said(_ events: [Evaluation.Event]) -> [String] {
    events.compactMap { if case .said(let line, _) = $0 { line } else { nil } }
  }

  @Test func `well has its events handed out in order, in whatever pieces they come`() throws {
    let pieces =
      "printf '{\"event\":\"rea'; sleep 0.05; printf 'dy\",\"policy\":\"p\",\"policy_digest\":\"\"}\\n'; echo; "
    let (attempts, events, error) = try run(
      "read job; \(pieces) echo '\(Self.start)'; echo hello >&2; sleep 0.05; echo \"$UIO2_TEST\" >&2; sleep 0.05; "
        + "echo '\(Self.end)'; read more", environment: ["UIO2_TEST": "here"])
    #expect(error == nil && attempts.map(\.state) == [.finished] && attempts.first?.instruction == "go")
    #expect(said(events) == ["hello", "here"])
    guard case .recorded? = events.last else {
      Issue.record("found \(events)")
      return
    }
  }

  @Test(arguments: [
    (2, RolloutError.Code.usage), (3, .capabilitiesDisagree), (4, .protocolFailure), (5, .environmentFailure),
    (9, .unexpectedExit), (127, .unexpectedExit), (130, .interrupted),
  ])
  func `with an exit code has a sentence of it`(code: Int, expected: RolloutError.Code) throws {
    let error = try failure(of: "echo 'no such module' >&2; exit \(code)")
    #expect(error?.code == expected)
    #expect(error?.message.contains("no such module") == true)
  }

  @Test(arguments: [2, 3, 4, 5])
  func `with a code of the contract, in mid-episode and without a word, is no more than an end`(
    code: Int
  ) throws {
    let error = try failure(of: Self.begun + "exit \(code)")
    #expect(error?.code == .unexpectedExit)
    #expect(
      error?.message == "ended by itself with exit status \(code), without a word about it", "\(error?.message ?? "")")
  }

  @Test func `because of an unknown task is a fault of the command line, not of the simulator`() throws {
    let event = #"{"event":"failed","code":"unknown_task","subject":"fly","message":"there is no such task"}"#
    let error = try failure(of: "echo '\(event)'; exit 5")
    #expect(error == RolloutError(.invalidPlan, "fly", "there is no such task (unknown_task)"))
  }

  @Test func `in a traceback is told by its last line, with the exit status or the signal`() throws {
    let traceback = "echo 'Traceback (most recent call last):' >&2; echo '  File \"x\", line 1' >&2; "
    let error = try failure(of: traceback + "echo 'ValueError: no gripper' >&2; echo >&2; exit 1")
    #expect(error?.message == "ended with exit status 1; its last words: ValueError: no gripper")
    #expect(try failure(of: "printf 'no line end' >&2; exit 1")?.message.hasSuffix("no line end") == true)
    #expect(try failure(of: "kill -SEGV $$")?.message == "was ended by signal 11 (SIGSEGV)")
    #expect(
      try failure(of: "kill -KILL $$")?.message.contains("signal 9 (SIGKILL), as the system does when memory") == true)
  }

  @Test func `because it was stopped is ended, and the error says so`() throws {
    let begin = ContinuousClock.now
    let (_, events, error) = try run(Self.begun + "kill -STOP $$; sleep 100", patience: .seconds(2))
    #expect(error?.code == .unresponsive)
    #expect(error?.message.contains("2.0 seconds: it has been stopped by a signal") == true, "\(error?.message ?? "")")
    #expect(events.contains { if case .silence = $0 { true } else { false } })
    #expect(ContinuousClock.now - begin < .seconds(20))
  }

  @Test func `saying nothing is ended, whatever it writes for people`() throws {
    let error = try run("while :; do echo busy >&2; sleep 0.05; done", patience: .seconds(2)).error
    #expect(error?.code == .unresponsive)
    #expect(error?.message.hasSuffix("its last words: busy") == true)
  }

  @Test func `has its own words before those of its exit code`() throws {
    let event = #"{"event":"failed","code":"unknown_camera","subject":"corner7","message":"there is no such camera"}"#
    let error = try failure(of: "echo '\(event)'; exit 3")
    #expect(error?.code == .capabilitiesDisagree)
    #expect(error?.subject == "corner7")
    #expect(error?.message.hasPrefix("there is no such camera (unknown_camera)") == true)
  }

  @Test func `well before its episode did is a failure`() throws {
    #expect(try failure(of: Self.begun)?.code == .unexpectedExit)
    #expect(
      try failure(of: "echo words >&2")?.message == "ended before its episode had run; its last words: words")
  }

  @Test(arguments: ["pybullet build time", #"{"event":"episode_start","id":7}"#])
  func `with a line that is no event of its episode is ended`(line: String) throws {
    let begin = ContinuousClock.now
    let error = try failure(of: Self.begun + "echo '\(line)'; sleep 30")
    #expect(error?.code == .malformedEvent)
    #expect(ContinuousClock.now - begin < .seconds(25))
  }

  @Test func `with a line that never does is given up`() throws {
    #expect(try failure(of: "head -c 3000000 /dev/zero | tr '\\0' x; sleep 30")?.code == .malformedEvent)
  }

  @Test func `before it began, because there is no such program, is a typed error`() throws {
    let suite = try PolicyEvaluation.Suite(words: "toy:a", episodes: 1, seed: 0)
    let database = try RunDatabase(
      inMemory: RunConfiguration(
        subject: .init(suite: "toy", suiteDigest: "", policy: "", policyDigest: ""), episodes: try suite.plan()))
    let missing = try Evaluation(
      suite: suite, database: database, options: .init(),
      command: { _ in .init(executable: "/no/such/program", arguments: []) })
    let error = #expect(throws: RolloutError.self) { try missing.run() }
    #expect(error?.code == .cannotStart)
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `by a signal has it passed on, with what it started`(signal: Int32) throws {
    // The shell's own handler runs, although this process may be ignoring the signal.
    let script = "trap 'echo stopping >&2; exit 130' INT TERM; " + Self.begun + "while :; do sleep 0.05; done"
    let begin = ContinuousClock.now
    let (attempts, events, error) = try run(
      script,
      onEvent: { event, evaluation in
        if case .ready = event { evaluation?.interrupt(by: signal) }
      })
    #expect(error == nil && attempts.isEmpty, "what was ended on purpose is no failure")
    #expect(said(events).contains("stopping"))
    #expect(ContinuousClock.now - begin < .seconds(8))
  }

  @Test func `by a second signal is killed, where it does not want to end`() throws {
    let script = "trap '' INT TERM; " + Self.begun + "while :; do sleep 0.05; done"
    let begin = ContinuousClock.now
    let (attempts, _, error) = try run(
      script,
      onEvent: { event, evaluation in
        guard case .ready = event else { return }
        evaluation?.interrupt(by: SIGTERM)
        evaluation?.interrupt(by: SIGTERM)
      })
    #expect(error == nil && attempts.isEmpty)
    #expect(ContinuousClock.now - begin < .seconds(8))
  }

  @Test func `before it began, because a signal came first, was never started`() throws {
    let marker = FileManager.default.temporaryDirectory.appending(path: "uio2-marker-\(UUID().uuidString)")
    let (attempts, _, error) = try run("touch '\(marker.path)'", isInterrupted: true)
    #expect(attempts.isEmpty && error == nil)
    #expect(!FileManager.default.fileExists(atPath: marker.path))
  }

  @Test func `after much output on both pipes is not held up`() throws {
    let step = #"{"event":"step","id":0,"step":1,"success":false,"latency_ms":{}}"#
    let loop = "i=0; while [ $i -lt 3000 ]; do echo '\(step)'; echo noise noise noise >&2; i=$((i+1)); done; "
    let (attempts, events, error) = try run(Self.begun + loop + "echo '\(Self.end)'; read more")
    #expect(error == nil && attempts.count == 1)
    #expect(events.count { if case .stepped = $0 { true } else { false } } == 3000)
  }
}
