/// Some pictures of a film, evenly spaced over its length, and its sound.
public struct Video: Sendable, Hashable {
  /// Oldest first, at least one, all of one size.
  public let frames: [Image]
  /// What the frames are spread over, in seconds.
  public let duration: Double
  /// `nil` when the film is silent.
  public let sound: Sound?

  /// - Throws: ``ModelError`` `.invalidVideo` when there is no frame, their sizes differ, or the duration is not positive.
  public init(frames: [Image], duration: Double, sound: Sound? = nil) throws(ModelError) {
    guard let first = frames.first else { throw Self.invalid("has no pictures") }
    guard frames.allSatisfy({ $0.width == first.width && $0.height == first.height }) else {
      throw Self.invalid("its pictures are of different sizes")
    }
    guard duration > 0, duration.isFinite else { throw Self.invalid("lasts \(duration) seconds") }
    self.init(checkedFrames: frames, duration: duration, sound: sound)
  }

  init(checkedFrames frames: [Image], duration: Double, sound: Sound?) {
    self.frames = frames
    self.duration = duration
    self.sound = sound
  }

  /// The same pictures, silent.
  public var withoutSound: Video { Video(checkedFrames: frames, duration: duration, sound: nil) }

  static func invalid(_ message: String, subject: String = "video") -> ModelError {
    ModelError(.invalidVideo, subject, message)
  }
}
