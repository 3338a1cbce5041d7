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

  /// Media that tasks can read so far.
  public static let readable: Set<Medium> = [.text, .image]
  /// Media that tasks can write so far.
  public static let writable: Set<Medium> = [.text]

  /// Refuses what cannot be read yet.
  ///
  /// - Throws: ``ModelError`` `.unsupportedModality`.
  public func checkReadable() throws(ModelError) {
    guard !Self.readable.contains(self) else { return }
    throw ModelError(.unsupportedModality, rawValue, "reading \(rawValue) is not built yet")
  }

  /// Refuses what cannot be written yet.
  ///
  /// - Throws: ``ModelError`` `.unsupportedModality`.
  public func checkWritable() throws(ModelError) {
    guard !Self.writable.contains(self) else { return }
    throw ModelError(.unsupportedModality, rawValue, "answering with \(rawValue) is not built yet")
  }
}
