import ArgumentParser
import ControlDaemon
import Foundation
import Logging
import RobotInterface
import RobotPolicy

/// `uio2 serve`: runs a policy behind a socket until a signal ends it.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve a policy to robots over ZeroMQ.",
    discussion: """
      Loads the policy, warms it up, and answers observations with actions that lie inside its safety limits. Robots connect \
      with REQ or DEALER sockets and speak uio2.v1 (Sources/CProtocol/uio2.proto); each session is isolated from the others.

        uio2 serve --policy Policies/metaworld-mt5
        uio2 serve --policy Policies/metaworld-mt5 --bind ipc:///run/uio2.sock --log-level debug

      SIGINT or SIGTERM ends it cleanly: pending requests are told so, and the exit code is 0. The address has no \
      authentication; bind to a loopback or ipc address unless the network is yours alone.
      """)

  @Option(help: ArgumentHelp("The policy's folder.", valueName: "folder"), completion: .directory)
  var policy: String = Locations.shippedPolicy

  @Option(help: ArgumentHelp("Where to listen: tcp://HOST:PORT or ipc://PATH.", valueName: "address"))
  var bind = "tcp://127.0.0.1:5555"

  @OptionGroup var logging: LoggingOptions

  func run() throws {
    let logger = logging.makeLogger(default: .info)
    let bundle = try PolicyBundle.load(from: Locations.policy(policy))
    let brain = try UnifiedIOPolicy(bundle: bundle)
    let daemon: ControlDaemon
    do {
      daemon = try ControlDaemon(policy: brain, endpoint: bind, logger: logger)
    } catch {
      throw CommandFailure(.unavailable, error.description)
    }
    let signals = SignalWatch { _ in daemon.stop() }
    try withExtendedLifetime(signals) { try daemon.run() }
  }
}
