import ArgumentParser
import Foundation
import Logging
import PolicyEvaluation
import RobotLink

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
  var clock = RobotClock.simulated

  @Option(help: ArgumentHelp("Exit with 1 when a smaller share of the episodes succeeds, 0…1.", valueName: "rate"))
  var requireSuccess: Double?

  @Option(
    help: ArgumentHelp(
      "The Python that runs the simulator (default: $UIO2_PYTHON, else .venv/bin/python of the repository).",
      valueName: "path"),
    completion: .file())
  var python: String?

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
    _ = try address
    if daemon != nil, policy != nil {
      throw ValidationError("--policy is served from this process and --daemon from another; name one of them")
    }
  }

  func run() throws {
    let logger = logging.makeLogger(default: .warning)
    let plan = try plan()
    let interpreter = try PythonInterpreter(
      explicit: python, variables: ProcessInfo.processInfo.environment, packageRoot: Locations.packageRoot)
    compute.apply()
    let local: LocalDaemon? =
      daemon == nil
      ? try LocalDaemon(
        policy: Locations.policy(policy ?? Locations.shippedPolicy), weights: compute.options, logger: logger) : nil
    let address = try address?.connectable ?? local?.endpoint ?? ""
    let runner = RolloutRunner(plan.command(python: interpreter, address: address))
    let signals = SignalWatch { runner.interrupt(with: $0) }
    local?.start { runner.interrupt(with: SIGTERM) }
    defer { local?.stop() }

    let log = RolloutLog(isVerbose: verbose)
    log.display.draw()
    let failure = fly(runner, into: log)
    log.display.erase()
    var report = log.report
    if local != nil { report.peakMemory = Measurements.peakMemory }
    try publish(report)
    if let number = signals.received {
      let flown = "\(report.episodes.count) of \(plan.totalEpisodes)"
      throw CommandFailure(.signal(number), "ended by a signal after \(flown) episodes")
    }
    // A policy that could not be served is the cause of whatever the robot then said.
    if let cause = local?.failure { throw cause }
    if let failure { throw failure }
    if let requireSuccess, report.overall.rate < requireSuccess {
      throw CommandFailure(.failed, "success rate \(report.overall.rate) is below the required \(requireSuccess)")
    }
  }

  private var address: Endpoint? {
    get throws { try daemon.map { try Endpoint($0, for: .connect, option: "--daemon") } }
  }

  private func plan() throws(RolloutError) -> RolloutPlan {
    try RolloutPlan(
      environment: environment, episodes: episodes, seed: seed, maximumSteps: maxSteps, videoDirectory: video,
      clock: clock)
  }

  private func fly(_ runner: RolloutRunner, into log: RolloutLog) -> RolloutError? {
    do throws(RolloutError) {
      try runner.run(onDiagnostic: { log.note($0) }, onEvent: { log.record($0) })
      return nil
    } catch {
      return error
    }
  }

  /// The table, and the file when one was asked for; also of a rollout that was cut short.
  private func publish(_ report: RolloutReport) throws {
    if !report.episodes.isEmpty { Console.say("\n" + report.table()) }
    if let json {
      try report.write(to: URL(filePath: json))
      Console.say("\nreport  \(json)")
    }
  }
}

extension RobotClock: ExpressibleByArgument {}

/// What both closures of a running rollout write to.
private final class RolloutLog {
  var report = RolloutReport()
  var display = ProgressDisplay()
  let isVerbose: Bool

  init(isVerbose: Bool) { self.isVerbose = isVerbose }

  func note(_ line: String) {
    guard isVerbose else { return }
    display.erase()
    Console.complain(line)
    display.draw()
  }

  func record(_ event: RolloutEvent) {
    report.record(event)
    display.show(event)
  }
}
