import Logging
import PolicyEvaluation
import RobotInterface
import RobotLink
import RobotPolicy
import Tensors
import UnifiedIO

/// Who answers the robots of an evaluation: a policy in this process, a daemon elsewhere, or the simulator's expert.
struct EvaluationPilot {
  /// For workers.
  let pilot: Suite.Policy
  /// The policy's name; `expert`.
  let name: String
  /// Its digest; empty for the expert.
  let digest: String
  /// Its weight format; empty where it is not this process's.
  let weights: String
  private let local: LocalDaemon?

  /// Loads the policy, or asks the daemon what it serves.
  init(policy: String?, daemon: String?, compute: ComputeOptions, logger: Logger) throws {
    if policy == "expert" {
      (pilot, name, digest, weights, local) = (.expert, "expert", "", "", nil)
    } else if let daemon {
      let address = try Endpoint(daemon, for: .connect, option: "--daemon").connectable
      let capabilities = try Self.ask(address)
      (pilot, name, digest, weights, local) =
        (.daemon(address: address), capabilities.name, capabilities.digest, "", nil)
    } else {
      compute.apply()
      let bundle = try PolicyBundle.load(from: Locations.policy(policy ?? Locations.shippedPolicy))
      try compute.check(checkpoint: bundle.modelDirectory)
      let brain = try UnifiedIOPolicy(bundle: bundle, weights: compute.options, serverVersion: UIO2.version)
      let local = try LocalDaemon(brain, logger: logger)
      self.local = local
      pilot = .daemon(address: local.endpoint)
      (name, digest) = (bundle.specification.name, bundle.digest)
      weights = brain.model.runner.model.weightFormat.rawValue
    }
  }

  /// Why the daemon of this process ended by itself, if it did.
  var failure: (any Error)? { local?.failure }

  /// Begins to serve, where that is this process's part.
  func start(onFailure: @escaping @Sendable () -> Void) { local?.start(onFailure: onFailure) }

  /// Ends serving.
  func stop() { local?.stop() }

  private static func ask(_ address: String) throws -> (name: String, digest: String) {
    do throws(ClientError) {
      let client = try RobotClient(endpoint: address, sessionID: "evaluation", timeout: .seconds(10))
      let capabilities = try client.hello(clientName: "uio2 evaluate", clientVersion: UIO2.version)
      return (capabilities.policyName, capabilities.policyDigest)
    } catch {
      throw CommandFailure(.unavailable, "\(address): \(error)")
    }
  }
}
