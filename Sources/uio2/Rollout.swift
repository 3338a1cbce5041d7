import ArgumentParser
import Files
import Foundation
import Logging
import PolicyEvaluation
import Processes
import RobotLink
import RobotPolicy
import Tensors
import UnifiedIO

/// `uio2 rollout`: flies a simulated robot and counts successes.
struct Rollout: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fly a simulated robot with a policy and report its success.",
    discussion: """
      Starts the simulator as a process of its own that speaks the wire protocol, so it cannot be told from a real robot. \
      Without --daemon the policy is served from this process at a private address; with it, by the daemon that listens there.

        uio2 rollout --env metaworld:push-v3 --episodes 20 --json push.json
        uio2 rollout --env metaworld:reach-v3,door-open-v3 --video films
        uio2 rollout --env metaworld:push-v3 --daemon tcp://127.0.0.1:5555

      Episode e of each task uses seed SEED + e, and every seed has a goal of its own. The exit code is 0 when all episodes ran, \
      whether or not they succeeded; --require-success turns the success rate into part of it.

      The report of --json is written anew after each episode and says whether the run is complete, so that a run that is killed \
      leaves what it has flown. A run without a single episode leaves the file as it was.

      The simulator's Python sees neither the working folder nor PYTHONPATH: the modules that are installed fly, and the report names \
      their files and versions. --python-path puts a folder before them.
      """)

  @Option(
    name: .customLong("env"),
    help: ArgumentHelp("The simulator and its tasks, e.g. metaworld:push-v3,reach-v3.", valueName: "simulator:task,…"))
  var environment: String

  @Option(help: "Episodes of each task.")
  var episodes = 10

  @Option(help: "Seed of the first episode of each task.")
  var seed = 0

  @Option(help: ArgumentHelp("A daemon that runs already; without it the policy is served here.", valueName: "address"))
  var daemon: String?

  @Option(
    help: ArgumentHelp("The policy to serve (default: \(Locations.shippedPolicy)).", valueName: "folder"),
    completion: .directory)
  var policy: String?

  @Option(help: ArgumentHelp("Write a film of every episode there.", valueName: "folder"), completion: .directory)
  var video: String?

  @Option(help: ArgumentHelp("Write the report there as JSON.", valueName: "file"), completion: .file())
  var json: String?

  @Option(help: "Simulation steps after which an episode has failed (default: the simulator's).")
  var maxSteps: Int?

  @Option(
    help: ArgumentHelp(
      "What the deadlines of commands run against: simulated (no answer is late, so a busy machine changes nothing) or wall (as on a real arm).",
      valueName: "clock"))
  var clock = RolloutClock.simulated

  @Option(help: ArgumentHelp("Exit with 1 when a smaller share of the episodes succeeds, 0…1.", valueName: "rate"))
  var requireSuccess: Double?

  @Option(
    help: ArgumentHelp(
      "How long the simulator may report nothing before it is ended as hung.", valueName: "seconds"))
  var watchdog = 60.0

  @Option(
    help: ArgumentHelp(
      "The Python that runs the simulator (default: $UIO2_PYTHON, else .venv/bin/python of the repository).",
      valueName: "path"),
    completion: .file())
  var python: String?

  @Option(
    help: ArgumentHelp(
      "A folder in which the simulator's modules are looked for first; may be repeated.", valueName: "folder"),
    completion: .directory)
  var pythonPath: [String] = []

  @Flag(help: "Show what the simulator writes for people.")
  var verbose = false

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var logging: LoggingOptions

  func validate() throws {
    do {
      _ = try plan()
    } catch {
      throw ValidationError("\(error.subject): \(error.message)")
    }
    if let requireSuccess, !(0...1).contains(requireSuccess) {
      throw ValidationError("--require-success: expected 0…1, found \(requireSuccess)")
    }
    guard watchdog > 0, watchdog <= 86_400 else {
      throw ValidationError("--watchdog must be above 0 and at most a day, found \(watchdog).")
    }
    _ = try address
    if daemon != nil { try checkOptionsWithDaemon() }
  }

  /// Refuses options about the daemon of this process where there is none.
  private func checkOptionsWithDaemon() throws {
    if policy != nil {
      throw ValidationError("--policy is served from this process and --daemon from another; name one of them")
    }
    if compute.isGiven || logging.logLevel != nil {
      throw ValidationError(
        "--weights, --activations, --threads and --log-level are about the policy that this process serves; leave them out with --daemon."
      )
    }
  }

  func run() throws {
    let session = RolloutSession()
    // From the beginning, so that whatever is begun is also ended.
    let signals = SignalWatch { session.interrupt(with: $0) }
    defer { withExtendedLifetime(signals) {} }
    let logger = logging.makeLogger(default: .warning)
    let target = try json.map { try OutputTarget($0) }
    // Films have names of their own; any will do to see whether they can be written.
    if let video { _ = try OutputTarget(video + "/film.mp4") }
    let plan = try plan()
    let interpreter = try PythonInterpreter(
      explicit: python, variables: ProcessInfo.processInfo.environment, packageRoot: Locations.packageRoot)
    let (local, weights) = try localDaemon(logger)
    defer { local?.stop() }
    let run = RolloutRun(
      plan: plan, weights: weights, daemon: daemon, version: UIO2.version, command: CommandLine.arguments)
    let runner = RolloutRunner(
      plan.command(
        python: interpreter, address: try address?.connectable ?? local?.endpoint ?? "", pythonPath: pythonPath),
      patience: .seconds(watchdog))
    session.begin(runner)
    local?.start { session.interrupt(with: SIGTERM) }

    let log = RolloutLog(run, target: target, mayStop: target == nil && video == nil, isVerbose: verbose)
    let failure = session.fly(runner, into: log)
    let cause = reason(failure, signals.received, local?.failure, log, plan)
    let ending = Result { try log.end(because: cause, peakMemory: local == nil ? nil : Measurements.peakMemory) }
    if let cause { throw cause }
    if let requireSuccess, let rate = log.report.overall.rate, rate < requireSuccess {
      throw CommandFailure(.failed, "success rate \(rate) is below the required \(requireSuccess)")
    }
    try ending.get()
  }

  /// Loads the policy and makes a daemon of this process, unless another one was named.
  private func localDaemon(_ logger: Logger) throws -> (LocalDaemon?, weights: String?) {
    guard daemon == nil else { return (nil, nil) }
    compute.apply()
    let bundle = try PolicyBundle.load(from: Locations.policy(policy ?? Locations.shippedPolicy))
    try compute.check(checkpoint: bundle.modelDirectory)
    let brain = try UnifiedIOPolicy(bundle: bundle, weights: compute.options, serverVersion: UIO2.version)
    return (try LocalDaemon(brain, logger: logger), brain.model.runner.model.weightFormat.rawValue)
  }

  private var address: Endpoint? {
    get throws { try daemon.map { try Endpoint($0, for: .connect, option: "--daemon") } }
  }

  private func plan() throws(RolloutError) -> RolloutPlan {
    try RolloutPlan(
      environment: environment, episodes: episodes, seed: seed, maximumSteps: maxSteps, videoDirectory: video,
      clock: clock)
  }

  /// Why not all episodes ran; `nil` when they did.
  private func reason(
    _ failure: RolloutError?, _ signal: Int32?, _ daemonFailure: (any Error)?, _ log: RolloutLog, _ plan: RolloutPlan
  ) -> (any Error)? {
    if let signal {
      let flown = "\(log.report.episodes.count) of \(plan.totalEpisodes)"
      let name = SignalName.of(signal) ?? "a signal"
      return CommandFailure(.signal(signal), "ended by \(name) after \(flown) episodes")
    }
    if log.hasStopped, let outputFailure = log.outputFailure { return outputFailure }
    // A policy that could not be served is the cause of whatever the robot then said.
    return daemonFailure ?? failure
  }
}

extension RolloutClock: ExpressibleByArgument {}
