#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What the model hears and says: how loud 4.08 seconds of sound are, for 256 instants in each of 128 mel bands.
public struct LogMelSpectrogram: Sendable, Hashable {
  /// Natural logarithm of the power, `[steps, bands]`, lowest band first; 0 where ``isHeard`` is false.
  public let values: [Float]
  /// Where there is any power at all, `[steps, bands]`; false in silence that was appended, which the model must not hear.
  public let isHeard: [Bool]

  /// Instants, ``hop`` samples apart.
  public static let steps = 256
  /// Mel bands from 0 to 8,000 Hz.
  public static let bands = 128
  /// Samples from one instant to the next.
  public static let hop = 256
  /// The smallest value that a sound gives.
  static let quietest = log(Float(1e-5))
  /// Samples at ``Sound/modelRate`` that make one spectrogram: 4.08 seconds.
  public static let sampleCount = (steps - 1) * hop

  /// Seconds that one spectrogram shows.
  public static let duration = Double(sampleCount) / Double(Sound.modelRate)

  /// Of one segment of sound.
  ///
  /// - Parameter segment: ``sampleCount`` samples at ``Sound/modelRate``; a shorter one is continued with silence, a longer one cut.
  /// - Throws: ``ModelError`` `.outOfMemory` when there is no memory for the transform.
  public init(segment: [Float]) throws(ModelError) {
    self.init(power: try Self.power(ofSegment: segment))
  }

  /// Of a mel power spectrogram, `[steps, bands]`.
  init(power: [Float]) {
    isHeard = power.map { $0 != 0 }
    values = power.map { $0 == 0 ? 0 : log(min(max($0, 1e-5), 1e5)) }
  }

  /// Of what the audio decoder made.
  ///
  /// - Parameter generated: `[bands, steps]`, normalised as ``AudioTarget``.
  /// - Throws: ``ModelError`` `.invalidSound` for another count of values, and when one is not finite.
  public init(generated: [Float]) throws(ModelError) {
    guard generated.count == Self.steps * Self.bands else {
      throw Sound.invalid("a spectrogram of \(generated.count) values; expected \(Self.bands) x \(Self.steps)")
    }
    guard generated.allSatisfy(\.isFinite) else { throw Sound.invalid("a spectrogram with values that are not finite") }
    values = (0..<generated.count).map { place in
      let (step, band) = (place / Self.bands, place % Self.bands)
      return generated[band * Self.steps + step] * AudioTarget.deviation + AudioTarget.mean
    }
    isHeard = [Bool](repeating: true, count: generated.count)
  }

  /// Power before the logarithm, `[steps, bands]` (librosa's `melspectrogram`, symmetric Hann window).
  ///
  /// - Throws: ``ModelError`` `.outOfMemory` when there is no memory for the transform.
  package static func power(ofSegment segment: [Float]) throws(ModelError) -> [Float] {
    let analysis = try analysis.get()
    var signal = segment.prefix(sampleCount).map { Double($0) }
    signal += [Double](repeating: 0, count: sampleCount - signal.count)
    let spectra = analysis.forward(signal)
    var result: [Float] = []
    result.reserveCapacity(steps * bands)
    var power = [Double](repeating: 0, count: analysis.bins)
    for step in 0..<steps {
      let start = step * analysis.bins * 2
      for bin in 0..<analysis.bins {
        // Single precision here, as in librosa: quiet bands next to loud ones show the difference.
        let real = Float(spectra[start + 2 * bin]), imaginary = Float(spectra[start + 2 * bin + 1])
        let magnitude = hypot(real, imaginary)
        power[bin] = Double(magnitude * magnitude)
      }
      result += filterbank(power).map { Float($0) }
    }
    return result
  }

  static let filterbank = MelFilterbank(
    bands: bands, bins: ShortTimeFourier.length / 2 + 1, highest: Double(Sound.modelRate) / 2)
  private static let analysis = LazyTransform { () throws(ModelError) in
    try ShortTimeFourier(hop: hop, isSymmetric: true)
  }

  /// The weights of the mel filters, `[bands, 513]`.
  package static var filterWeights: [Float] { filterbank.dense }
}
