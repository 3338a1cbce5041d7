/// A sound that the decoder is taught, or whose tokens are asked for.
public struct AudioTarget: Sendable, Hashable {
  /// Normalised logarithmic power, `[256 steps, 128 bands]`; the audio tokeniser takes it transposed.
  public let values: [Float]
  /// Which tokens hold some sound, `[512]`: 32 x 16 patches of 8 x 8, time in rows.
  public let mask: [Bool]

  /// Steps and bands of one token.
  static let patchSize = 8
  /// What log power is normalised with.
  static let mean: Float = -5.0945
  static let deviation: Float = 3.8312

  /// The normalisation and the mask of the reference.
  public init(_ spectrogram: LogMelSpectrogram) {
    values = spectrogram.values.map { ($0 - Self.mean) / Self.deviation }
    mask = spectrogram.patchMask(patchSize: Self.patchSize)
  }
}

extension LogMelSpectrogram {
  /// As the audio tokeniser takes it: normalised, `[bands, steps]`.
  package var normalizedBands: [Float] {
    (0..<values.count).map { place in
      let (band, step) = (place / Self.steps, place % Self.steps)
      return (values[step * Self.bands + band] - AudioTarget.mean) / AudioTarget.deviation
    }
  }

  /// Which patches hold some sound, by their middle value, `[steps / patchSize, bands / patchSize]`.
  func patchMask(patchSize: Int) -> [Bool] {
    let columns = Self.bands / patchSize
    return (0..<(Self.steps / patchSize * columns)).map { patch in
      let step = patch / columns * patchSize + patchSize / 2
      return isHeard[step * Self.bands + patch % columns * patchSize + patchSize / 2]
    }
  }
}
