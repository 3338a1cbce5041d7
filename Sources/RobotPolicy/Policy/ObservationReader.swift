import RobotInterface
import UnifiedIO

/// Checks an observation against a policy and decodes its pictures and its sound.
struct ObservationReader<Model: ActionModel> {
  let model: Model
  let specification: PolicySpecification

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

  /// The images of an observation's prompt, not more than the model looks at, and of no more pixels than its canvas has.
  ///
  /// - Returns: each with its place in the prompt.
  func promptFrames(of observation: Observation) throws(RobotError) -> [(Int, CameraFrame)] {
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
    var budget = PixelBudget(model.maximumPromptPixels)
    for (index, frame) in images { try budget.take(frame, "observation.prompt[\(index)]") }
    return images
  }

  /// Makes sure that there is a sound where the policy needs one, and none where it hears none, of a form that can be decoded.
  ///
  /// - Throws: ``RobotError`` `.unsupported` for a sound that nobody hears, `.invalidAudio` for one that is missing, too long to be one,
  ///   or no sound.
  func checkAudio(of observation: Observation) throws(RobotError) {
    let subject = "observation.audio"
    guard let audio = specification.audio else {
      if observation.audio == nil { return }
      throw RobotError(.unsupported, subject, "this policy hears nothing; leave the sound out")
    }
    guard let clip = observation.audio else {
      if audio.replacesInstruction { return }
      throw RobotError(.invalidAudio, subject, "expected a sound, \(audio.name), beside the instruction; found none")
    }
    try clip.checkForm(subject)
    let samples = clip.data.count / 2
    guard clip.encoding != .pcm16 || Double(samples) <= audio.maximumDuration * Double(AudioClip.pcmSampleRate) + 1
    else {
      throw RobotError(
        .invalidAudio, "\(subject).data",
        "expected at most \(audio.maximumDuration) seconds, found \(Double(samples) / Double(AudioClip.pcmSampleRate))")
    }
  }

  /// Decodes a sound that ``checkAudio(of:)`` allows.
  ///
  /// - Parameter cancellation: ends the work early.
  func sound(_ clip: AudioClip, cancellation: Cancellation?) throws(RobotError) -> SoundInput {
    let limits = SoundLimits(
      duration: specification.audio?.maximumDuration ?? 0, valuesPerSecond: Self.soundValuesPerSecond,
      cancellation: cancellation)
    do throws(ModelError) {
      return try model.soundInput(clip, within: limits)
    } catch {
      throw RobotError(.invalidAudio, "observation.audio.data", error.message)
    }
  }

  /// Stereo of 48 kHz, the most that a microphone gives: it may come with every observation, beside the cameras of other robots.
  private static var soundValuesPerSecond: Int { 2 * 48_000 }

  /// Decodes a picture of a size that ``frameIndices(of:)`` or ``promptFrames(of:)`` allows.
  ///
  /// - Parameters:
  ///   - subject: names the frame in errors.
  ///   - cancellation: ends the work early.
  func picture(
    _ frame: CameraFrame, _ subject: String, _ cancellation: Cancellation?
  ) throws(RobotError) -> Model.Picture {
    try frame.picture(
      subject, cancellation: cancellation, decode: model.decodePicture(_:within:), wrap: model.makePicture)
  }
}
