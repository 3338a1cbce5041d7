/// Prompts in which a user's words are only words.
extension Tokenizer {
  /// The ids of a prompt, without BOS and EOS: those of ``encode(_:)-(String)``, except that names of special tokens in a user's words
  /// are spelled out.
  ///
  /// A name counts as the user's when any character of it is.
  public func encode(_ prompt: PromptText) -> [Int32] {
    let text = NormalizedPrompt(prompt)
    let names = specialNames(in: text.bytes)
    guard names.contains(where: { text.isUsers($0.range) }) else { return encode(prompt.text) }
    var ids: [Int32] = []
    var start = 0
    for name in names where !text.isUsers(name.range) {
      ids += encodeLiterally(text.bytes[start..<name.range.lowerBound])
      ids.append(name.id)
      start = name.range.upperBound
    }
    return ids + encodeLiterally(text.bytes[start...])
  }

  /// The appended pieces in a text, as the library finds them: from the left, none inside another.
  private func specialNames(in bytes: [UInt8]) -> [(range: Range<Int>, id: Int32)] {
    var names: [(range: Range<Int>, id: Int32)] = []
    var position = 0
    while position < bytes.count {
      if let piece = specialPiece(at: position, in: bytes) {
        names.append(piece)
        position = piece.range.upperBound
      } else {
        position += 1
      }
    }
    return names
  }

  private func specialPiece(at position: Int, in bytes: [UInt8]) -> (range: Range<Int>, id: Int32)? {
    guard bytes[position...].starts(with: NormalizedPrompt.space) else { return nil }
    let name = position + NormalizedPrompt.space.count
    guard name < bytes.count, bytes[name] == UInt8(ascii: "<") || bytes[name] == UInt8(ascii: "[") else { return nil }
    // No appended piece begins another one, so the order of lengths does not matter.
    for length in Vocabulary.appendedLengths where position + length <= bytes.count {
      if let id = appendedIDs[Array(bytes[position..<position + length])] {
        return (position..<position + length, id)
      }
    }
    return nil
  }
}

/// A prompt as the library sees it, with the author of every byte.
private struct NormalizedPrompt {
  /// U+2581, which the library puts in the place of spaces.
  static let space = Array("▁".utf8)

  /// With a space before the text.
  private(set) var bytes = space
  private var areWords = [Bool](repeating: false, count: space.count)

  init(_ prompt: PromptText) {
    for part in prompt.parts {
      let isWords = if case .words = part { true } else { false }
      for byte in part.text.utf8 {
        let normalized = byte == UInt8(ascii: " ") ? Self.space : [byte]
        bytes += normalized
        for _ in normalized { areWords.append(isWords) }
      }
    }
  }

  /// Whether a user wrote any of a piece; the space before it is anyone's.
  func isUsers(_ piece: Range<Int>) -> Bool {
    areWords[piece.dropFirst(Self.space.count)].contains(true)
  }
}
