/// A recording of one channel.
public struct Sound: Sendable, Hashable {
  /// One value a sampling instant, nominally -1...1.
  public let samples: [Float]
  /// Samples a second, 1,000...768,000.
  public let sampleRate: Int

  /// Wraps `samples`.
  ///
  /// - Throws: ``ModelError`` `.invalidSound` when there is no sample, there are more than ``maximumSampleCount`` (here or at the
  ///   model's rate), one is not finite or beyond ±``maximumAmplitude``, or the rate is not in ``sampleRates``.
  public init(samples: [Float], sampleRate: Int) throws(ModelError) {
    guard Self.sampleRates.contains(sampleRate) else {
      throw Self.invalid("\(sampleRate) samples a second; expected \(Self.sampleRates)")
    }
    guard !samples.isEmpty else { throw Self.invalid("is empty: it has no sample") }
    try Self.checkLength(samples.count, sampleRate: sampleRate)
    // Written so that NaN does not pass.
    if let place = samples.firstIndex(where: { !(abs($0) <= Self.maximumAmplitude) }) {
      throw Self.invalid("sample \(place) is \(samples[place]); expected finite values of about -1...1")
    }
    self.samples = samples
    self.sampleRate = sampleRate
  }

  /// Of signed 16-bit little-endian samples of one channel.
  ///
  /// - Parameter limits: their duration.
  /// - Throws: ``ModelError`` `.invalidSound` as ``init(samples:sampleRate:)``, and for more than the limits allow.
  public init(pcm16 bytes: [UInt8], sampleRate: Int, within limits: SoundLimits = SoundLimits()) throws(ModelError) {
    guard Double(bytes.count / 2) <= limits.duration * Double(sampleRate) + 1 else {
      throw Self.invalid("lasts more than the \(limits.duration) seconds that are heard; shorten it")
    }
    let samples = stride(from: 0, to: bytes.count - 1, by: 2).map { place in
      Float(Int16(bitPattern: UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8)) / 32_768
    }
    try self.init(samples: samples, sampleRate: sampleRate)
  }

  /// For samples that were computed from checked ones.
  init(checkedSamples samples: [Float], sampleRate: Int) {
    self.samples = samples
    self.sampleRate = sampleRate
  }

  /// Whether any sample reaches a thousandth of the full scale (-60 dB); what does not is nothing that anybody has said.
  public var isAudible: Bool { samples.contains { abs($0) >= 1e-3 } }

  /// Seconds.
  public var duration: Double { Double(samples.count) / Double(sampleRate) }

  /// The rate that the model was trained with, samples a second.
  public static let modelRate = 16_000
  /// Rates that are accepted, samples a second.
  public static let sampleRates = 1_000...768_000
  /// Most samples that are accepted, and made by changing the rate: an hour and 44 minutes at ``modelRate``.
  public static let maximumSampleCount = 100_000_000
  /// Beyond this the power of a frame would leave single precision.
  public static let maximumAmplitude: Float = 1e10

  static func checkLength(_ count: Int, sampleRate: Int) throws(ModelError) {
    guard count <= maximumSampleCount, count / sampleRate < maximumSampleCount / modelRate else {
      throw invalid(
        "\(count) samples at \(sampleRate) a second are too long; expected at most \(maximumSampleCount / modelRate) seconds"
      )
    }
  }

  static func invalid(_ message: String) -> ModelError { ModelError(.invalidSound, "sound", message) }
}
