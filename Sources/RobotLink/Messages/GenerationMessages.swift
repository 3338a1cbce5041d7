import RobotInterface

/// Asks the model for text about pictures, without a robot.
public struct GenerationRequest: Sendable, Hashable {
  /// What the model is asked, at most ``ProtocolLimits/maximumTextBytes`` bytes.
  public var prompt: String
  /// The last one is the image, the ones before it are the image history.
  public var images: [CameraFrame]
  /// `nil`: the daemon's default.
  public var maximumTokens: Int?
  /// 0: greedy; finite and not negative.
  public var temperature: Float
  /// `nil`: all tokens.
  public var topK: Int?
  /// Above 0 and below 1; `nil`: all tokens.
  public var topP: Float?
  /// The same seed gives the same answer.
  public var seed: UInt64

  /// Greedy generation unless told otherwise.
  public init(
    prompt: String, images: [CameraFrame] = [], maximumTokens: Int? = nil, temperature: Float = 0, topK: Int? = nil,
    topP: Float? = nil, seed: UInt64 = 0
  ) {
    self.prompt = prompt
    self.images = images
    self.maximumTokens = maximumTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }
}

/// What the model said.
public struct GenerationResult: Sendable, Hashable {
  /// Why the model stopped; raw values are those on the wire.
  public enum FinishReason: String, Sendable, Hashable, CaseIterable {
    /// The model said that its answer is complete.
    case end
    /// The token limit was reached.
    case length
  }

  /// ``tokens`` as text.
  public var text: String
  /// Token ids without BOS.
  public var tokens: [Int32]
  /// Why the model stopped.
  public var finishReason: FinishReason
  /// How long each stage took, nanoseconds.
  public var timings: StageTimings

  /// Collects the parts.
  public init(text: String, tokens: [Int32], finishReason: FinishReason, timings: StageTimings) {
    self.text = text
    self.tokens = tokens
    self.finishReason = finishReason
    self.timings = timings
  }
}
