/// Sizes that a message may not exceed. They bound what one message can cost the daemon, whoever sent it.
public enum ProtocolLimits {
  /// The only protocol version that is spoken.
  public static let version: UInt32 = 2
  /// Bytes of one message when the policy does not say otherwise (``Capabilities/Limits/maximumMessageBytes``).
  public static let maximumMessageBytes = 16 << 20
  /// UTF-8 bytes of a session id.
  public static let maximumSessionIDBytes = 128
  /// UTF-8 bytes of a question or an answer; an instruction is shorter (``Observation/maximumInstructionBytes``).
  public static let maximumTextBytes = 64 << 10
  /// UTF-8 bytes of a name, a unit, a version or a reason; of a longer reason the beginning is kept (``StopReason``).
  public static let maximumNameBytes = 1024
  /// Camera frames of one observation, and prompt images, each.
  public static let maximumFrames = 64
  /// Pixels of either side of a picture.
  public static let maximumImageSide = 16_384
  /// Bytes of a session token.
  public static let maximumSessionTokenBytes = 64
  /// Parts of a prompt of text and images.
  public static let maximumPromptParts = 128
  /// Sentences that a policy lists as known.
  public static let maximumInstructions = 1024
  /// Numbers of one proprioception vector or one action, and quantities of a capability list.
  public static let maximumQuantities = 1024
  /// Actions of one chunk.
  public static let maximumActions = 4096
  /// Tokens of one answer.
  public static let maximumTokens = 65_536
  /// Bytes of the sound that goes into a generation or an observation.
  public static let maximumAudioBytes = AudioClip.maximumBytes
  /// Bytes of the picture or sound that comes out of one; the rest of its message has room beside it.
  public static let maximumMediaBytes = maximumMessageBytes - (1 << 20)
  /// Answers followed at the same time. A robot may have to wait for one token of each.
  public static let maximumBeams = 16
  /// Nanoseconds between two reports of progress.
  public static let minimumProgressInterval: UInt64 = 1_000_000
  /// Protobuf fields of one message, nested ones included. protobuf-c allocates for each, so that a small message of
  /// many empty fields would otherwise cost hundreds of times its size.
  public static let maximumFields = 65_536
}
