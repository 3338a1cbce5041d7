import Foundation
import PolicyEvaluation
import Processes
import RunDatabase
import Testing

/// A plan as a command line describes it, and the command line that starts its workers.
@Suite("A suite of few words") struct SuiteWordsTests {
  @Test func `takes several tasks`() throws {
    let suite = try PolicyEvaluation.Suite(words: "metaworld:reach-v3,push-v3", episodes: 3, seed: 5)
    #expect(suite.environment == "metaworld" && suite.tasks.map(\.name) == ["reach-v3", "push-v3"])
    let plan = try suite.plan()
    #expect(plan.map(\.seed) == [5, 6, 7, 5, 6, 7] && plan.map(\.task).suffix(3) == ["push-v3", "push-v3", "push-v3"])
    #expect(try suite.plan(episodes: 1, seed: 9).map(\.seed) == [9, 9])
    let last = Int(Int32.max)
    #expect(try suite.plan(episodes: 2, seed: last - 1).map(\.seed) == [last - 1, last, last - 1, last])
    #expect(try PolicyEvaluation.Suite(words: "toy:a", episodes: 1, seed: last).plan().map(\.seed) == [last])
  }

  @Test func `takes the instruction of another task, and a voice`() throws {
    let suite = try PolicyEvaluation.Suite(words: "metaworld:a.says-b,a", episodes: 1, seed: 0)
    #expect(suite.tasks.map(\.name) == ["a.says-b", "a"] && suite.tasks.map(\.scene) == ["a", "a"])
    #expect(suite.tasks.map(\.options.instructionFrom) == ["b", nil])
    let python = try PythonInterpreter(explicit: "/bin/sh", variables: [:], packageRoot: nil)
    let words = suite.workerCommand(python: python, policy: .expert, speech: "/voices").arguments
    let place = try #require(words.firstIndex(of: "--speech"))
    #expect(words[place + 1] == "/voices")
    #expect(!suite.workerCommand(python: python, policy: .expert).arguments.contains("--speech"))
  }

  @Test(arguments: [
    "", "metaworld", "metaworld:", ":push-v3", "metaworld:push-v3,", "metaworld:a,,b", "metaworld:a,a",
    "metaworld:--help", "metaworld:a b", "meta/world:a", "metaworld:a\nb", "-m:a",
    "metaworld:.says-b", "metaworld:a.says-", "metaworld:a.says--b",
  ])
  func `is refused where it is no list of tasks`(words: String) {
    let error = #expect(throws: RolloutError.self) {
      try PolicyEvaluation.Suite(words: words, episodes: 1, seed: 0)
    }
    #expect(error?.code == .invalidPlan)
  }

  @Test(arguments: [
    (0, 0, 1), (-1, 0, 1), (1, -1, 1), (2, .max, 1), (2, Int(Int32.max), 1), (1, 0, 0), (.max, 0, 1), (600_000, 0, 1),
    (1, 0, .max),
  ])
  func `is refused where its numbers make no sense`(episodes: Int, seed: Int, steps: Int) {
    let error = #expect(throws: RolloutError.self) {
      try PolicyEvaluation.Suite(words: "metaworld:a,b", episodes: episodes, seed: seed, stepLimit: steps)
    }
    #expect(error?.code == .invalidPlan)
  }

  @Test(arguments: [(1_000_000, 0), (.max, 0), (0, 0), (5, Int(Int32.max)), (5, -1)])
  func `makes no plan that is too large for memory or for seeds`(episodes: Int, seed: Int) throws {
    let suite = try PolicyEvaluation.Suite(words: "metaworld:a,b", episodes: 1, seed: 0)
    let error = #expect(throws: RolloutError.self) { try suite.plan(episodes: episodes, seed: seed) }
    #expect(error?.code == .invalidPlan)
  }

  @Test func `names each kind of perturbation to the worker once`() throws {
    let text = """
      name: x
      environment: toy
      seeds: {first: 0, count: 1}
      variants: [{severity: 0}, {perturbation: blur, severity: 2}, {perturbation: light, severity: 3}]
      tasks: [{name: a}, {name: b}]
      """
    let suite = try PolicyEvaluation.Suite(yaml: Array(text.utf8), file: "x.yaml", digest: "")
    let python = try PythonInterpreter(explicit: "/bin/sh", variables: [:], packageRoot: nil)
    let words = suite.workerCommand(python: python, policy: .expert).arguments
    let required = words.indices.filter { words[$0] == "--require" }.map { words[$0 + 1] }
    #expect(
      required == [
        #"{"task":"a"}"#, #"{"options":{"perturbation":"blur","severity":1},"task":"a"}"#,
        #"{"options":{"perturbation":"light","severity":1},"task":"a"}"#, #"{"task":"b"}"#,
      ])
  }

  @Test func `becomes the worker's command line`() throws {
    let suite = try PolicyEvaluation.Suite(words: "metaworld:reach-v3", episodes: 3, seed: 5, stepLimit: 200)
    let python = try PythonInterpreter(explicit: "/bin/sh", variables: [:], packageRoot: nil)
    func words(
      _ policy: PolicyEvaluation.Suite.Policy, _ mode: PolicyEvaluation.Suite.Mode,
      loop: PolicyEvaluation.Suite.Loop = .chunk
    ) -> String {
      let command = suite.workerCommand(
        python: python, policy: policy, mode: mode, loop: loop, pythonPath: ["/a", "/b"])
      #expect(command.executable == "/bin/sh" && command.lifeline == .standardInput)
      #expect(command.arguments.prefix(3) == ["-I", "-u", "-c"])
      #expect(command.environment["PYTHONSAFEPATH"] == "1" && command.environment["PYTHONNOUSERSITE"] == "1")
      return command.arguments.dropFirst(4).joined(separator: " ")
    }
    let folders = #"--python-path /a --python-path /b --require {"task":"reach-v3"}"#
    #expect(
      words(.daemon(address: "ipc:///x"), .lockstep())
        == "/a\n/b uio2_envs.worker metaworld --connect ipc:///x --clock simulated --timeout 60 \(folders)")
    #expect(
      words(.expert, .lockstep(.wall), loop: .closed)
        == "/a\n/b uio2_envs.worker metaworld --expert --clock wall --loop closed \(folders)")
    #expect(words(.expert, .lockstep(.wall)) == "/a\n/b uio2_envs.worker metaworld --expert --clock wall \(folders)")
    #expect(
      words(.expert, .realtime(addedDelay: 50))
        == "/a\n/b uio2_envs.worker metaworld --expert --mode realtime --added-delay 50.0 \(folders)")
  }
}
