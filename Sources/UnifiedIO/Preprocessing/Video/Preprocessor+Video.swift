import Foundation

/// What a video gives the model; ``image`` and ``audio`` show its end.
public struct VideoInput: Sendable, Hashable {
  /// The last frame.
  public var image: PatchInput
  /// Where the last frame lies on its canvas, for boxes and points; in pixels of the frame without its black bars.
  public var placement: ImagePlacement
  /// The frames before, oldest first.
  public var imageHistory: [PatchInput]
  /// The sound around the last frame; `nil` for silent films.
  public var audio: PatchInput?
  /// The sound around each of the earlier frames.
  public var audioHistory: [PatchInput]
}

extension Preprocessor {
  /// Patches of a film as the reference takes it: black bars removed, the last frame as the picture, those before as history, and a
  /// segment of the sound for each frame.
  ///
  /// A part of the film that is longer than 4.08 seconds is heard in its middle; a shorter one has silence around it.
  ///
  /// - Throws: ``ModelError`` `.invalidVideo` when there is more than one frame beyond
  ///   ``PreprocessingGeometry/maximumHistoryFrames``; otherwise as ``imageInput(_:)`` and ``audioInput(_:)``.
  public func videoInput(_ video: Video) throws(ModelError) -> VideoInput {
    let frames = video.withoutBlackBars().frames, most = max(geometry.maximumHistoryFrames, 0) + 1
    guard let last = frames.last, frames.count <= most else {
      throw Video.invalid("has \(frames.count) frames; expected 1...\(most)")
    }
    var input = VideoInput(
      image: try imageInput(last), placement: try imagePlacement(width: last.width, height: last.height),
      imageHistory: try historyInputs(Array(frames.dropLast())), audioHistory: [])
    if let sound = video.sound {
      let segments = try SoundSegments(
        of: sound, duration: video.duration, segmentLength: video.duration / Double(frames.count))
      let heard = try audioInput(segments)
      input.audio = heard.audio
      input.audioHistory = heard.history
    }
    return input
  }

  /// As ``videoInput(_:)``, of a file: one frame for the picture and as many before as the history holds.
  public func videoInput(contentsOf url: URL, withSound: Bool = true) throws(ModelError) -> VideoInput {
    let count = max(geometry.maximumHistoryFrames, 0) + 1
    return try videoInput(Video.decode(contentsOf: url, frameCount: count, withSound: withSound))
  }
}
