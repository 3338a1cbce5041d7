import RobotInterface
import UnifiedIO

/// Checks an observation against a policy and decodes its pictures.
struct ObservationReader<Model: ActionModel> {
  let model: Model
  let specification: PolicySpecification

  /// The pictures of an observation.
  struct Pictures {
    /// In the order of the policy's cameras.
    var cameras: [Model.Picture]
    var prompt: [Model.Picture]
  }

  /// Finds the frame of each camera.
  ///
  /// - Returns: indices of `observation.frames` in the order of the policy's cameras.
  /// - Throws: ``RobotError`` `.unknownCamera`, `.missingCamera`, or `.invalidImage` for a camera that came twice or whose size is
  ///   not the one agreed on.
  func frameIndices(of observation: Observation) throws(RobotError) -> [Int] {
    let names = specification.cameras.map(\.name)
    var found: [String: Int] = [:]
    for (index, frame) in observation.frames.enumerated() {
      let subject = "observation.frames[\(index)].camera"
      guard names.contains(frame.camera) else {
        throw RobotError(
          .unknownCamera, subject,
          "expected one of \(names.joined(separator: ", ")), found \"\(frame.camera.prefix(128))\"")
      }
      guard found.updateValue(index, forKey: frame.camera) == nil else {
        throw RobotError(.invalidImage, subject, "expected one frame of \(frame.camera), found a second")
      }
    }
    var indices: [Int] = []
    for camera in specification.cameras {
      guard let index = found[camera.name] else {
        throw RobotError(.missingCamera, "observation.frames", "expected a frame of \(camera.name), found none")
      }
      let frame = observation.frames[index]
      guard frame.width == camera.width, frame.height == camera.height else {
        throw RobotError(
          .invalidImage, "observation.frames[\(index)]",
          "expected \(camera.width) x \(camera.height) pixels of \(camera.name), found \(frame.width) x \(frame.height)"
        )
      }
      indices.append(index)
    }
    return indices
  }

  /// Decodes all pictures.
  ///
  /// - Parameter indices: those of ``frameIndices(of:)``.
  func pictures(of observation: Observation, at indices: [Int]) throws(RobotError) -> Pictures {
    let places = min(model.maximumHistoryFrames, PolicySpecification.maximumHistoryFrames) - specification.historyFrames
    let images = observation.promptParts.enumerated().compactMap { index, part -> (Int, CameraFrame)? in
      if case .image(let frame) = part { (index, frame) } else { nil }
    }
    guard images.count <= max(0, places) else {
      throw RobotError(
        .invalidImage, "observation.prompt",
        "expected at most \(max(0, places)) images in the prompt beside the policy's own history, found \(images.count)"
      )
    }
    var pictures = Pictures(cameras: [], prompt: [])
    for index in indices {
      pictures.cameras.append(try picture(observation.frames[index], subject: "observation.frames[\(index)]"))
    }
    for (index, frame) in images {
      pictures.prompt.append(try picture(frame, subject: "observation.prompt[\(index)]"))
    }
    return pictures
  }

  private func picture(_ frame: CameraFrame, subject: String) throws(RobotError) -> Model.Picture {
    try frame.picture(subject, decode: model.decodePicture, wrap: model.makePicture)
  }
}
