/// How a picture or a sound is made; the defaults are those of the release.
public struct MediaSettings: Sendable {
  /// 0 for the first wording of the release, from 1 for our own; see ``TaskPrompts``.
  public var wording: Int
  /// 0: none. `nil`: 10 for a picture from words alone, otherwise none.
  public var guidance: Float?
  /// What the result is pulled away from; `nil`: ``Guidance/negativePrompt(for:)``.
  public var negativePrompt: String?
  /// 0: greedy; otherwise tokens are drawn.
  public var temperature: Float
  /// Draw from the k most probable tokens only.
  public var topK: Int?
  /// Draw from the most probable tokens that together have this probability.
  public var topP: Float?
  /// Of the random numbers.
  public var seed: UInt64
  /// Told of every token; `false` ends the work with an error.
  public var onProgress: (@Sendable (TaskProgress) -> Bool)?

  /// The defaults are those of the release.
  public init(
    guidance: Float? = nil, negativePrompt: String? = nil, temperature: Float = 1, topK: Int? = nil,
    topP: Float? = 0.9, seed: UInt64 = 0, wording: Int = 0, onProgress: (@Sendable (TaskProgress) -> Bool)? = nil
  ) {
    self.wording = wording
    self.guidance = guidance
    self.negativePrompt = negativePrompt
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
    self.onProgress = onProgress
  }

  /// The release's for depth and surface normals.
  public static let map = MediaSettings(temperature: 0.9)
  /// The release's for the pixels of an object.
  public static let mask = MediaSettings(temperature: 0.9, topP: 0.95)
}

extension TaskKind {
  /// How the release runs a task that answers with a picture or a sound.
  public var mediaSettings: MediaSettings {
    switch self {
    case .depth, .surfaceNormals: .map
    case .segmentation: .mask
    default: MediaSettings()
    }
  }
}
