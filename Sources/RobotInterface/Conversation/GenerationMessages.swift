/// Asks the model for text, a picture or a sound, without a robot.
public struct GenerationRequest: Sendable, Hashable {
  /// What the answer is; raw values are those of `Modality` on the wire.
  public enum Output: UInt32, Sendable, Hashable, CaseIterable {
    case text = 0
    case image = 1
    case audio = 2
  }

  /// Pixels of a picture, from its top left corner.
  public struct Box: Sendable, Hashable {
    public var minX: Float
    public var minY: Float
    public var maxX: Float
    public var maxY: Float

    /// Finite, the minimum below the maximum.
    public init(minX: Float, minY: Float, maxX: Float, maxY: Float) {
      (self.minX, self.minY, self.maxX, self.maxY) = (minX, minY, maxX, maxY)
    }
  }

  /// What the model is asked, at most ``ProtocolLimits/maximumTextBytes`` bytes; `{box}` in it names ``box``.
  public var prompt: String
  /// What the answer is.
  public var output: Output
  /// The last one is the image, the ones before it are the image history.
  public var images: [CameraFrame]
  /// A WAV, FLAC or OGG file; empty: none.
  public var audio: [UInt8]
  /// In pixels of the image.
  public var box: Box?
  /// `nil`: the daemon's default. For text only: pictures and sounds have a fixed number.
  public var maximumTokens: Int?
  /// 0: greedy; finite and not negative. `nil`: 0 for text, 1 for pictures and sounds.
  public var temperature: Float?
  /// `nil`: all tokens.
  public var topK: Int?
  /// Above 0, at most 1; 1: all tokens. `nil`: 1 for text, 0.9 for pictures and sounds.
  public var topP: Float?
  /// The same seed gives the same answer.
  public var seed: UInt64
  /// Answers followed at the same time, 1...``ProtocolLimits/maximumBeams``; above 1 for greedy text only.
  public var beams: Int
  /// How far a picture or a sound is pulled away from ``negativePrompt``, not negative; 0: not at all. `nil`: 10 for a picture
  /// from words alone, else 0.
  public var guidance: Float?
  /// For pictures and sounds; empty: the release's.
  public var negativePrompt: String
  /// Nanoseconds between two reports of progress, at least ``ProtocolLimits/minimumProgressInterval``; `nil`: none.
  public var progressInterval: UInt64?

  /// Greedy text unless told otherwise.
  public init(
    prompt: String, output: Output = .text, images: [CameraFrame] = [], audio: [UInt8] = [], box: Box? = nil,
    maximumTokens: Int? = nil, temperature: Float? = nil, topK: Int? = nil, topP: Float? = nil, seed: UInt64 = 0,
    beams: Int = 1, guidance: Float? = nil, negativePrompt: String = "", progressInterval: UInt64? = nil
  ) {
    self.prompt = prompt
    self.output = output
    self.images = images
    self.audio = audio
    self.box = box
    self.maximumTokens = maximumTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
    self.beams = beams
    self.guidance = guidance
    self.negativePrompt = negativePrompt
    self.progressInterval = progressInterval
  }
}

/// What the model said.
public struct GenerationResult: Sendable, Hashable {
  /// Why the model stopped; raw values are those on the wire.
  public enum FinishReason: String, Sendable, Hashable, CaseIterable {
    /// The answer is complete.
    case end
    /// The token limit was reached.
    case length
    /// Somebody wanted no more; the result holds what was said so far.
    case cancelled
  }

  /// A picture or a sound, as a file.
  public struct Media: Sendable, Hashable {
    /// What kind of file; raw values are those on the wire.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      case png = "image/png"
      case wav = "audio/wav"
    }

    public var kind: Kind
    /// The file, 1...``ProtocolLimits/maximumMediaBytes`` bytes.
    public var bytes: [UInt8]

    public init(kind: Kind, bytes: [UInt8]) {
      self.kind = kind
      self.bytes = bytes
    }
  }

  /// ``tokens`` as text; empty for pictures and sounds.
  public var text: String
  /// Token ids without BOS; empty for pictures and sounds.
  public var tokens: [Int32]
  /// Why the model stopped.
  public var finishReason: FinishReason
  /// How long each stage took, nanoseconds, without the time in which robots were served.
  public var timings: StageTimings
  /// `nil` for text, and when cancelled.
  public var media: Media?
  /// Geometric mean of the probabilities of the tokens, above 0, at most 1; `nil`: not known, as for pictures and sounds.
  public var confidence: Double?

  /// Collects the parts.
  public init(
    text: String = "", tokens: [Int32] = [], finishReason: FinishReason, timings: StageTimings = StageTimings(),
    media: Media? = nil, confidence: Double? = nil
  ) {
    self.text = text
    self.tokens = tokens
    self.finishReason = finishReason
    self.timings = timings
    self.media = media
    self.confidence = confidence
  }
}

/// How far a generation has come.
public struct GenerationProgress: Sendable, Hashable {
  /// Said so far, at least 1; never fewer than in an earlier report.
  public var tokens: Int
  /// Tokens that the answer cannot exceed; text often ends earlier.
  public var limit: Int
  /// `nil`: not known yet.
  public var tokensPerSecond: Double?
  /// Nanoseconds that it takes at most, above 0; `nil`: not known yet.
  public var remaining: UInt64?
  /// The answer so far; empty for pictures and sounds, and for beam search.
  public var text: String

  /// Collects the parts.
  public init(
    tokens: Int, limit: Int, tokensPerSecond: Double? = nil, remaining: UInt64? = nil, text: String = ""
  ) {
    self.tokens = tokens
    self.limit = limit
    self.tokensPerSecond = tokensPerSecond
    self.remaining = remaining
    self.text = text
  }
}
