public import Foundation
public import RobotInterface
public import RobotPolicy
public import Tensors
public import UnifiedIO

extension ModelPolicy: Generating where Model == UnifiedIOActionModel {
  /// Decodes pictures and sound, tokenizes the prompt.
  public func prepare(_ request: GenerationRequest, cancellation: Cancellation) throws(RobotError) -> PreparedInput {
    try UnifiedIOGenerator(runner: model.runner).prepare(request, cancellation)
  }

  /// Asks the policy's own model.
  public func generate(
    _ request: GenerationRequest, prepared: PreparedInput, goesOn: @escaping @Sendable (GenerationMoment) -> Bool
  ) throws(RobotError) -> GenerationResult {
    try UnifiedIOGenerator(runner: model.runner).generate(request, prepared, goesOn: goesOn)
  }
}

/// A checkpoint without a robot policy: answers `Generate` and nothing else.
public struct BareModel: ObservationPolicy, Generating {
  /// Without cameras, proprioception and actions.
  public let capabilities: Capabilities
  private let generator: UnifiedIOGenerator
  /// Of as many beams as a question may have.
  public var workingMemory: Int {
    generator.runner.model.configuration.workingMemory(sequences: ProtocolLimits.maximumBeams)
  }

  /// Loads the checkpoint.
  ///
  /// - Parameters:
  ///   - directory: holds `config.json` and the weights.
  ///   - tokenizer: LLaMA's `tokenizer.model`; `nil`: the one in `directory`.
  ///   - weights: how the model's matrices are kept and multiplied with.
  ///   - serverVersion: of the daemon, for the capabilities.
  /// - Throws: ``ModelError`` that names the file at fault.
  public init(
    directory: URL, tokenizer: URL? = nil, weights: WeightOptions = .standard, serverVersion: String = ""
  ) throws(ModelError) {
    generator = UnifiedIOGenerator(
      runner: try TaskRunner(directory: directory, tokenizer: tokenizer, weights: weights))
    capabilities = Capabilities(
      policyName: directory.standardizedFileURL.lastPathComponent, policyDigest: "", serverVersion: serverVersion,
      cameras: [], proprioception: [], actions: [], actionFrame: "", actionMode: nil, hold: nil, chunkLength: 0,
      controlRate: 0, limits: Capabilities.Limits())
  }

  /// Refuses: a model alone moves no robot.
  public func act(
    on observation: Observation, context: inout EpisodeContext
  ) throws(RobotError) -> ActionChunk {
    throw RobotError(
      .unsupported, "observation", "this daemon serves a model without a robot policy; it answers Generate only")
  }

  /// Says one word, so that the first who asks does not wait for the weights.
  public func warmUp() throws(RobotError) {
    let request = GenerationRequest(prompt: "Warm up.", maximumTokens: 1)
    do throws(RobotError) {
      let prepared = try prepare(request, cancellation: Cancellation())
      _ = try generate(request, prepared: prepared) { _ in true }
    } catch  where error.code == .unsupported {
      // A checkpoint without text output warms up with its first picture or sound.
    }
  }

  /// Decodes pictures and sound, tokenizes the prompt.
  public func prepare(_ request: GenerationRequest, cancellation: Cancellation) throws(RobotError) -> PreparedInput {
    try generator.prepare(request, cancellation)
  }

  /// Asks the model.
  public func generate(
    _ request: GenerationRequest, prepared: PreparedInput, goesOn: @escaping @Sendable (GenerationMoment) -> Bool
  ) throws(RobotError) -> GenerationResult {
    try generator.generate(request, prepared, goesOn: goesOn)
  }
}
