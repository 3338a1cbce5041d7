/// What goes into the model or comes out of it.
public enum Medium: String, Sendable, Hashable, CaseIterable {
  /// Words and location tokens.
  case text
  /// A picture, with earlier pictures before it.
  case image
  /// A sound.
  case audio
  /// Frames, with or without sound.
  case video
}
