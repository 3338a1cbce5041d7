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
    let pictures = try reader.pictures(of: observation, at: indices, cancellation: cancellation)
    let sound = try observation.audio.map { (clip) throws(RobotError) in
      try sounds.input(for: clip) { () throws(RobotError) in try reader.sound(clip, cancellation: cancellation) }
    }
    clock.finish(.decode, in: &timings)
    var prepared = try patches(of: pictures)
    prepared.sound = sound
    clock.finish(.preprocess, in: &timings)
    return prepared
  }

  private func patches(of pictures: ObservationReader<Model>.Pictures) throws(RobotError) -> PreparedSenses {
    var prepared = PreparedSenses()
    do throws(ModelError) {
      for (camera, picture) in zip(specification.cameras, pictures.cameras) {
        switch camera.input {
        case .imageHistory: prepared.cameras.append(try model.historyInput(picture))
        case .image:
          prepared.cameras.append(try model.imageInput(picture))
          if camera.earlierFrames > 0 { prepared.memory = try model.historyInput(picture) }
        }
      }
      for picture in pictures.prompt { prepared.prompt.append(try model.historyInput(picture)) }
    } catch {
      throw RobotError(.invalidImage, "observation.frames", error.message)
    }
    return prepared
  }
}
