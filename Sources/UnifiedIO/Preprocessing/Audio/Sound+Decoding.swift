import CSoundProcessing
import Files
import Foundation

/// What a recording may cost before it is refused.
public struct SoundLimits: Sendable {
  /// Seconds; a longer recording is refused when so much of it is decoded.
  public var duration: Double
  /// Most values a second, over all channels.
  public var valuesPerSecond: Int
  /// Ends the work from outside; `nil`: nobody does.
  public var cancellation: Cancellation?

  /// As long as ``Sound`` can be, unless told otherwise.
  public init(duration: Double = .infinity, valuesPerSecond: Int = .max, cancellation: Cancellation? = nil) {
    self.duration = duration
    self.valuesPerSecond = valuesPerSecond
    self.cancellation = cancellation
  }

  /// Of eight channels of 192 kHz: more than a recording has that is made to be heard.
  public static let usualValuesPerSecond = 8 * 192_000
}

extension Sound {
  /// Reads a WAV, FLAC or OGG (Vorbis, Opus) file: the mean of its channels, 64 at most, at its own rate, as librosa's `load` has it.
  ///
  /// A WAV file that is cut short, or was written to a pipe and does not know its length, gives the samples that are there.
  ///
  /// - Parameter limits: nothing beyond them is decoded.
  /// - Throws: ``ModelError`` `.invalidSound` for other formats, damage, a FLAC file that is cut short, no sample at all, NaN and
  ///   infinity, and more than ``maximumSampleCount`` samples or what the limits allow; `.cancelled`.
  /// - Complexity: O(samples · channels), as far as the limits allow.
  public static func decode(_ bytes: [UInt8], within limits: SoundLimits = SoundLimits()) throws(ModelError) -> Sound {
    let bounds = uio2_sound_limits(
      is_cancelled: limits.cancellation == nil ? nil : Cancellation.ask, context: limits.cancellation?.context)
    // The library asks the object as long as it works.
    defer { withExtendedLifetime(limits.cancellation) {} }
    let (samples, rate) = try bytes.withUnsafeBufferPointer { bytes throws(ModelError) in
      try withUnsafePointer(to: bounds) { bounds throws(ModelError) in try read(bytes, bounds, limits) }
    }
    return try Sound(samples: samples, sampleRate: rate)
  }

  /// As ``decode(_:within:)``, of a file; formats other than WAV, FLAC and OGG (MP3, M4A, the sound of a film) are read by
  /// ffmpeg where it is installed.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile` when there is no such file, it is no regular file, ffmpeg is needed and not there, or
  ///   the file is larger than a gigabyte; `.invalidSound` as above and for files without sound.
  public static func decode(contentsOf url: URL) throws(ModelError) -> Sound {
    let bytes: [UInt8]?
    do throws(FileError) {
      let isKnown = isDecodable(try InputFile.start(of: url.path, count: 12))
      bytes = isKnown ? try InputFile.bytes(of: url.path, limit: 1 << 30) : nil
    } catch {
      throw ModelError(error)
    }
    guard let bytes else {
      guard let sound = try MediaFile(url).sound() else { throw ModelError(.invalidSound, url.path, "has no sound") }
      return sound
    }
    do { return try decode(bytes) } catch { throw ModelError(error.code, url.path, error.message) }
  }

  /// Whether a file that begins so is one that libsndfile is asked to read.
  private static func isDecodable(_ start: [UInt8]) -> Bool {
    // A film may begin with RIFF too (AVI).
    let isWave = start.dropFirst(8).elementsEqual("WAVE".utf8)
    let marks = ["fLaC", "OggS"] + (isWave ? ["RIFF", "RIFX", "RF64"] : [])
    return start.isEmpty || marks.contains { start.starts(with: $0.utf8) }
  }

  private static func read(
    _ bytes: UnsafeBufferPointer<UInt8>, _ bounds: UnsafePointer<uio2_sound_limits>, _ limits: SoundLimits
  ) throws(ModelError) -> (samples: [Float], rate: Int) {
    var report = uio2_sound_report()
    let reader = uio2_sound_open(bytes.baseAddress, bytes.count, bounds, &report)
    guard let reader else { throw error(report) }
    defer { uio2_sound_close(reader) }
    let rate = Int(report.sample_rate), declared = report.frames
    guard sampleRates.contains(rate) else {
      throw invalid("\(rate) samples a second; expected \(sampleRates)")
    }
    guard rate * Int(report.channels) <= limits.valuesPerSecond else {
      throw invalid(
        "\(report.channels) channels of \(rate) samples a second; expected at most \(limits.valuesPerSecond) values a "
          + "second over all channels")
    }
    let samples = try samples(of: reader, rate: rate, &report, limits)
    guard declared > UInt64(maximumSampleCount) || samples.count >= declared else {
      throw invalid("is cut short: \(samples.count) of \(declared) samples are there")
    }
    return (samples, rate)
  }

  /// The header's count is a claim: memory is taken for what is really there, piece by piece.
  private static func samples(
    of reader: OpaquePointer, rate: Int, _ report: inout uio2_sound_report, _ limits: SoundLimits
  ) throws(ModelError) -> [Float] {
    var samples: [Float] = []
    var piece = [Float](repeating: 0, count: 1 << 16)
    while true {
      let count = Int(uio2_sound_read(reader, &piece, piece.count, &report))
      guard count >= 0 else { throw error(report, "is damaged: ") }
      samples += piece.prefix(count)
      try checkLength(samples.count, sampleRate: rate)
      guard Double(samples.count) <= limits.duration * Double(rate) + 1 else {
        let seconds = (limits.duration * 100).rounded() / 100
        throw invalid("lasts more than the \(seconds) seconds that are heard; shorten it")
      }
      if count < piece.count { return samples }
    }
  }

  private static func error(_ report: uio2_sound_report, _ prefix: String = "") -> ModelError {
    let message = withUnsafeBytes(of: report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return report.is_cancelled != 0 ? ModelError(.cancelled, "sound", message) : invalid(prefix + message)
  }
}
