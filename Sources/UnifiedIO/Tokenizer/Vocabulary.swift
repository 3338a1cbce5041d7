/// The pieces that Unified-IO 2 adds to LLaMA's, and where their ids lie.
enum Vocabulary {
  /// `<extra_id_0>` ... `<extra_id_1199>`.
  static let extraCount = 1200
  /// `<extra_id_200>` ... `<extra_id_1199>` stand for the values 0 ... 1 in equal steps.
  static let firstLocation = 200
  static let locationCount = 1000
  static let maximumFrames = 8
  /// How many pieces are appended in all.
  static let appendedCount = extraCount + 2 * (maximumFrames + 1) + prefixes.count

  /// What the answer is to be, said at the start of a prompt.
  static let prefixes = [
    "[Text]▁[S]", "[Text]▁[R]", "[Text]▁[X]", "[Image]▁[S]", "[Image]▁[R]", "[Audio]▁[S]", "[Audio]▁[R]",
  ]

  /// The appended pieces in the order of their ids; each includes the space before it.
  static var appendedPieces: [String] {
    let extras = (0..<extraCount).reversed().map { "<extra_id_\($0)>" }
    let frames = (1...maximumFrames).flatMap { ["<image_history_\($0)>", "<audio_history_\($0)>"] }
    return (extras + frames + ["<image_input>", "<audio_input>"] + prefixes).map { "▁" + $0 }
  }

  /// The lengths in bytes that appended pieces have.
  static let appendedLengths = Set(appendedPieces.map(\.utf8.count)).sorted()
}

extension SentencePieceModel {
  /// Puts `<s>` and `</s>` before `<unk>`, so that BOS is 0 and EOS is 1, and appends Unified-IO 2's own pieces.
  ///
  /// - Throws: ``ModelError`` `.invalidTokenizer` when the model has one of them already.
  package mutating func adaptToUnifiedIO() throws(ModelError) {
    guard pieces.count >= 3 else { throw Self.invalid("fewer than three pieces") }
    pieces.replaceSubrange(0..<3, with: [pieces[1], pieces[2], pieces[0]])
    let present = Set(pieces.map(\.text))
    for text in Vocabulary.appendedPieces {
      let bytes = Array(text.utf8)
      guard !present.contains(bytes) else {
        throw Self.invalid("\(text) is there already; give the original LLaMA file")
      }
      pieces.append(Piece(text: bytes, kind: .userDefined))
    }
  }
}
