import Files
import Foundation

/// A film or a recording in a format that ffmpeg reads and that is a file of its own.
///
/// The `ffmpeg` and `ffprobe` programs do the work in processes of their own, so that a damaged file can break them but not this
/// one. They may open this file only: formats that name other files (concat scripts, playlists, manifests, sequences of pictures) are
/// refused, because their sender could look at any file of this machine.
struct MediaFile {
  /// ffmpeg's names of the formats whose files hold all of their pictures and sound.
  private static let formats = [
    // Containers.
    "3g2", "3gp", "asf", "avi", "dv", "f4v", "flv", "gxf", "ivf", "m4a", "m4v", "matroska", "mj2", "mov", "mp4", "mpeg",
    "mpegts",
    "mxf", "nsv", "nut", "ogg", "rm", "webm", "wtv", "yuv4mpegpipe",
    // Pictures that move, and single ones.
    "apng", "bmp_pipe", "gif", "gif_pipe", "jpeg_pipe", "jpegxl_pipe", "png_pipe", "tiff_pipe", "webp_pipe",
    // Streams without a container.
    "av1", "h263", "h264", "hevc", "mjpeg", "mpegvideo", "mpjpeg", "obu", "vc1",
    // Sound.
    "aac", "ac3", "aiff", "amr", "ape", "au", "caf", "dts", "dtshd", "eac3", "flac", "loas", "mlp", "mp3", "mpc",
    "mpc8", "oma",
    "tak", "truehd", "tta", "voc", "w64", "wav", "wv",
  ].joined(separator: ",")

  private let url: URL
  /// Seconds of the first film stream, or of the file where the stream does not say; `nil` without either.
  let duration: Double?
  let hasPictures: Bool
  let hasSound: Bool

  private struct Description: Decodable {
    struct Stream: Decodable {
      let codec_type: String?
      let duration: String?
      let disposition: [String: Int]?
      /// A cover in a music file is no film.
      var isCover: Bool { disposition?["attached_pic"] == 1 }
    }
    struct Format: Decodable { let duration: String? }
    let streams: [Stream]?
    let format: Format?
  }

  /// Asks ffprobe what the file holds.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile` when there is no such regular file or no ffprobe, `.invalidVideo` when it knows nothing
  ///   about the file.
  init(_ url: URL) throws(ModelError) {
    // The program would wait for a named pipe's writer.
    do { try InputFile.requireRegular(url.path) } catch { throw ModelError(error) }
    self.url = url
    let outcome = try MediaProgram("ffprobe").run(
      ["-v", "error", "-of", "json"]
        + ["-show_entries", "stream=codec_type,duration:stream_disposition=attached_pic:format=duration"]
        + Self.restrictions + ["file:\(url.path)"],
      limits: MediaProgram.Limits(output: 1 << 20, time: 60))
    guard !outcome.complaints.contains("not on whitelist") else {
      throw Video.invalid(
        "is a script or playlist that names other files, or of a format that is not read here; give the film or the recording itself, "
          + "as mp4, mkv, webm, avi or mov", subject: url.path)
    }
    guard outcome.succeeded,
      let description = try? JSONDecoder().decode(Description.self, from: Data(outcome.output))
    else {
      throw Video.invalid("ffprobe cannot make sense of it: \(outcome.complaint)", subject: url.path)
    }
    let streams = description.streams ?? []
    let film = streams.first { $0.codec_type == "video" && !$0.isCover }
    hasPictures = film != nil
    hasSound = streams.contains { $0.codec_type == "audio" }
    let seconds = [film?.duration, description.format?.duration].lazy.compactMap { $0.flatMap(Double.init) }
    duration = seconds.first { $0 > 0 && $0.isFinite }
  }

  /// What ffmpeg and ffprobe may open.
  private static let restrictions = ["-format_whitelist", formats, "-protocol_whitelist", "file"]

  /// The picture shown at `time`, in seconds; `nil` when the film has none there.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` for pictures beyond ``Image``'s limits, `.unreadableFile` as ``MediaProgram``.
  func frame(at time: Double) throws(ModelError) -> Image? {
    let moment = String(format: "%.3f", locale: Locale(identifier: "en_US_POSIX"), time)
    let outcome = try MediaProgram("ffmpeg").run(
      ["-v", "error", "-nostdin", "-ss", moment] + Self.restrictions + ["-i", "file:\(url.path)"]
        + ["-map", "0:V:0", "-frames:v", "1", "-pix_fmt", "rgb24", "-c:v", "png", "-f", "image2pipe", "pipe:1"])
    return outcome.output.isEmpty ? nil : try Image.decode(outcome.output)
  }

  /// The sound at 16 kHz, channels mixed, as ffmpeg does both; `nil` when there is none.
  ///
  /// - Throws: ``ModelError`` `.invalidSound` when there is a stream of sound that cannot be decoded.
  func sound() throws(ModelError) -> Sound? {
    guard hasSound else { return nil }
    let longest = String(Sound.maximumSampleCount / Sound.modelRate)
    let outcome = try MediaProgram("ffmpeg").run(
      ["-v", "error", "-nostdin"] + Self.restrictions + ["-i", "file:\(url.path)", "-map", "0:a:0", "-t", longest]
        + ["-ac", "1", "-ar", String(Sound.modelRate), "-c:a", "pcm_s16le", "-f", "wav", "pipe:1"])
    do {
      return try Sound.decode(outcome.output)
    } catch {
      let reason = outcome.succeeded ? error.message : outcome.complaint
      throw ModelError(.invalidSound, url.path, "its sound cannot be decoded: \(reason)")
    }
  }
}

extension Video {
  /// Reads `frameCount` pictures from the middles of as many equal parts of a film, and its sound.
  ///
  /// - Parameters:
  ///   - url: any file that ffmpeg reads.
  ///   - frameCount: 1...64; the release uses one more than the history has frames, see ``Preprocessor/videoInput(contentsOf:)``.
  ///   - withSound: `false` leaves the sound out.
  /// - Throws: ``ModelError`` `.invalidVideo` for a file without pictures, or that ffmpeg cannot make sense of; `.invalidSound` when
  ///   its sound is damaged; `.unreadableFile` when there is no such file, or no ffmpeg.
  /// - Complexity: one run of ffmpeg a frame, one for the sound.
  public static func decode(
    contentsOf url: URL, frameCount: Int, withSound: Bool = true
  ) throws(ModelError) -> Video {
    guard (1...64).contains(frameCount) else {
      throw ModelError(.invalidInput, "frames", "\(frameCount) frames are wanted; expected 1...64")
    }
    let file = try MediaFile(url)
    guard file.hasPictures else { throw invalid("has no pictures; give a recording as audio", subject: url.path) }
    // A single picture, as in a GIF, may say nothing of its length.
    let duration = file.duration ?? 1
    var frames: [Image] = []
    for index in 0..<frameCount {
      let time = (Double(index) + 0.5) * duration / Double(frameCount)
      var frame = try file.frame(at: time)
      // Streams can be shorter than they say: the last picture there is stands for what is missing.
      if frame == nil { frame = frames.last }
      if frame == nil { frame = try file.frame(at: 0) }
      if let frame { frames.append(frame) }
    }
    guard !frames.isEmpty else { throw invalid("none of its pictures can be decoded", subject: url.path) }
    return try Video(frames: frames, duration: duration, sound: withSound ? file.sound() : nil)
  }
}
