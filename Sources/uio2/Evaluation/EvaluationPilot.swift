import AccessKeys
import Logging
import PolicyEvaluation
import Recording
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
  /// Its weight format; `nil` for the expert, and for a daemon that was not asked or does not say.
  let weights: String?
  /// How it takes the inputs of products with 8-bit weights; `nil` where there are none as well.
  let activations: String?
  /// How long its commands are valid, in milliseconds; `nil` for the expert, and for a daemon that was not asked or does not say.
  let deadline: Double?
  /// Names the workers' sessions, and marks their episodes in the recording, where there is one.
  let marks: EpisodeMarks
  private let local: LocalDaemon?

  /// Loads the policy, or asks the daemon what it serves.
  ///
  /// - Parameter asksDaemon: `false` leaves that to the workers, which wait for a daemon that is about to appear.
  init(_ options: PolicyOptions, asksDaemon: Bool = true) throws {
    var recorder: Recorder?
    if options.policy == PolicyOptions.expert {
      (pilot, name, digest) = (.expert, PolicyOptions.expert, "")
      (weights, activations, deadline, local) = (nil, nil, nil, nil)
    } else if let address = try options.address?.connectable {
      // Also where only the workers use it: they would say so one after the other.
      let key = try options.keys.load()
      let capabilities = asksDaemon ? try Self.ask(address, key) : nil
      (pilot, local) = (.daemon(address: address, key: options.keys.arguments), nil)
      (name, digest) = (capabilities?.policyName ?? "", capabilities?.policyDigest ?? "")
      (weights, activations) = (Self.said(capabilities?.weights), Self.said(capabilities?.activations))
      deadline = capabilities?.deadline.map { Double($0) / 1e6 }
    } else {
      let compute = options.compute
      let folder = try Locations.policy(options.policy ?? Locations.shippedPolicy)
      try options.record.check(policy: folder)
      compute.apply()
      let bundle = try PolicyBundle.load(from: folder)
      try compute.check(checkpoint: bundle.modelDirectory)
      let brain = try UnifiedIOPolicy(bundle: bundle, weights: compute.options, serverVersion: UIO2.version)
      let logger = options.logging.makeLogger(default: .warning)
      let format = brain.model.runner.model.weightFormat
      recorder = try options.record.begin(brain, format: format, compute, logger)
      let local = try LocalDaemon(brain, observer: recorder, logger: logger)
      self.local = local
      pilot = .daemon(address: local.endpoint)
      (name, digest) = (bundle.specification.name, bundle.digest)
      (weights, activations) = (Self.said(brain.capabilities.weights), Self.said(brain.capabilities.activations))
      deadline = bundle.specification.control.deadlineMilliseconds
    }
    marks = EpisodeMarks(recorder)
  }

  /// Whether the policy is served, and its memory used, by this process.
  var isLocal: Bool { local != nil }

  /// Why the daemon of this process ended by itself, if it did.
  var failure: (any Error)? { local?.failure }

  /// Begins to serve, where that is this process's part.
  func start(onFailure: @escaping @Sendable () -> Void) { local?.start(onFailure: onFailure) }

  /// Ends serving, and the recording.
  func stop() {
    local?.stop()
    marks.recorder?.close()
  }

  private static func said(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }

  private static func ask(_ address: String, _ key: ClientKey?) throws -> Capabilities {
    do throws(ClientError) {
      let client = try RobotClient(endpoint: address, sessionID: "evaluation", key: key, timeout: .seconds(10))
      return try client.hello(clientName: "uio2 evaluate", clientVersion: UIO2.version)
    } catch {
      throw CommandFailure(.unavailable, "\(address): \(error)")
    }
  }
}
