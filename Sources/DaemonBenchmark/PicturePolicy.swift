public import RobotInterface
public import RobotPolicy
public import UnifiedIO

/// A policy without a model: reads its camera's picture and always says the same commands, so that everything but the model is
/// measured.
public struct PicturePolicy: PreparingPolicy {
  /// One camera of the picture's size, the measured values and the commands of a gripper arm.
  public let capabilities: Capabilities

  /// - Parameters:
  ///   - width: of the camera's picture, pixels.
  ///   - height: of the camera's picture, pixels.
  public init(width: Int, height: Int) {
    capabilities = Capabilities(
      policyName: "picture", policyDigest: "", serverVersion: "",
      cameras: [.init(name: "camera", width: width, height: height, verticalFieldOfView: nil, input: .image)],
      proprioception: ["x", "y", "z", "opening"].map { .init(name: $0, unit: "m", minimum: -1, maximum: 1) },
      actions: ["dx", "dy", "dz", "gripper"].map { .init(name: $0, unit: "m", minimum: -1, maximum: 1) },
      actionFrame: "base", actionMode: .delta, hold: .zero, chunkLength: 4, controlRate: 20,
      limits: Capabilities.Limits())
  }

  /// Decodes the first frame.
  public func prepare(_ observation: Observation, cancellation: Cancellation) -> PreparedInput {
    var timings = StageTimings()
    var clock = StageClock()
    let picture: Result<Image, RobotError>
    do throws(RobotError) { picture = .success(try Self.picture(of: observation, cancellation)) } catch {
      picture = .failure(error)
    }
    clock.finish(.decode, in: &timings)
    return PreparedInput(picture, timings: timings)
  }

  private static func picture(
    of observation: Observation, _ cancellation: Cancellation?
  ) throws(RobotError) -> Image {
    guard let frame = observation.frames.first else {
      throw RobotError(.missingCamera, "observation.frames", "expected a frame of camera, found none")
    }
    return try frame.picture(
      "observation.frames[0]", cancellation: cancellation, decode: Image.decode(_:within:),
      wrap: { width, height, pixels throws(ModelError) in try Image(width: width, height: height, pixels: pixels) })
  }

  /// Says the same commands whatever the first frame shows; `decode` and `post` are timed.
  public func act(on steps: inout [PolicyStep]) -> [Result<ActionChunk, RobotError>] {
    steps.indices.map { index in
      let prepared = steps[index].prepared ?? prepare(steps[index].observation, cancellation: Cancellation())
      let picture = prepared.content as? Result<Image, RobotError>
      return Result { () throws(RobotError) in
        _ = try picture?.get()
        return chunk(for: steps[index].observation, &steps[index].context, prepared.timings)
      }
    }
  }

  /// As for several observations.
  public func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    var steps = [PolicyStep(observation: observation, context: context)]
    let results = act(on: &steps)
    context = steps[0].context
    return try results[0].get()
  }

  private func chunk(
    for observation: Observation, _ context: inout EpisodeContext, _ timings: StageTimings
  ) -> ActionChunk {
    var clock = StageClock()
    let actions = (0..<capabilities.chunkLength).map {
      Action(values: [0.01, -0.01, 0.005, Double($0) / 8], limited: [])
    }
    context.record(actions, moving: true)
    var chunk = ActionChunk(
      observationSequence: observation.sequence, capturedAt: observation.capturedAt,
      validUntil: observation.capturedAt &+ 200_000_000, actions: actions,
      tokens: (0..<16).map { Int32(32_000 + $0) }, text: String(repeating: "<extra_id_500> ", count: 16),
      confidence: 0.9, timings: timings)
    clock.finish(.post, in: &chunk.timings)
    return chunk
  }

  /// Nothing is to be warmed up.
  public func warmUp() throws(RobotError) {}
}
