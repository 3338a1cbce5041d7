/// A picture as it travels: still encoded, with the camera that took it.
public struct CameraFrame: Sendable, Hashable {
  /// How ``data`` is to be read.
  public enum Encoding: Sendable, Hashable {
    /// `width · height · 3` bytes, row-major, top row first, red green blue.
    case rgb8
    case jpeg
    case png
  }

  /// A camera name of ``Capabilities/cameras``; free text for prompt images.
  public var camera: String
  public var encoding: Encoding
  /// Pixels.
  public var width: Int
  /// Pixels.
  public var height: Int
  public var data: [UInt8]

  public init(camera: String, encoding: Encoding, width: Int, height: Int, data: [UInt8]) {
    self.camera = camera
    self.encoding = encoding
    self.width = width
    self.height = height
    self.data = data
  }
}

/// What a robot saw and felt at one moment.
public struct Observation: Sendable, Hashable {
  /// Strictly increasing within an episode.
  public var sequence: UInt64
  /// Nanoseconds on the robot's own monotonic clock; echoed, never compared with the daemon's clock.
  public var capturedAt: UInt64
  /// Nanoseconds on the same clock when the message left the robot.
  public var sentAt: UInt64
  public var frames: [CameraFrame]
  /// Order, units and ranges of ``Capabilities/proprioception``.
  public var proprioception: [Double]
  /// What the robot is asked to do, a sentence.
  public var instruction: String
  /// Pictures that the instruction refers to (`<image_history_k>` names the k-th).
  public var promptImages: [CameraFrame]
  /// Actions of the last chunk that the robot has executed.
  public var actionsConsumed: Int

  public init(
    sequence: UInt64, capturedAt: UInt64, sentAt: UInt64, frames: [CameraFrame], proprioception: [Double],
    instruction: String, promptImages: [CameraFrame] = [], actionsConsumed: Int = 0
  ) {
    self.sequence = sequence
    self.capturedAt = capturedAt
    self.sentAt = sentAt
    self.frames = frames
    self.proprioception = proprioception
    self.instruction = instruction
    self.promptImages = promptImages
    self.actionsConsumed = actionsConsumed
  }
}
