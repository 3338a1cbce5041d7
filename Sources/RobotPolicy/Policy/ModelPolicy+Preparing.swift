public import RobotInterface
public import UnifiedIO

/// What the model takes in of an observation's pictures.
struct PreparedPictures: Sendable {
  /// In the order of the policy's cameras, each for the input that it feeds.
  var cameras: [PatchInput] = []
  /// The `image` camera's frame as the history of later steps shows it; `nil` for policies that look back at none.
  var memory: PatchInput?
  var prompt: [PatchInput] = []
}

extension ModelPolicy: PreparingPolicy {
  /// Decodes the frames and cuts them into patches.
  public func prepare(_ observation: Observation, cancellation: Cancellation) -> PreparedInput {
    var clock = StageClock(), timings = StageTimings()
    let result: Result<PreparedPictures, RobotError>
    do throws(RobotError) {
      result = .success(try pictures(of: observation, cancellation, clock: &clock, timings: &timings))
    } catch {
      result = .failure(error)
    }
    return PreparedInput(result, timings: timings)
  }

  /// Of a step that was prepared; otherwise made now, and booked on `timings`.
  func pictures(
    of step: PolicyStep, clock: inout StageClock, timings: inout StageTimings
  ) throws(RobotError) -> PreparedPictures {
    if let prepared = step.prepared?.content as? Result<PreparedPictures, RobotError> { return try prepared.get() }
    return try pictures(of: step.observation, nil, clock: &clock, timings: &timings)
  }

  private func pictures(
    of observation: Observation, _ cancellation: Cancellation?, clock: inout StageClock, timings: inout StageTimings
  ) throws(RobotError) -> PreparedPictures {
    let indices = try reader.frameIndices(of: observation)
    let pictures = try reader.pictures(of: observation, at: indices, cancellation: cancellation)
    clock.finish(.decode, in: &timings)
    let prepared = try patches(of: pictures)
    clock.finish(.preprocess, in: &timings)
    return prepared
  }

  private func patches(of pictures: ObservationReader<Model>.Pictures) throws(RobotError) -> PreparedPictures {
    var prepared = PreparedPictures()
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
