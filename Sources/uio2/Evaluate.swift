import ArgumentParser
import Foundation
import PolicyEvaluation
import Processes
import RunAnalysis
import RunDatabase
import Reporting

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
        uio2 evaluate metaworld-mt5 --mode realtime --added-delay 0,50,100 --run runs/delays
        uio2 evaluate tabletop-l1 --policy expert --loop open --episodes 100

      Ctrl-C finishes the episodes that run; asked again it gives them up. An episode that the simulator has lost three times is given up: \
      no rate counts it, and the exit code is 1. `uio2 report` and `uio2 runs` read what was recorded.
      """)

  @Argument(help: "The suite: a name of --list, or a file.")
  var suite: String?

  @Flag(help: "Show the suites.")
  var list = false

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

  @Option(
    help: ArgumentHelp(
      "With --mode realtime, hold each answer back for so long; several numbers with commas between make a run each.",
      valueName: "ms,…"))
  var addedDelay: String?

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("Where the run is recorded (default: a new folder below runs).", valueName: "folder"))
  var runPath: String?

  @Flag(help: "Go on with the run in --run, or begin it where there is none.")
  var resume = false

  @Flag(help: "With --resume, try the episodes again that were given up because the simulator failed.")
  var retryAbandoned = false

  @Option(help: ArgumentHelp("Run only this part of the episodes, as 2/4 for the second of four.", valueName: "i/n"))
  var shard: String?

  @Flag(help: "Keep a video of every episode in the run's folder.")
  var video = false

  @OptionGroup var pilotOptions: PolicyOptions
  @OptionGroup var simulator: SimulatorOptions

  func validate() throws {
    if list, suite != nil { throw ValidationError("--list shows the suites; leave out the suite's name.") }
    guard list || suite != nil else { throw ValidationError("Name a suite, or see --list.") }
    guard (1...64).contains(workers) else { throw ValidationError("--workers must be 1 to 64, found \(workers).") }
    if let episodes, !(1...1_000_000).contains(episodes) { throw ValidationError("--episodes must be 1 to 1000000.") }
    if let seed, !(0...Int(Int32.max)).contains(seed) { throw ValidationError("--seed must be 0 to \(Int32.max).") }
    if addedDelay != nil, mode == .lockstep { throw ValidationError("--added-delay goes with --mode realtime.") }
    if simulator.loop != .chunk, mode == .realtime {
      throw ValidationError("--loop goes with --mode lockstep: in real time the robot looks all the while.")
    }
    if resume, runPath == nil { throw ValidationError("--resume needs --run.") }
    if retryAbandoned, !resume { throw ValidationError("--retry-abandoned goes with --resume.") }
    _ = try part
    _ = try delays
  }

  func run() throws {
    if list { return try showSuites() }
    let session = EvaluationSession()
    // From the beginning, so that whatever is begun is also ended.
    let signals = SignalWatch {
      session.interrupt(with: $0, saying: "the episodes that run are finished; the same signal again gives them up")
    }
    defer { withExtendedLifetime(signals) {} }
    let suite = try SuiteLibrary.suite(self.suite ?? "")
    let plan = try suite.plan(episodes: episodes, seed: seed)
    let interpreter = try simulator.interpreter(for: suite.environment)
    let places = try runPath.map { try folders(below: RunFolder($0)) }
    let pilot = try EvaluationPilot(pilotOptions)
    defer { pilot.stop() }
    pilot.start { session.giveUp() }
    let runs = try places ?? folders(below: .standard(suite: suite.name, policy: pilot.name))
    for run in runs {
      // One that came between two runs found none to go to.
      if let signal = signals.received { throw CommandFailure(.signal(signal), "--resume goes on with these runs") }
      if runs.count > 1 { try Console.say("added delay \(Self.number(run.delay)) ms") }
      let configuration = try configuration(suite, plan, pilot, delay: run.delay)
      warnOfLateAnswers(configuration.subject)
      let database = try open(run.folder, configuration)
      let display = EvaluationDisplay(
        EvaluationProgress(configuration, outcomes: try database.outcomes()), isVerbose: simulator.verbose)
      let command = suite.workerCommand(
        python: interpreter, policy: pilot.pilot, mode: workerMode(run.delay), loop: simulator.loop,
        pythonPath: simulator.folders)
      let evaluation = try Evaluation(
        suite: suite, database: database, options: options(run.folder),
        command: { [marks = pilot.marks] in marks.command(command, worker: $0) },
        onEvent: { [marks = pilot.marks] event in
          marks.take(event)
          display.show(event)
        })
      let failure = session.run(evaluation)
      display.end()
      // Where somebody reads it for long, the record stays as it is: with a log beside it.
      defer { try? database.close() }
      // A policy that could not be served is the cause of whatever the workers then said.
      try conclude(database, run.folder, pilot.failure ?? failure, signals.received)
    }
  }

  private func showSuites() throws {
    var table = TextTable(header: ["suite", "tasks", "episodes", ""], alignment: [.left, .right, .right, .left])
    for suite in try SuiteLibrary.all() {
      table.append([suite.name, "\(suite.tasks.count)", "\(suite.tasks.count * suite.episodes)", suite.description])
    }
    try Console.say(table.text)
  }

  private func configuration(
    _ suite: Suite, _ plan: [RunConfiguration.Episode], _ pilot: EvaluationPilot, delay: Double
  ) throws -> RunConfiguration {
    let part = try part
    // Every n-th, so that the parts take about as long as each other.
    let episodes = plan.enumerated().filter { place, _ in
      part.map { place % $0.count == $0.index - 1 } ?? true
    }.map(\.element)
    let subject = RunConfiguration.Subject(
      suite: suite.name, suiteDigest: suite.digest, policy: pilot.name, policyDigest: pilot.digest,
      mode: mode.rawValue, addedDelay: delay, weights: pilot.weights ?? "", activations: pilot.activations,
      stepLimit: suite.stepLimit, success: suite.success, deadline: mode == .realtime ? pilot.deadline : nil,
      loop: simulator.recordedLoop)
    let machine = Machine.current
    return RunConfiguration(
      subject: subject, seeds: .init(first: seed ?? suite.firstSeed, count: self.episodes ?? suite.episodes),
      episodes: episodes, shard: part, versions: ["uio2": UIO2.version],
      machine: "\(machine.processor), \(machine.processors) processors, \(machine.system)",
      command: ShellWords.joined(CommandLine.arguments))
  }

  private func workerMode(_ delay: Double) -> Suite.Mode {
    mode == .lockstep ? .lockstep() : .realtime(addedDelay: delay)
  }

  /// Milliseconds; a run for each.
  private var delays: [Double] {
    get throws {
      guard let addedDelay else { return [0] }
      let words = addedDelay.split(separator: ",", omittingEmptySubsequences: false)
      let numbers = words.map { Double($0.trimmingCharacters(in: .whitespaces)) }
      guard numbers.allSatisfy({ $0.map((0...60_000).contains) ?? false }), Set(numbers).count == numbers.count else {
        throw ValidationError("--added-delay: expected different numbers from 0 to 60000, found \(addedDelay).")
      }
      return numbers.compactMap(\.self)
    }
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() ? String(format: "%.0f", value) : "\(value)"
  }

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

  private struct Place {
    var delay: Double
    var folder: RunFolder
    /// Kept as long as the run is written.
    var claim: RunClaim
  }

  /// A folder for each delay, claimed; looked at before the policy is loaded.
  private func folders(below folder: RunFolder) throws -> [Place] {
    let delays = try delays
    return try delays.map { delay in
      let folder = delays.count == 1 ? folder : RunFolder(folder.path + "/delay-\(Self.number(delay))")
      let claim = try folder.claim()
      if !resume, FileManager.default.fileExists(atPath: folder.database.path) {
        throw RunDatabaseError(.exists, folder.path, "there is a run already; add --resume, or choose another folder")
      }
      return Place(delay: delay, folder: folder, claim: claim)
    }
  }

  private func options(_ folder: RunFolder) -> Evaluation.Options {
    var options = simulator.evaluation
    options.workers = workers
    if video { options.videos = .init(folder: folder.videos.path, recorded: RunFolder.videosName) }
    return options
  }

  /// Begins the run, or opens the one that is gone on with and makes sure that it is this one.
  private func open(_ folder: RunFolder, _ configuration: RunConfiguration) throws -> RunDatabase {
    guard resume, FileManager.default.fileExists(atPath: folder.database.path) else {
      return try RunDatabase(creating: folder.database, configuration: configuration)
    }
    let database = try RunDatabase(opening: folder.database)
    let found = database.configuration
    guard found.subject == configuration.subject else {
      throw CommandFailure(
        .usage, "\(folder.path) is another run: \(found.subject.firstDifference(from: configuration.subject))")
    }
    guard found.episodes == configuration.episodes, found.shard == configuration.shard else {
      throw CommandFailure(.usage, "\(folder.path) has other episodes; give the same --episodes, --seed and --shard")
    }
    if let difference = found.firstDifferenceOfVersions(from: configuration) {
      throw CommandFailure(.usage, "\(folder.path) was begun with another program: \(difference)")
    }
    try database.record(RunSession(configuration))
    if retryAbandoned { try database.reopenAbandoned() }
    return database
  }

  /// In real time an answer that comes after its deadline moves nothing, whatever the policy is worth.
  private func warnOfLateAnswers(_ subject: RunConfiguration.Subject) {
    guard let deadline = subject.deadline, subject.addedDelay >= deadline else { return }
    Console.complain(
      "uio2: answers are valid for \(Self.number(deadline)) ms (deadline_ms of the policy), so with \(Self.number(subject.addedDelay)) ms of delay every one is late and the robot holds still"
    )
  }

  /// More late control steps than this and the figures are those of the machine.
  private static let bearableLateShare = 0.01

  private func conclude(
    _ database: RunDatabase, _ folder: RunFolder, _ failure: (any Error)?, _ signal: Int32?
  ) throws {
    try database.requireInPlace()
    let summary = try RunSummary(database)
    if summary.finished + summary.abandoned > 0 { try Console.say("\n" + RunTable.text(summary)) }
    if let share = summary.lateShare, share > Self.bearableLateShare {
      Console.complain(
        "uio2: \(RateText.percent(share)) of the control steps began after their time: this machine cannot simulate \(workers) at once at the control rate"
      )
    }
    let goOn =
      "\(summary.left) of \(summary.planned) episodes are left: repeat the command with --run \(folder.path) --resume"
    if let failure {
      Console.complain("uio2: " + goOn)
      throw failure
    }
    if let signal { throw CommandFailure(.signal(signal), goOn) }
    try Console.say("\nrun  \(folder.path)")
    guard summary.abandoned == 0 else {
      throw CommandFailure(
        .failed,
        "the simulator failed in \(summary.abandoned) of \(summary.planned) episodes, which were given up; --resume --retry-abandoned tries them again"
      )
    }
  }
}
