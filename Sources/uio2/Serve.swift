import ArgumentParser
import ControlDaemon
import Foundation
import Logging
import Processes
import RobotInterface
import RobotPolicy

/// `uio2 serve`: runs a policy behind a socket until a signal ends it.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve a policy to robots, or a model to whoever asks, over ZeroMQ.",
    discussion: """
      Loads the policy, warms it up, and answers observations with actions that lie inside its safety limits. Robots connect \
      with REQ or DEALER sockets and speak uio2.v1 (Sources/CProtocol/uio2.proto); each session is isolated from the others. \
      The policy's model can also be asked (`uio2 ask`); robots go first. With --model a checkpoint is served without a policy: \
      it answers who asks, and no robot.

        uio2 serve --policy Policies/metaworld-mt5
        uio2 serve --policy Policies/metaworld-mt5 --bind ipc:///run/uio2.sock --log-level debug
        uio2 serve --model large

      A signal (SIGINT, SIGTERM, SIGHUP, SIGQUIT) ends it cleanly: pending requests are told so, and the exit code is 0; a second \
      one ends it at once. The log on standard error never holds a robot up: lines that nobody reads are dropped and counted. The \
      address has no authentication; bind to a loopback or ipc address unless the network is yours alone.
      """)

  @Option(
    help: ArgumentHelp("The policy's folder (default: \(Locations.shippedPolicy)).", valueName: "folder"),
    completion: .directory)
  var policy: String?

  @Option(
    help: ArgumentHelp(
      "In place of a policy: the folder of config.json, the weights and tokenizer.model.", valueName: "folder"),
    completion: .directory)
  var model: String?

  @Option(
    help: ArgumentHelp("With --model: LLaMA's tokenizer.model (default: the one in its folder).", valueName: "file"),
    completion: .file())
  var tokenizer: String?

  @Option(help: ArgumentHelp("Where to listen: tcp://HOST:PORT or ipc://PATH.", valueName: "address"))
  var bind = DaemonAddress.standard

  @Option(
    help: ArgumentHelp(
      "Robots answered together when so many wait: shared work, but the first waits for the last.", valueName: "count"))
  var maxBatch: Int?

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var realtime: RealtimeOption
  @OptionGroup var logging: LoggingOptions

  func validate() throws {
    if policy != nil, model != nil { throw ValidationError("--policy brings its own model; leave out --model.") }
    if let maxBatch, maxBatch < 1 { throw ValidationError("--max-batch must be at least 1.") }
    if maxBatch != nil, model != nil { throw ValidationError("--max-batch is about robots; --model serves none.") }
    if tokenizer != nil, model == nil { throw ValidationError("--tokenizer goes with --model.") }
  }

  private func brain() throws -> any ObservationPolicy {
    if let model {
      let folder = URL(filePath: model)
      try compute.check(checkpoint: folder)
      return try BareModel(
        directory: folder, tokenizer: tokenizer.map { URL(filePath: $0) }, weights: compute.options,
        serverVersion: UIO2.version)
    }
    let bundle = try PolicyBundle.load(from: Locations.policy(policy ?? Locations.shippedPolicy))
    try compute.check(checkpoint: bundle.modelDirectory)
    return try UnifiedIOPolicy(bundle: bundle, weights: compute.options, serverVersion: UIO2.version)
  }

  func run() throws {
    let logger = logging.makeLogger(default: .info)
    compute.apply()
    // Before the model is loaded and threads are started, which inherit it.
    realtime.apply(logger)
    let brain = try brain()
    var options = DaemonOptions()
    if let maxBatch { options.maximumBatch = maxBatch }
    let daemon: ControlDaemon
    do {
      daemon = try ControlDaemon(policy: brain, endpoint: bind.text, options: options, logger: logger)
    } catch {
      throw CommandFailure(.unavailable, error.description)
    }
    let signals = SignalWatch { [count = Counter()] number in
      // Whoever asks again does not want to wait for what is being computed.
      if count.next() > 1 { SignalWatch.endProcess(by: number) }
      daemon.stop()
    }
    try withExtendedLifetime(signals) { try daemon.run() }
  }
}
