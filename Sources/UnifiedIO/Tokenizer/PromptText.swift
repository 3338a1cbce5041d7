/// A prompt put together from text of different authors.
///
/// The names of special tokens (`<extra_id_200>`, `<image_input>`, `[Text] [S]` and so on) stand for these tokens only where they were
/// written for the model. In what a user wrote they are words, so that nobody can say a location, or point at a picture, by spelling it.
public struct PromptText: Sendable, Hashable {
  /// A piece of a prompt.
  public enum Part: Sendable, Hashable {
    /// What a user wrote: names of special tokens are words like any others.
    case words(String)
    /// What was written for the model: names of special tokens, with a space before them, stand for the tokens.
    case markup(String)

    /// The text, whoever wrote it.
    public var text: String {
      switch self {
      case .words(let text), .markup(let text): text
      }
    }
  }

  /// In order; nothing is put between them.
  public var parts: [Part]

  /// - Parameter parts: in order.
  public init(_ parts: [Part] = []) { self.parts = parts }

  /// All parts as one text, which does not tell words from markup.
  public var text: String { parts.map(\.text).joined() }
}
