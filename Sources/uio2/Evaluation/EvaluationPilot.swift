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
  /// The policy's name; `expert`; empty for a daemon that was not asked.
  let name: String
  /// Its digest; empty for the expert, and for a daemon that was not asked.
  let digest: String
  /// Its weight format; `nil` where it is not this process's.
  let weights: String?
  /// How long its commands are valid, in milliseconds; `nil` where it is not this process's.
  let deadline: Double?
  private let local: LocalDaemon?

  /// Loads the policy, or asks the daemon what it serves.
  ///
  /// - Parameter asksDaemon: `false` leaves that to the workers, which wait for a daemon that is about to appear.
  init(_ options: PolicyOptions, asksDaemon: Bool = true) throws {
    if options.policy == PolicyOptions.expert {
      (pilot, name, digest, weights, deadline, local) = (.expert, PolicyOptions.expert, "", nil, nil, nil)
    } else if let address = try options.address?.connectable {
      let capabilities = asksDaemon ? try Self.ask(address) : ("", "")
      (name, digest) = capabilities
      (pilot, weights, deadline, local) = (.daemon(address: address), nil, nil, nil)
    } else {
      let compute = options.compute
      compute.apply()
      let bundle = try PolicyBundle.load(from: Locations.policy(options.policy ?? Locations.shippedPolicy))
      try compute.check(checkpoint: bundle.modelDirectory)
      let brain = try UnifiedIOPolicy(bundle: bundle, weights: compute.options, serverVersion: UIO2.version)
      let local = try LocalDaemon(brain, logger: options.logging.makeLogger(default: .warning))
      self.local = local
      pilot = .daemon(address: local.endpoint)
      (name, digest) = (bundle.specification.name, bundle.digest)
      weights = brain.model.runner.model.weightFormat.rawValue
      deadline = bundle.specification.control.deadlineMilliseconds
    }
  }

  /// Whether the policy is served, and its memory used, by this process.
  var isLocal: Bool { local != nil }

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
