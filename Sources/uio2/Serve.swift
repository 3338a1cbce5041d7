import ArgumentParser
import ControlDaemon
import Foundation
import Logging
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

      A session belongs to the client that said hello first: only it may observe, reset and resume. Anyone may stop a robot. \
      With --operator a program of this user may resume and reset as well: it sends the token of that file.

      SIGINT or SIGTERM ends it cleanly: pending requests are told so, and the exit code is 0. The address has no \
      authentication; bind to a loopback or ipc address unless the network is yours alone.
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
  var bind = "tcp://127.0.0.1:5555"

  @Option(
    help: ArgumentHelp(
      "Robots answered together when so many wait: shared work, but the first waits for the last.", valueName: "count"))
  var maxBatch = DaemonOptions().maximumBatch

  @Option(
    name: .customLong("operator"),
    help: ArgumentHelp(
      "Write a token there that resumes and resets any session, for programs of this user; loopback and ipc only.",
      valueName: "file"),
    completion: .file())
  var operatorFile: String?

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var realtime: RealtimeOption
  @OptionGroup var logging: LoggingOptions

  func validate() throws {
    if policy != nil, model != nil { throw ValidationError("--policy brings its own model; leave out --model.") }
    guard maxBatch >= 1 else { throw ValidationError("--max-batch must be at least 1.") }
    if tokenizer != nil, model == nil { throw ValidationError("--tokenizer goes with --model.") }
    if operatorFile != nil, !Self.isLocal(bind) {
      throw ValidationError("--operator needs a loopback or ipc address: its token would cross the network of \(bind).")
    }
  }

  /// Whether only programs on this machine can reach an address.
  private static func isLocal(_ address: String) -> Bool {
    ["ipc://", "tcp://127.", "tcp://[::1]:", "tcp://localhost:"].contains { address.hasPrefix($0) }
  }

  private func brain() throws -> any ObservationPolicy {
    if let model {
      return try BareModel(
        directory: URL(filePath: model), tokenizer: tokenizer.map { URL(filePath: $0) }, weights: compute.options,
        serverVersion: UIO2.version)
    }
    let bundle = try PolicyBundle.load(from: Locations.policy(policy ?? Locations.shippedPolicy))
    return try UnifiedIOPolicy(bundle: bundle, weights: compute.options, serverVersion: UIO2.version)
  }

  func run() throws {
    let logger = logging.makeLogger(default: .info)
    let operatorToken = try operatorFile.map(OperatorFile.init)
    defer { operatorToken?.remove() }
    compute.apply()
    // Before the model is loaded and threads are started, which inherit it.
    realtime.apply(logger)
    let brain = try brain()
    var options = DaemonOptions()
    options.maximumBatch = maxBatch
    options.operatorToken = operatorToken?.token
    let daemon: ControlDaemon
    do {
      daemon = try ControlDaemon(policy: brain, endpoint: bind, options: options, logger: logger)
    } catch {
      throw CommandFailure(.unavailable, error.description)
    }
    let signals = SignalWatch { _ in daemon.stop() }
    try withExtendedLifetime(signals) { try daemon.run() }
  }
}
