extension Preprocessor {
  /// Patches of a sound: its last segment of 4.08 seconds, and the earlier ones as history, oldest first.
  ///
  /// A last segment counts when more than half of it (and a tenth of a second) is there. Of the earlier ones the first
  /// ``PreprocessingGeometry/maximumHistoryFrames`` are kept, as the reference does; of a long recording that leaves out the middle.
  ///
  /// - Returns: patches as `dt · patchSize + band`, of 256 steps x 128 bands in rows of one instant.
  /// - Throws: ``ModelError`` `.invalidSound` when the sound cannot be brought to 16 kHz, `.invalidConfiguration` when a
  ///   spectrogram is not made of whole patches.
  /// - Complexity: O(samples).
  public func audioInput(_ sound: Sound) throws(ModelError) -> (audio: PatchInput, history: [PatchInput]) {
    try audioInput(SoundSegments(of: sound))
  }

  /// As ``audioInput(_:)``, but nothing at the sound's end is left out: a last segment counts however short it is.
  ///
  /// - Throws: ``ModelError`` as ``audioInput(_:)``, and `.invalidSound` for a sound of more than one segment and
  ///   ``PreprocessingGeometry/maximumHistoryFrames`` earlier ones.
  public func wholeAudioInput(_ sound: Sound) throws(ModelError) -> (audio: PatchInput, history: [PatchInput]) {
    let length = LogMelSpectrogram.duration, limit = max(geometry.maximumHistoryFrames, 0) + 1
    // A sample more or less, as resampling gives, makes no segment.
    let count = max(1, Int(((sound.duration - 1 / Double(Sound.modelRate)) / length).rounded(.up)))
    guard count <= limit else {
      throw Sound.invalid("lasts \(sound.duration) seconds; at most \(Double(limit) * length) are heard")
    }
    return try audioInput(SoundSegments(of: sound, duration: Double(count) * length))
  }

  func audioInput(_ segments: SoundSegments) throws(ModelError) -> (audio: PatchInput, history: [PatchInput]) {
    let audio = try patches(of: LogMelSpectrogram(segment: segments[segments.count - 1]))
    var history: [PatchInput] = []
    for index in 0..<min(segments.count - 1, max(geometry.maximumHistoryFrames, 0)) {
      history.append(try patches(of: LogMelSpectrogram(segment: segments[index])))
    }
    return (audio, history)
  }

  /// What the decoder is to say: the sound, which has to fit in 4.08 seconds.
  ///
  /// - Throws: ``ModelError`` `.invalidSound` when it is longer or cannot be brought to 16 kHz.
  public func audioTarget(_ sound: Sound) throws(ModelError) -> AudioTarget {
    let segments = try SoundSegments(of: sound)
    guard segments.count == 1 else {
      throw Sound.invalid("\(sound.duration) seconds are too long for a target; expected at most 4.08")
    }
    return try AudioTarget(LogMelSpectrogram(segment: segments[0]))
  }

  private func patches(of spectrogram: LogMelSpectrogram) throws(ModelError) -> PatchInput {
    let side = geometry.audioPatchSize, steps = LogMelSpectrogram.steps, bands = LogMelSpectrogram.bands
    guard side > 0, steps % side == 0, bands % side == 0 else {
      throw ModelError(
        .invalidConfiguration, "audio patch size", "\(steps) x \(bands) values are not made of patches of \(side)")
    }
    var values: [Float] = []
    values.reserveCapacity(steps * bands)
    for row in stride(from: 0, to: steps, by: side) {
      for column in stride(from: 0, to: bands, by: side) {
        for step in row..<(row + side) {
          let start = step * bands + column
          values += spectrogram.values[start..<(start + side)].map { ($0 - AudioInputs.mean) / AudioInputs.deviation }
        }
      }
    }
    let mask = spectrogram.patchMask(patchSize: side)
    return PatchInput(patches: values, mask: mask, positions: Array(mask.indices))
  }
}

/// What the audio transformer's inputs are normalised with.
private enum AudioInputs {
  static let mean: Float = -4.26
  static let deviation: Float = 9.14
}
