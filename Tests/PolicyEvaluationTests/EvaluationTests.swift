import Foundation
import PolicyEvaluation
import Processes
import RunDatabase
import Synchronization
import Testing

/// Evaluations of the toy and its expert, in real worker processes.
@Suite("An evaluation")
struct EvaluationTests {
  /// A folder that goes with its owner.
  private final class Folder {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "uio2-evaluation-\(UUID().uuidString)")
    init() throws {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: url) }
  }

  private let folder: Folder
  private let suite: PolicyEvaluation.Suite
  private let command: ChildProcess.Command

  init() throws {
    // A worker that ends without having read its job must not end this process.
    StandardStreams.prepare()
    folder = try Folder()
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
      .standardized
    let text = [UInt8](try Data(contentsOf: root.appending(path: "Envs/suites/toy.yaml")))
    suite = try PolicyEvaluation.Suite(yaml: text, file: "toy.yaml", digest: "ab")
    let python = try PythonInterpreter(
      explicit: nil, variables: ProcessInfo.processInfo.environment, packageRoot: root)
    command = suite.workerCommand(python: python, policy: .expert)
  }

  private func database(_ name: String, seeds: Int = 3) throws -> RunDatabase {
    let episodes = suite.tasks.flatMap { task in
      (0..<seeds).map { RunConfiguration.Episode(task: task.name, group: task.group, seed: $0) }
    }
    return try RunDatabase(
      creating: folder.url.appending(path: name),
      configuration: RunConfiguration(
        subject: .init(
          suite: suite.name, suiteDigest: suite.digest, policy: "expert", policyDigest: ""),
        episodes: episodes))
  }

  private func evaluation(
    _ database: RunDatabase, workers: Int = 1, patience: Duration = .seconds(120),
    command: ChildProcess.Command? = nil,
    onEvent: @escaping @Sendable (Evaluation.Event) -> Void = { _ in }
  ) throws -> Evaluation {
    var options = Evaluation.Options()
    options.workers = workers
    options.patience = patience
    let command = command ?? self.command
    return try Evaluation(
      suite: suite, database: database, options: options, command: { _ in command },
      onEvent: onEvent)
  }

  /// What an outcome follows from its episode alone.
  private func outcomes(_ database: RunDatabase) throws -> [EpisodeRecord] {
    try database.outcomes().map { record in
      var record = record
      (record.worker, record.attempt, record.wallSeconds) = (0, 1, 0)
      return record
    }
  }

  @Test func `gives the same outcomes with one worker, with two, and after a resume`() throws {
    let one = try database("one.db")
    try evaluation(one).run()
    let expected = try outcomes(one)
    #expect(
      expected.count == 6 && expected.allSatisfy { $0.state == .finished && $0.successAtAnyStep })
    #expect(expected.allSatisfy { ($0.pathLength ?? 0) > 0 && $0.stepsToSuccess == $0.steps })
    let steps = try one.steps(of: try #require(try one.outcomes().first))
    #expect(steps.count == expected[0].steps && steps.allSatisfy { $0.commands.count == 1 })
    #expect(steps.allSatisfy { ($0.reward ?? 1) < 0 }, "the toy's reward is how near the point is")
    #expect(steps.first?.period == nil && steps.dropFirst().allSatisfy { ($0.period ?? -1) >= 0 })

    let two = try database("two.db")
    try evaluation(two, workers: 2).run()
    #expect(try outcomes(two) == expected)

    let cut = try database("cut.db")
    // Ends after the second recorded episode, as Ctrl-C would.
    let running = Mutex<Evaluation?>(nil)
    let recorded = Atomic(0)
    let first = try evaluation(cut) { event in
      guard case .recorded = event, recorded.add(1, ordering: .relaxed).newValue == 2 else {
        return
      }
      running.withLock { $0?.interrupt() }
    }
    running.withLock { $0 = first }
    try first.run()
    running.withLock { $0 = nil }
    #expect(try cut.outcomes().count == 2)
    #expect(try cut.remaining().count == 4)
    try evaluation(try RunDatabase(opening: folder.url.appending(path: "cut.db"))).run()
    #expect(try outcomes(cut) == expected)
    // Each start of a worker says with what it simulates.
    let workers = try cut.workers()
    #expect(workers.count == 2 && Set(workers.map(\.simulator)).count == 1)
    #expect(workers[0].policy == "expert" && workers[0].simulator?.modules.map(\.name) == ["uio2_envs", "numpy"])
    #expect(expected.allSatisfy { $0.goalProtocol == "fresh" && $0.stepLimit == 100 && !$0.instruction.isEmpty })
  }

  /// A worker that does `trouble` in the middle of the first episode that it is given while `marker` is not there yet.
  private func troubled(_ trouble: String) -> ChildProcess.Command {
    let marker = folder.url.appending(path: "trouble").path
    let script = """
      import os, signal, sys, time
      if not os.path.exists(\(String(reflecting: marker))):
          open(\(String(reflecting: marker)), "w").close()
          sys.stdin.readline()
          print('{"event": "ready", "policy": "expert", "policy_digest": ""}', flush=True)
          \(trouble)
      os.execv(sys.executable, [sys.executable] + sys.argv[1:])
      """
    var command = command
    command.arguments = ["-c", script] + command.arguments
    return command
  }

  @Test(arguments: [
    "os.kill(os.getpid(), signal.SIGSEGV)", "sys.exit(1)", "time.sleep(600)",
    "print('no event', flush=True); time.sleep(600)",
    "raise MemoryError('the scene is too large')", "os._exit(2)", "os._exit(3)", "os._exit(4)", "os._exit(5)",
  ])
  func `survives a worker in trouble: one attempt is lost, no episode is`(trouble: String) throws {
    let run = try database("run.db", seeds: 1)
    try evaluation(run, patience: .seconds(3), command: troubled(trouble)).run()
    let attempts = try run.attempts()
    #expect(attempts.map(\.state) == [.lost, .finished, .finished])
    #expect(attempts[0].episode == attempts[1].episode && attempts[1].attempt == 2)
    #expect(!attempts[0].reason.isEmpty)
    if trouble.hasPrefix("raise") { #expect(attempts[0].reason.contains("the scene is too large")) }
    if trouble.contains("SIGSEGV") { #expect(attempts[0].reason.contains("SIGSEGV")) }
  }

  /// Of one episode: what the daemon refuses of an observation is the simulator's, and a daemon may be busy.
  @Test(arguments: [
    ("invalid_proprioception", 4), ("invalid_image", 4), ("timeout", 4), ("invalid_observation", 5),
    ("invalid_verdict", 5),
  ])
  func `loses an attempt to what only this episode suffers from`(code: String, status: Int) throws {
    let run = try database("run.db", seeds: 1)
    let said = #"{"event": "episode_failed", "id": 0, "code": "\#(code)", "subject": "x", "message": "not now"}"#
    try evaluation(run, command: troubled("print('\(said)', flush=True); os._exit(\(status))")).run()
    #expect(try run.attempts().map(\.state) == [.lost, .finished, .finished])
    #expect(try run.attempts().first?.reason == "x: not now (\(code))")
  }

  /// The second start of the worker fails; before and after it all is well.
  @Test func `loses an attempt to a worker that cannot begin once others have`() throws {
    let run = try database("run.db", seeds: 1)
    let count = folder.url.appending(path: "count").path
    let script = """
      import os, sys
      path = \(String(reflecting: count))
      starts = int(open(path).read()) if os.path.exists(path) else 0
      open(path, "w").write(str(starts + 1))
      if starts == 0:
          sys.stdin.readline()
          print('{"event": "ready", "policy": "expert", "policy_digest": ""}', flush=True)
          os._exit(9)
      if starts == 1:
          raise OSError("license server busy")
      os.execv(sys.executable, [sys.executable] + sys.argv[1:])
      """
    var command = command
    command.arguments = ["-c", script] + command.arguments
    try evaluation(run, command: command).run()
    #expect(try run.attempts().map(\.state) == [.lost, .lost, .finished, .finished])
    #expect(try run.attempts()[1].reason.contains("license server busy"))
  }

  @Test func `refuses a daemon that keeps its weights in another way`() throws {
    let run = try RunDatabase(
      creating: folder.url.appending(path: "run.db"),
      configuration: RunConfiguration(
        subject: .init(
          suite: suite.name, suiteDigest: suite.digest, policy: "mt5", policyDigest: "ab", weights: "int8",
          activations: "int16"),
        episodes: [.init(task: "reach-red", seed: 0)]))
    let ready = #"{"event": "ready", "policy": "mt5", "policy_digest": "ab", "weights": "int8", "activations": "f32"}"#
    let error = #expect(throws: RolloutError.self) {
      try evaluation(run, command: playing(ready, "time.sleep(600)")).run()
    }
    #expect(error?.code == .capabilitiesDisagree)
    #expect(error?.message == "expected int8 weights with int16 activations, found int8 weights with f32 activations")
  }

  @Test func `gives an episode up after three lost attempts, and goes on with the others`() throws {
    let run = try database("run.db", seeds: 1)
    try evaluation(run, command: playing(Self.ready, "sys.exit('no scene')")).run()
    let attempts = try run.attempts()
    #expect(attempts.map(\.state) == [.lost, .lost, .abandoned, .lost, .lost, .abandoned])
    #expect(attempts.allSatisfy { $0.reason.contains("no scene") })
    // They are not tried again unless that is asked for; then each has as many attempts as before.
    #expect(try run.remaining().isEmpty && run.reopenAbandoned() == 2)
    try evaluation(run, command: playing(Self.ready, "sys.exit('no scene')")).run()
    #expect(try run.attempts().filter { $0.state == .abandoned }.map(\.attempt) == [6, 6])
    try run.reopenAbandoned()
    try evaluation(run).run()
    #expect(try run.outcomes().map(\.state) == [.finished, .finished])
    #expect(try run.outcomes().map(\.attempt) == [7, 7])
  }

  private static let ready = #"{"event": "ready", "policy": "expert", "policy_digest": ""}"#

  /// A worker that waits for its first job, writes some lines, and does something.
  private func playing(_ lines: String..., trouble: String) -> ChildProcess.Command {
    var played = command
    let says = lines.map { "print('\($0)', flush=True); " }.joined()
    played.arguments = ["-c", "import os, signal, sys, time; sys.stdin.readline(); " + says + trouble]
    return played
  }

  private func playing(_ line: String, _ trouble: String) -> ChildProcess.Command { playing(line, trouble: trouble) }

  @Test(arguments: [
    ("sys.exit('no scene')", RolloutError.Code.unexpectedExit, "no scene"),
    ("sys.exit(5)", .environmentFailure, "simulator failed"),
    ("sys.exit(4)", .protocolFailure, "no usable answer"), ("sys.exit(2)", .usage, "refused"),
  ])
  func `ends where a worker cannot even begin: nothing counts as a failure of the policy`(
    trouble: String, code: RolloutError.Code, words: String
  ) throws {
    let run = try database("run.db", seeds: 1)
    let error = #expect(throws: RolloutError.self) {
      try evaluation(run, command: playing(trouble: trouble)).run()
    }
    #expect(error?.code == code && error?.message.contains(words) == true, "\(error?.description ?? "")")
    #expect(try run.attempts().isEmpty)
  }

  @Test(arguments: [
    ("simulator_missing", RolloutError.Code.environmentFailure), ("adapter_missing", .environmentFailure),
    ("foreign_module", .environmentFailure), ("no_expert", .environmentFailure),
    ("unsupported_perturbation", .environmentFailure), ("no_shared_scene", .environmentFailure),
    ("unknown_task", .invalidPlan), ("unknown_view", .invalidPlan),
  ])
  func `ends where the simulator can never run the episode`(code: String, expected: RolloutError.Code) throws {
    let run = try database("run.db", seeds: 1)
    let failed =
      #"{"event": "episode_failed", "id": 0, "code": "\#(code)", "subject": "metaworld", "message": "not here"}"#
    let error = #expect(throws: RolloutError.self) {
      try evaluation(run, command: playing(Self.ready, failed, trouble: "sys.exit(5)")).run()
    }
    #expect(error == RolloutError(expected, "metaworld", "not here (\(code))"))
    #expect(try run.attempts().isEmpty)
  }

  @Test func `replaces a worker that has grown too large, between two episodes`() throws {
    let run = try database("run.db", seeds: 2)
    var options = Evaluation.Options()
    options.maximumMemory = 1
    let command = self.command
    try Evaluation(suite: suite, database: run, options: options, command: { _ in command }).run()
    #expect(try run.attempts().map(\.state) == [.finished, .finished, .finished, .finished])
    #expect(try run.workers().count == 4)
  }

  @Test func `ends after many losses in a row`() throws {
    let run = try database("run.db", seeds: 9)
    let error = #expect(throws: RolloutError.self) {
      try evaluation(run, command: playing(Self.ready, "sys.exit('no scene')")).run()
    }
    #expect(error?.code == .environmentFailure && error?.message.contains("10 attempts in a row") == true)
    #expect(error?.message.contains("no scene") == true)
    #expect(try run.attempts().count == 10)
  }

  @Test func `refuses the answers of another policy, and a simulator of another version`() throws {
    let run = try database("run.db", seeds: 1)
    let other = #"{"event": "ready", "policy": "expert", "policy_digest": "ffff"}"#
    let error = #expect(throws: RolloutError.self) {
      try evaluation(run, command: playing(other, "time.sleep(600)")).run()
    }
    #expect(error?.code == .capabilitiesDisagree && error?.message.contains("found ffff") == true)
    try run.record(
      WorkerRecord(
        worker: 0, policy: "expert", policyDigest: "",
        simulator: Simulator(
          name: "toy", python: "3.1", renderer: ProcessInfo.processInfo.environment["MUJOCO_GL"],
          modules: [.init(name: "numpy", version: "0.1", pinned: nil, path: "/x")])))
    let changed = #expect(throws: RolloutError.self) { try evaluation(run).run() }
    #expect(changed?.code == .environmentFailure)
    #expect(changed?.message.contains("expected numpy 0.1, found") == true, "\(changed?.description ?? "")")
    #expect(try run.attempts().isEmpty)
  }

  @Test func `a worker that crashes while its last episode is finished is recorded`() throws {
    let run = try database("run.db", seeds: 1)
    let running = Mutex<Evaluation?>(nil)
    let crashing = try evaluation(run, command: playing(Self.ready, "time.sleep(0.5); sys.exit('no scene')")) { event in
      if case .ready = event { running.withLock { $0?.interrupt() } }
    }
    running.withLock { $0 = crashing }
    try crashing.run()
    running.withLock { $0 = nil }
    #expect(try run.attempts().map(\.state) == [.lost])
  }

  @Test func `ends at once where trying again mends nothing`() throws {
    let run = try database("run.db", seeds: 1)
    var refusing = command
    refusing.arguments = [
      "-c",
      "import sys; print('{\"event\": \"failed\", \"code\": \"unit_differs\", \"subject\": \"x\", \"message\": \"no\"}'); sys.exit(3)",
    ]
    let error = #expect(throws: RolloutError.self) { try evaluation(run, command: refusing).run() }
    #expect(error?.code == .capabilitiesDisagree && error?.subject == "x")
    #expect(try run.attempts().isEmpty)
  }
}
