import ArgumentParser
import Foundation
import Logging
import PolicyEvaluation
import Processes
import RobotLink
import RobotPolicy
import RunAnalysis
import RunDatabase

/// `uio2 evaluate`: runs the episodes of a suite and records them.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the episodes of a suite with a policy, and record them.",
    discussion: """
      A suite says which tasks are run, with which seeds and by which rule of success; --list shows those of the repository, and a \
      file of your own is given by its path. Workers are simulator processes; one that crashes or hangs costs an attempt at one \
      episode, which is tried again. Every episode is recorded when it ends, so a run that was ended, even by `kill -9`, goes on with \
      --resume.

        uio2 evaluate --list
        uio2 evaluate metaworld-mt10 --policy expert --episodes 5 --workers 2
        uio2 evaluate metaworld-mt5 --policy Policies/metaworld-mt5 --run runs/mt5
        uio2 evaluate metaworld-mt5 --policy Policies/metaworld-mt5 --run runs/mt5 --resume

      Ctrl-C finishes the episodes that run; asked again it gives them up. `uio2 report` and `uio2 runs` read what was recorded.
      """)

  @Argument(help: "The suite: a name of --list, or a file.")
  var suite: String?

  @Flag(help: "Show the suites.")
  var list = false

  @Option(
    help: ArgumentHelp(
      "The policy to serve (default: \(Locations.shippedPolicy)), or `expert` for the simulator's own.",
      valueName: "folder"),
    completion: .directory)
  var policy: String?

  @Option(help: ArgumentHelp("A daemon that runs already, instead of --policy.", valueName: "address"))
  var daemon: String?

  @Option(help: "Episodes of each task (default: the suite's).")
  var episodes: Int?

  @Option(help: "Seed of the first episode of each task (default: the suite's).")
  var seed: Int?

  @Option(help: "Simulator processes.")
  var workers = 1

  /// Whether the world waits for the policy.
  enum Mode: String, ExpressibleByArgument, CaseIterable { case lockstep, realtime }

  @Option(
    help: "lockstep: the simulator waits for each answer; realtime: it steps at its control rate, as an arm does.")
  var mode = Mode.lockstep

  @Option(help: ArgumentHelp("With --mode realtime, hold each answer back for so long.", valueName: "ms"))
  var addedDelay: Double?

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("Where the run is recorded (default: a new folder below runs).", valueName: "folder"))
  var runPath: String?

  @Flag(help: "Go on with the run in --run.")
  var resume = false

  @Option(help: ArgumentHelp("Run only this part of the episodes, as 2/4 for the second of four.", valueName: "i/n"))
  var shard: String?

  @Flag(help: "Keep a video of every episode in the run's folder.")
  var video = false

  @Option(
    help: ArgumentHelp(
      "The Python that runs the simulator (default: $UIO2_PYTHON, else .venv/bin/python of the repository).",
      valueName: "path"),
    completion: .file())
  var python: String?

  @Flag(help: "Show what the workers write for people.")
  var verbose = false

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var logging: LoggingOptions

  func validate() throws {
    if list, suite != nil { throw ValidationError("--list shows the suites; leave out the suite's name.") }
    guard list || suite != nil else { throw ValidationError("Name a suite, or see --list.") }
    guard (1...64).contains(workers) else { throw ValidationError("--workers must be 1 to 64, found \(workers).") }
    if let episodes, !(1...1_000_000).contains(episodes) { throw ValidationError("--episodes must be 1 to 1000000.") }
    if let seed, !(0...Int(Int32.max)).contains(seed) { throw ValidationError("--seed must be 0 to \(Int32.max).") }
    if addedDelay != nil, mode == .lockstep { throw ValidationError("--added-delay goes with --mode realtime.") }
    if let addedDelay, !(0...60_000).contains(addedDelay) {
      throw ValidationError("--added-delay must be 0 to 60000, found \(addedDelay).")
    }
    if resume, runPath == nil { throw ValidationError("--resume needs --run.") }
    if daemon != nil, policy != nil { throw ValidationError("--policy and --daemon exclude each other.") }
    if let daemon { _ = try Endpoint(daemon, for: .connect, option: "--daemon") }
    _ = try part
  }

  func run() throws {
    if list { return try showSuites() }
    let suite = try SuiteLibrary.suite(self.suite ?? "")
    let interpreter = try PythonInterpreter(
      explicit: python, variables: ProcessInfo.processInfo.environment, packageRoot: Locations.packageRoot)
    let pilot = try EvaluationPilot(
      policy: policy, daemon: daemon, compute: compute, logger: logging.makeLogger(default: .warning))
    defer { pilot.stop() }
    let configuration = try self.configuration(suite, pilot)
    let folder = runPath.map { RunFolder($0) } ?? .standard(suite: suite.name, policy: pilot.name)
    let database = try resume ? resumed(folder, configuration) : folder.create(configuration)
    let display = EvaluationDisplay(
      total: configuration.episodes.count, outcomes: try database.outcomes(), isVerbose: verbose)
    let evaluation = try Evaluation(
      suite: suite, database: database, options: options(folder),
      command: { _ in suite.workerCommand(python: interpreter, policy: pilot.pilot, mode: workerMode) },
      onEvent: display.show)
    let signals = SignalWatch { _ in evaluation.interrupt() }
    pilot.start { evaluation.interrupt() }
    let result = Result { () throws(RolloutError) in try evaluation.run() }
    display.end()
    try conclude(database, folder, result.error ?? pilot.failure, signals.received)
  }

  private func showSuites() throws {
    var table = TextTable(header: ["suite", "tasks", "episodes", ""], alignment: [.left, .right, .right, .left])
    for suite in try SuiteLibrary.all() {
      table.append([suite.name, "\(suite.tasks.count)", "\(suite.tasks.count * suite.episodes)", suite.description])
    }
    try Console.say(table.text)
  }

  private func configuration(_ suite: Suite, _ pilot: EvaluationPilot) throws -> RunConfiguration {
    let first = seed ?? suite.firstSeed
    let count = episodes ?? suite.episodes
    var plan = suite.tasks.flatMap { task in
      (0..<count).map { RunConfiguration.Episode(task: task.name, group: task.group, seed: first + $0) }
    }
    if let part = try part {
      // Every n-th, so that the parts take about as long as each other.
      plan = plan.enumerated().filter { $0.offset % part.count == part.index - 1 }.map(\.element)
    }
    let subject = RunConfiguration.Subject(
      suite: suite.name, suiteDigest: suite.digest, policy: pilot.name, policyDigest: pilot.digest,
      mode: mode.rawValue, addedDelay: addedDelay ?? 0, weights: pilot.weights, stepLimit: suite.stepLimit)
    let machine = Machine.current
    return RunConfiguration(
      subject: subject, episodes: plan, shard: try part, versions: ["uio2": UIO2.version],
      machine: "\(machine.processor), \(machine.processors) processors, \(machine.system)",
      command: CommandLine.arguments.joined(separator: " "))
  }

  private var workerMode: Suite.Mode { mode == .lockstep ? .lockstep : .realtime(addedDelay: addedDelay ?? 0) }

  private var part: RunConfiguration.Shard? {
    get throws {
      guard let shard else { return nil }
      let numbers = shard.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
      guard numbers.count == 2, let index = numbers[0], let count = numbers[1], (1...10_000).contains(count),
        (1...count).contains(index)
      else { throw ValidationError("--shard: expected i/n with 1 <= i <= n, found \(shard).") }
      return RunConfiguration.Shard(index: index, count: count)
    }
  }

  private func options(_ folder: RunFolder) -> Evaluation.Options {
    var options = Evaluation.Options()
    options.workers = workers
    if video { options.videos = folder.videos }
    return options
  }

  /// Opens the run that is gone on with, and makes sure that it is this one.
  private func resumed(_ folder: RunFolder, _ configuration: RunConfiguration) throws -> RunDatabase {
    let database = try RunDatabase(opening: folder.database)
    let found = database.configuration
    guard found.subject == configuration.subject else {
      throw CommandFailure(
        .usage, "\(folder.url.path) is another run: \(found.subject.firstDifference(from: configuration.subject))")
    }
    guard found.episodes == configuration.episodes, found.shard == configuration.shard else {
      throw CommandFailure(
        .usage, "\(folder.url.path) has other episodes; give the same --episodes, --seed and --shard")
    }
    return database
  }

  private func conclude(
    _ database: RunDatabase, _ folder: RunFolder, _ failure: (any Error)?, _ signal: Int32?
  ) throws {
    let summary = try RunSummary(database)
    if summary.finished > 0 { try Console.say("\n" + RunTable.text(summary)) }
    let left = summary.planned - summary.finished
    let goOn =
      "\(left) of \(summary.planned) episodes are left: repeat the command with --run \(folder.url.relativePath) --resume"
    if let failure {
      Console.complain(goOn)
      throw failure
    }
    if let signal { throw CommandFailure(.signal(signal), goOn) }
    try Console.say("\nrun  \(folder.url.relativePath)")
  }
}

extension Result {
  fileprivate var error: (any Error)? { if case .failure(let error) = self { error } else { nil } }
}
