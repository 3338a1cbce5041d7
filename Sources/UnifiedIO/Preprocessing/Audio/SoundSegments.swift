#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How a recording is cut into the segments that the model hears one by one.
struct SoundSegments: Sendable {
  /// Samples at ``Sound/modelRate``.
  private let samples: [Float]
  private let segmentLength: Double
  /// At least 1.
  let count: Int

  /// Seconds that one spectrogram shows.
  static let spectrogramLength = LogMelSpectrogram.duration
  /// What has to be left of a last segment that is counted, beyond its half: seconds.
  private static let margin = 0.1

  /// - Parameters:
  ///   - sound: at any rate.
  ///   - duration: what is cut, in seconds, from the start; the sound is continued with silence or cut off. `nil`: all of it.
  ///   - segmentLength: seconds. A segment shorter than ``spectrogramLength`` gets silence on both sides; of a longer one the middle
  ///     is heard.
  /// - Throws: ``ModelError`` `.invalidSound` when the sound cannot be brought to the model's rate, or is far too long.
  init(
    of sound: Sound, duration: Double? = nil, segmentLength: Double = spectrogramLength
  ) throws(ModelError) {
    samples = try sound.resampled(to: Sound.modelRate).samples
    self.segmentLength = segmentLength
    // In microseconds, in which the reference asks ffprobe for it.
    let length = duration ?? (sound.duration * 1e6).rounded() / 1e6
    guard length > 0, segmentLength > 0, length / segmentLength < 1e6 else {
      throw Sound.invalid("\(length) seconds cannot be cut into segments of \(segmentLength) seconds")
    }
    let remainder = fmod(length, segmentLength)
    // Python's floor division, which the last bit of a length can depend on.
    let whole = Int(((length - remainder) / segmentLength).rounded())
    count = max(1, remainder - Self.margin > segmentLength / 2 ? whole + 1 : whole)
  }

  /// Seconds up to which a sound is cut into `segments` segments; a longer one has more.
  static func longestDuration(segments: Int) -> Double {
    (Double(segments) + 0.5) * spectrogramLength + margin
  }

  /// ``LogMelSpectrogram/sampleCount`` samples.
  /// - Parameter index: below ``count``.
  subscript(index: Int) -> [Float] {
    let wanted = LogMelSpectrogram.sampleCount
    let start = boundary(index), end = boundary(index + 1)
    guard segmentLength > Self.spectrogramLength else {
      let padding = max(wanted - (end - start), 0)
      let before = [Float](repeating: 0, count: padding / 2)
      return Self.extended(before + part(start, end), to: wanted)
    }
    let middle = Double(start + end) / 2
    let first = Int(middle - Double(Sound.modelRate) * Self.spectrogramLength / 2)
    return Self.extended(part(first, first + wanted), to: wanted)
  }

  /// Where a segment begins, in samples.
  private func boundary(_ index: Int) -> Int {
    let total = Double(count) * segmentLength
    let seconds = index == count ? total : Double(index) * (total / Double(count))
    return Int(seconds * Double(Sound.modelRate))
  }

  /// The samples from `start` to `end`, as far as there are any.
  private func part(_ start: Int, _ end: Int) -> [Float] {
    let limit = samples.count
    return Array(samples[min(max(start, 0), limit)..<min(max(end, 0), limit)])
  }

  private static func extended(_ segment: [Float], to count: Int) -> [Float] {
    segment.prefix(count) + [Float](repeating: 0, count: max(count - segment.count, 0))
  }
}
