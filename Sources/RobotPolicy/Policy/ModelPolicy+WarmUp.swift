public import RobotInterface

extension ModelPolicy {
  /// Answers an observation of black pictures with every measured value in the middle of its range; a policy that hears, one with a
  /// sound as well.
  public func warmUp() throws(RobotError) {
    let sentence = specification.instructions.sentences.first ?? "Warm up."
    guard let audio = specification.audio else { return try warmUp(instruction: sentence, audio: nil) }
    let hum = Self.hum(seconds: min(audio.maximumDuration, 1))
    if audio.replacesInstruction { try warmUp(instruction: sentence, audio: nil) }
    try warmUp(instruction: audio.replacesInstruction ? "" : sentence, audio: hum)
  }

  private func warmUp(instruction: String, audio: AudioClip?) throws(RobotError) {
    let frames = specification.cameras.map { camera in
      CameraFrame(
        camera: camera.name, encoding: .rgb8, width: camera.width, height: camera.height,
        data: [UInt8](repeating: 0, count: camera.width * camera.height * 3))
    }
    let observation = Observation(
      sequence: 0, capturedAt: 0, sentAt: 0, frames: frames,
      proprioception: specification.proprioception.map { $0.minimum / 2 + $0.maximum / 2 }, instruction: instruction,
      audio: audio)
    var steps = [PolicyStep(observation: observation, context: EpisodeContext())]
    var timings = StageTimings()
    for answer in answers(to: &steps, timings: &timings) { _ = try actions(in: try answer.get()) }
  }

  /// A square wave of 250 Hz, quiet.
  private static func hum(seconds: Double) -> AudioClip {
    let samples = (0..<Int(seconds * Double(AudioClip.pcmSampleRate))).map { Int16($0 / 32 % 2 == 0 ? 1_000 : -1_000) }
    let bytes = samples.flatMap { sample in
      let bits = UInt16(bitPattern: sample)
      return [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)]
    }
    return AudioClip(encoding: .pcm16, data: bytes)
  }
}
