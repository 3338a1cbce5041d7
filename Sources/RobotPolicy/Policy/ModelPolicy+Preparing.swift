public import RobotInterface
public import UnifiedIO

/// What the model takes in of what an observation shows and plays.
struct PreparedSenses: Sendable {
  /// In the order of the policy's cameras, each for the input that it feeds.
  var cameras: [PatchInput] = []
  /// The `image` camera's frame as the history of later steps shows it; `nil` for policies that look back at none.
  var memory: PatchInput?
  var prompt: [PatchInput] = []
  /// `nil` without one.
  var sound: SoundInput?
}

extension ModelPolicy: PreparingPolicy {
  /// Decodes the frames and the sound and cuts them into patches.
  public func prepare(_ observation: Observation, cancellation: Cancellation) -> PreparedInput {
    var clock = StageClock(), timings = StageTimings()
    let result: Result<PreparedSenses, RobotError>
    do throws(RobotError) {
      result = .success(try senses(of: observation, cancellation, clock: &clock, timings: &timings))
    } catch {
      result = .failure(error)
    }
    return PreparedInput(result, timings: timings)
  }

  /// Of a step that was prepared; otherwise made now, and booked on `timings`.
  func senses(
    of step: PolicyStep, clock: inout StageClock, timings: inout StageTimings
  ) throws(RobotError) -> PreparedSenses {
    if let prepared = step.prepared?.content as? Result<PreparedSenses, RobotError> { return try prepared.get() }
    return try senses(of: step.observation, nil, clock: &clock, timings: &timings)
  }

  private func senses(
    of observation: Observation, _ cancellation: Cancellation?, clock: inout StageClock, timings: inout StageTimings
  ) throws(RobotError) -> PreparedSenses {
    let indices = try reader.frameIndices(of: observation)
    try reader.checkAudio(of: observation)
    let prompt = try reader.promptFrames(of: observation)
    var prepared = PreparedSenses()
    for (camera, index) in zip(specification.cameras, indices) {
      let use: PictureMemory.Use =
        switch camera.input {
        case .imageHistory: .history
        case .image: camera.earlierFrames > 0 ? .imageAndHistory : .image
        }
      let shown = try shown(
        observation.frames[index], "observation.frames[\(index)]", use, cancellation, clock: &clock, timings: &timings)
      prepared.cameras.append(shown.input)
      if let memory = shown.memory { prepared.memory = memory }
    }
    for (index, frame) in prompt {
      let subject = "observation.prompt[\(index)]"
      prepared.prompt.append(
        try shown(frame, subject, .history, cancellation, clock: &clock, timings: &timings).input)
    }
    prepared.sound = try observation.audio.map { (clip) throws(RobotError) in
      try sounds.input(for: clip) { () throws(RobotError) in try reader.sound(clip, cancellation: cancellation) }
    }
    clock.finish(.decode, in: &timings)
    return prepared
  }

  /// What the model takes in of a picture: known by its bytes, or decoded.
  private func shown(
    _ frame: CameraFrame, _ subject: String, _ use: PictureMemory.Use, _ cancellation: Cancellation?,
    clock: inout StageClock, timings: inout StageTimings
  ) throws(RobotError) -> PictureMemory.Shown {
    try pictures.shown(frame, as: use) { () throws(RobotError) in
      let picture = try reader.picture(frame, subject, cancellation)
      clock.finish(.decode, in: &timings)
      defer { clock.finish(.preprocess, in: &timings) }
      do throws(ModelError) {
        switch use {
        case .history: return .init(input: try model.historyInput(picture))
        case .image: return .init(input: try model.imageInput(picture))
        case .imageAndHistory:
          return .init(input: try model.imageInput(picture), memory: try model.historyInput(picture))
        }
      } catch {
        throw RobotError(.invalidImage, "observation.frames", error.message)
      }
    }
  }
}
