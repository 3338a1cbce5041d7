import ArgumentParser
import Foundation
import Logging
import Recording
import RobotInterface
import RobotPolicy
import Tensors

/// `--record`, for commands whose process serves the robots.
struct RecordOption: ParsableArguments {
  @Option(
    name: .customLong("record"),
    help: ArgumentHelp(
      "Record every message in a new MCAP file there, for `uio2 replay`, Foxglove and Rerun.", valueName: "file"),
    completion: .file(extensions: ["mcap"]))
  var file: String?

  /// Looks at the place before the work begins.
  ///
  /// - Parameter policy: the policy's folder.
  func check(policy: URL) throws {
    if let file { try Recorder.check(file, besides: [policy.path]) }
  }

  /// Begins the recording, where one is wanted.
  ///
  /// - Parameter format: of the policy's matrices.
  func begin(
    _ policy: any ObservationPolicy, format: WeightFormat, _ compute: ComputeOptions, operatorToken: [UInt8] = [],
    _ logger: Logger
  ) throws -> Recorder? {
    guard let file else { return nil }
    let capabilities = policy.capabilities
    let facts = RecordingFacts(
      policyName: capabilities.policyName, policyDigest: capabilities.policyDigest, weights: format.rawValue,
      activations: compute.activations?.rawValue ?? "", kernels: ComputeThreads.kernels, version: UIO2.version)
    return try Recorder(file, facts: facts, operatorToken: operatorToken, logger: logger)
  }
}
