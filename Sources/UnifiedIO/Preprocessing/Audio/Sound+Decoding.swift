import CSoundProcessing
import Foundation

extension Sound {
  /// Reads a WAV, FLAC or OGG (Vorbis, Opus) file: the mean of its channels at its own rate, as librosa's `load` has it.
  ///
  /// A WAV file that is cut short, or was written to a pipe and does not know its length, gives the samples that are there.
  ///
  /// - Throws: ``ModelError`` `.invalidSound` for other formats, damage, a FLAC file that is cut short, no sample at all, NaN and
  ///   infinity, and more than ``maximumSampleCount`` samples.
  public static func decode(_ bytes: [UInt8]) throws(ModelError) -> Sound {
    let (samples, rate) = try bytes.withUnsafeBufferPointer { buffer throws(ModelError) in try read(buffer) }
    return try Sound(samples: samples, sampleRate: rate)
  }

  /// As ``decode(_:)``, of a file; formats other than WAV, FLAC and OGG (MP3, M4A, the sound of a film) are read by
  /// ffmpeg where it is installed.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile` when there is no such file, ffmpeg is needed and not there, or the file is larger
  ///   than a gigabyte; `.invalidSound` as above and for files without sound.
  public static func decode(contentsOf url: URL) throws(ModelError) -> Sound {
    guard try isDecodable(url) else {
      guard let sound = try MediaFile(url).sound() else {
        throw ModelError(.invalidSound, url.path, "has no sound")
      }
      return sound
    }
    do {
      return try decode(Array(try Data(contentsOf: url)))
    } catch let error as ModelError {
      throw ModelError(error.code, url.path, error.message)
    } catch {
      throw ModelError(.unreadableFile, url.path, "cannot be read: \(error.localizedDescription)")
    }
  }

  /// Whether the file begins like one that libsndfile is asked to read.
  private static func isDecodable(_ url: URL) throws(ModelError) -> Bool {
    let start: [UInt8], size: UInt64
    do {
      let handle = try FileHandle(forReadingFrom: url)
      defer { try? handle.close() }
      start = Array(try handle.read(upToCount: 12) ?? Data())
      size = try handle.seekToEnd()
    } catch {
      throw ModelError(.unreadableFile, url.path, "cannot be read: \(error.localizedDescription)")
    }
    // A film may begin with RIFF too (AVI).
    let isWave = start.dropFirst(8).elementsEqual("WAVE".utf8)
    let marks = ["fLaC", "OggS"] + (isWave ? ["RIFF", "RIFX", "RF64"] : [])
    guard start.isEmpty || marks.contains(where: { start.starts(with: $0.utf8) }) else { return false }
    guard size <= 1 << 30 else { throw ModelError(.unreadableFile, url.path, "is larger than a gigabyte") }
    return true
  }

  private static func read(_ bytes: UnsafeBufferPointer<UInt8>) throws(ModelError) -> (samples: [Float], rate: Int) {
    var report = uio2_sound_report()
    let reader = uio2_sound_open(bytes.baseAddress, bytes.count, &report)
    guard let reader else { throw invalid(message(of: report)) }
    defer { uio2_sound_close(reader) }
    let rate = Int(report.sample_rate), declared = report.frames
    guard sampleRates.contains(rate) else {
      throw invalid("\(rate) samples a second; expected \(sampleRates)")
    }
    // The header's count is a claim: memory is taken for what is really there.
    var samples: [Float] = []
    var chunk = [Float](repeating: 0, count: 1 << 16)
    while true {
      let count = Int(uio2_sound_read(reader, &chunk, chunk.count, &report))
      guard count >= 0 else { throw invalid("is damaged: \(message(of: report))") }
      samples += chunk.prefix(count)
      try checkLength(samples.count, sampleRate: rate)
      if count < chunk.count { break }
    }
    guard declared > UInt64(maximumSampleCount) || samples.count >= declared else {
      throw invalid("is cut short: \(samples.count) of \(declared) samples are there")
    }
    return (samples, rate)
  }

  private static func message(of report: uio2_sound_report) -> String {
    withUnsafeBytes(of: report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
