/// A picture as it travels: still encoded, with the camera that took it.
public struct CameraFrame: Sendable, Hashable {
  /// How ``data`` is to be read.
  public enum Encoding: Sendable, Hashable {
    /// `width · height · 3` bytes, row-major, top row first, red green blue.
    case rgb8
    /// A JPEG file.
    case jpeg
    /// A PNG file.
    case png
  }

  /// A camera name of ``Capabilities/cameras``; free text for prompt images.
  public var camera: String
  public var encoding: Encoding
  /// Pixels.
  public var width: Int
  /// Pixels.
  public var height: Int
  /// The picture as ``encoding`` says.
  public var data: [UInt8]
  /// Of an observation's picture: nanoseconds on the robot's own clock, above 0; `nil`: ``Observation/capturedAt``.
  public var capturedAt: UInt64?

  /// Collects the parts.
  public init(
    camera: String, encoding: Encoding, width: Int, height: Int, data: [UInt8], capturedAt: UInt64? = nil
  ) {
    self.camera = camera
    self.encoding = encoding
    self.width = width
    self.height = height
    self.data = data
    self.capturedAt = capturedAt
  }
}

/// A part of a prompt in which text and images alternate.
public enum PromptPart: Sendable, Hashable {
  /// Words.
  case text(String)
  /// An image that the text around it refers to; its camera name is free text.
  case image(CameraFrame)
}

/// Which clock a robot's times are of.
public enum RobotClock: UInt32, Sendable, Hashable, CaseIterable {
  /// Runs with the daemon's clock from some other zero, so that waiting anywhere counts as age.
  case monotonic = 0
  /// A simulator's, which stands still while the daemon computes: the age is `sentAt - capturedAt` and nothing else.
  case simulated = 1
}

/// The last reply that the robot has received. With the daemon's arrival times it bounds the offset between the two clocks.
public struct ClockEcho: Sendable, Hashable {
  /// Nanoseconds on the daemon's clock: when the reply left.
  public var replySentAt: UInt64
  /// Nanoseconds on the robot's monotonic clock: when the reply arrived.
  public var replyReceivedAt: UInt64

  /// Collects the parts.
  public init(replySentAt: UInt64, replyReceivedAt: UInt64) {
    self.replySentAt = replySentAt
    self.replyReceivedAt = replyReceivedAt
  }
}

/// What a robot saw and felt at one moment.
public struct Observation: Sendable, Hashable {
  /// Strictly increasing within an episode.
  public var sequence: UInt64
  /// Nanoseconds on the robot's own clock; echoed.
  public var capturedAt: UInt64
  /// Nanoseconds on the same clock when the message left the robot; 0: the client fills it in when it sends the message.
  public var sentAt: UInt64
  /// One of each camera.
  public var frames: [CameraFrame]
  /// Order, units and ranges of ``Capabilities/proprioception``.
  public var proprioception: [Double]
  /// What the robot is asked to do, a sentence; empty when there are ``promptParts``, or when ``audio`` says it.
  public var instruction: String
  /// The instruction as text and images in order; empty when ``instruction`` says it all.
  public var promptParts: [PromptPart]
  /// The place in the last chunk that the robot has come to: how many of its actions, counted from its first, are executed or left
  /// out. Those behind it may still follow. It stays as it is until more are executed or the next chunk takes over.
  public var actionsConsumed: Int
  /// With which of its actions the robot will begin the chunk that answers this observation. `false`: with the first. `true`: it leaves
  /// out as many as it executes, of earlier chunks, between this observation and then.
  public var skipsExecuted: Bool
  /// Which clock ``capturedAt`` and ``sentAt`` are of.
  public var clock: RobotClock
  /// `nil` until the robot has received a reply. The client fills it in.
  public var echo: ClockEcho?
  /// What the robot heard, of a policy that hears (``Capabilities/audio``). The same bytes in every observation for which it holds.
  public var audio: AudioClip?

  /// Collects the parts.
  public init(
    sequence: UInt64, capturedAt: UInt64, sentAt: UInt64 = 0, frames: [CameraFrame], proprioception: [Double],
    instruction: String, promptParts: [PromptPart] = [], actionsConsumed: Int = 0, skipsExecuted: Bool = false,
    clock: RobotClock = .monotonic, echo: ClockEcho? = nil, audio: AudioClip? = nil
  ) {
    self.sequence = sequence
    self.capturedAt = capturedAt
    self.sentAt = sentAt
    self.frames = frames
    self.proprioception = proprioception
    self.instruction = instruction
    self.promptParts = promptParts
    self.actionsConsumed = actionsConsumed
    self.skipsExecuted = skipsExecuted
    self.clock = clock
    self.echo = echo
    self.audio = audio
  }

  /// UTF-8 bytes of an instruction, or of all texts of ``promptParts`` together. Longer ones fit into no prompt.
  public static let maximumInstructionBytes = 4_096

  /// Makes sure that there is one instruction, of a size that can be read. What it says is the policy's to check.
  ///
  /// - Throws: ``RobotError`` `.invalidInstruction`.
  public func checkInstructionSize() throws(RobotError) {
    guard promptParts.isEmpty || instruction.isEmpty else {
      throw RobotError(
        .invalidInstruction, "observation.instruction", "expected an instruction or prompt parts, found both")
    }
    let parts = promptParts.reduce(0) { if case .text(let text) = $1 { $0 + text.utf8.count } else { $0 } }
    for (bytes, subject) in [(instruction.utf8.count, "instruction"), (parts, "prompt")]
    where bytes > Self.maximumInstructionBytes {
      throw RobotError(
        .invalidInstruction, "observation.\(subject)",
        "expected at most \(Self.maximumInstructionBytes) bytes, found \(bytes)")
    }
  }

  /// Nanoseconds on the robot's own clock: when the oldest of its parts was captured.
  public var oldestCapture: UInt64 { frames.reduce(capturedAt) { min($0, $1.capturedAt ?? $0) } }

  /// The images of ``promptParts``, in order.
  public var promptImages: [CameraFrame] {
    promptParts.compactMap { if case .image(let frame) = $0 { frame } else { nil } }
  }
}
