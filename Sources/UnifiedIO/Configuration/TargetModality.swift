/// What kind of answer a prompt asks for.
public enum TargetModality: String, Decodable, Sendable, Hashable, CaseIterable {
  /// An answer in words and location tokens.
  case text
  /// A picture.
  case image
  /// A sound.
  case audio

  /// What the prompt begins with, e.g. `"[Text] [S] "`.
  public var prefix: String {
    switch self {
    case .text: "[Text] [S] "
    case .image: "[Image] [S] "
    case .audio: "[Audio] [S] "
    }
  }
}
