import ArgumentParser
import Files
import Foundation
import PolicyEvaluation
import Processes
import RunAnalysis
import RunDatabase

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
        uio2 rollout --env tabletop:rebuild-l2 --policy expert --loop closed
        uio2 rollout --env metaworld:drawer-open-v3.says-drawer-close-v3

      Episode e of each task uses seed SEED + e, and every seed has a goal of its own. The exit code is 0 when all episodes ran, \
      whether or not they succeeded; --require-success turns the success rate into part of it.

      The report of --json is written anew after each episode and says whether the run is complete, so that a run that is killed \
      leaves what it has flown. A run without a single episode leaves the file as it was.

      The simulator's Python imports nothing from the working folder and ignores PYTHONPATH; --python-path names folders to look in \
      first. The report names the files and versions of the modules that were used.
      """)

  @Option(
    name: .customLong("env"),
    help: ArgumentHelp(
      "The simulator and its tasks, e.g. metaworld:push-v3,reach-v3. TASK.says-OTHER: the scene of TASK, the instruction of OTHER.",
      valueName: "simulator:task,…"))
  var environment: String

  @Option(help: "Episodes of each task.")
  var episodes = 10

  @Option(help: "Seed of the first episode of each task.")
  var seed = 0

  @Option(help: ArgumentHelp("Write a film of every episode there.", valueName: "folder"), completion: .directory)
  var video: String?

  @Option(
    help: ArgumentHelp(
      "Say the instructions to a policy that hears: a WAV, FLAC or OGG file, or a folder with such files in a folder TASK for each task, of which the seed chooses one. Films then also have what the policy answers about the scene.",
      valueName: "path"))
  var speech: String?

  @Option(help: ArgumentHelp("Write the report there as JSON.", valueName: "file"), completion: .file())
  var json: String?

  @Option(help: "Simulation steps after which an episode has failed (default: the simulator's).")
  var maxSteps: Int?

  @Option(
    help: ArgumentHelp(
      "What the deadlines of commands run against: simulated (no answer is late, so a busy machine changes nothing) or wall (as on a real arm).",
      valueName: "clock"))
  var clock = Suite.Clock.simulated

  @Option(help: ArgumentHelp("Exit with 1 when a smaller share of the episodes succeeds, 0…1.", valueName: "rate"))
  var requireSuccess: Double?

  @OptionGroup var pilotOptions: PolicyOptions
  @OptionGroup var simulator: SimulatorOptions

  func validate() throws {
    do {
      _ = try suite()
    } catch {
      throw ValidationError("\(error.subject): \(error.message)")
    }
    if let speech, !FileManager.default.fileExists(atPath: speech) {
      throw ValidationError("--speech: \(speech): there is no such file or folder")
    }
    if let requireSuccess, !(0...1).contains(requireSuccess) {
      throw ValidationError("--require-success: expected 0…1, found \(requireSuccess)")
    }
  }

  func run() throws {
    let session = EvaluationSession()
    // From the beginning, so that whatever is begun is also ended.
    let signals = SignalWatch { session.interrupt(with: $0) }
    defer { withExtendedLifetime(signals) {} }
    let target = try json.map { try OutputTarget($0, besides: pilotOptions.inputs) }
    // Films have names of their own; any will do to see whether they can be written.
    if let video { _ = try OutputTarget(video + "/film.mp4") }
    let suite = try suite()
    let interpreter = try simulator.interpreter(for: suite.environment)
    let pilot = try EvaluationPilot(pilotOptions, asksDaemon: false)
    defer { pilot.stop() }
    pilot.start { session.giveUp() }
    let configuration = try configuration(suite, pilot)
    let record = RolloutRecord(
      configuration,
      RunDocument.Facts(
        command: CommandLine.arguments, clock: clock.rawValue, weights: pilot.weights, daemon: pilotOptions.daemon,
        version: UIO2.version),
      target: target)
    let display = EvaluationDisplay(EvaluationProgress(configuration), isVerbose: simulator.verbose)
    if let daemon = pilotOptions.daemon { display.announceWait(for: daemon) }
    let command = suite.workerCommand(
      python: interpreter, policy: pilot.pilot, mode: .lockstep(clock), loop: simulator.loop,
      speech: speech.map { URL(filePath: $0).path }, pythonPath: simulator.folders)
    // Where nothing is written but standard output, there is nothing to fly for without its reader.
    let mayStop = target == nil && video == nil
    let evaluation = try Evaluation(
      suite: suite, database: RunDatabase(inMemory: configuration), options: options,
      command: { [marks = pilot.marks] in marks.command(command, worker: $0) },
      onEvent: { [marks = pilot.marks] event in
        marks.take(event)
        display.show(event)
        record.take(event)
        if mayStop, display.failure != nil { session.interrupt(with: SIGTERM) }
      })
    let failure = session.run(evaluation)
    display.end()
    let tally = record.tally
    let cause = reason(failure, signals.received, pilot.failure, mayStop ? display.failure : nil, tally)
    let ending = Result { try record.end(because: cause, peakMemory: pilot.isLocal ? Measurements.peakMemory : nil) }
    if let cause { throw cause }
    if let requireSuccess, let rate = tally.successRate, rate < requireSuccess {
      throw CommandFailure(.failed, "success rate \(rate) is below the required \(requireSuccess)")
    }
    try ending.get()
  }

  private func suite() throws(RolloutError) -> Suite {
    try Suite(words: environment, episodes: episodes, seed: seed, stepLimit: maxSteps)
  }

  private func configuration(_ suite: Suite, _ pilot: EvaluationPilot) throws -> RunConfiguration {
    RunConfiguration(
      subject: .init(
        suite: suite.name, suiteDigest: suite.digest, policy: pilot.name, policyDigest: pilot.digest,
        stepLimit: suite.stepLimit, success: suite.success, loop: simulator.recordedLoop),
      seeds: .init(first: seed, count: episodes), episodes: try suite.plan())
  }

  /// A rollout has one simulator, and ends with it.
  private var options: Evaluation.Options {
    var options = simulator.evaluation
    options.onLoss = .end
    options.interruption = .now
    options.videos = video.map { .init(folder: $0, recorded: $0) }
    return options
  }

  /// Why not all episodes ran; `nil` when they did.
  private func reason(
    _ failure: RolloutError?, _ signal: Int32?, _ daemonFailure: (any Error)?, _ outputFailure: CommandFailure?,
    _ tally: RunTally
  ) -> (any Error)? {
    let isComplete = tally.episodes.count == tally.configuration.episodes.count
    if let signal {
      let flown = "\(tally.episodes.count) of \(tally.configuration.episodes.count)"
      let name = SignalName.of(signal) ?? "a signal"
      return CommandFailure(.signal(signal), "ended by \(name) after \(flown) episodes")
    }
    if let outputFailure, !isComplete { return outputFailure }
    // A policy that could not be served is the cause of whatever the robot then said.
    return daemonFailure ?? failure
  }
}

extension Suite.Clock: ExpressibleByArgument {}
