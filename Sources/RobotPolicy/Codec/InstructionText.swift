import RobotInterface

/// The words of an instruction as a policy takes them, whichever way they came.
package enum InstructionText {
  /// A text with single spaces for white space of any kind, none at its ends, and without characters that cannot be
  /// seen.
  ///
  /// White space is what Unicode calls so, with `▁` (U+2581), which the tokenizer takes for a space, and the empty
  /// Braille pattern. Left out are format characters and those that Unicode lets a font ignore: zero-width spaces and
  /// joiners, byte order marks, soft hyphens, marks of direction, variation selectors, fillers.
  ///
  /// - Returns: `nil` for a text with control characters that are no white space.
  package static func folded(_ text: String) -> String? {
    var folded = String.UnicodeScalarView()
    var isAfterSpace = false
    for scalar in text.unicodeScalars {
      if scalar.properties.isWhitespace || scalar == "\u{2581}" || scalar == "\u{2800}" {
        isAfterSpace = true
        continue
      }
      let category = scalar.properties.generalCategory
      if category == .control { return nil }
      if category == .format || scalar.properties.isDefaultIgnorableCodePoint { continue }
      if isAfterSpace, !folded.isEmpty { folded.append(" ") }
      isAfterSpace = false
      folded.append(scalar)
    }
    return String(folded)
  }

  /// Whether a folded text has anything to read: marks on no letter say nothing.
  static func isVisible(_ text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .enclosingMark, .spaceSeparator: false
      default: true
      }
    }
  }
}

/// The sentences that a policy knows, found whatever their case, white space and final punctuation.
package struct KnownInstructions: Sendable {
  /// As they were trained.
  package let sentences: [String]
  private let keys: [[Unicode.Scalar]]
  private let comparedLength: Int
  private let places: [String: Int]

  /// - Parameter sentences: of a `policy.json`, whose keys differ.
  package init(_ sentences: [String]) {
    self.sentences = sentences
    let comparedLength = Self.comparedLength(among: sentences.count)
    self.comparedLength = comparedLength
    let keys = sentences.map { Self.key(of: $0) ?? "" }
    self.keys = keys.map { Array($0.unicodeScalars.prefix(comparedLength)) }
    places = Dictionary(zip(keys, sentences.indices), uniquingKeysWith: { first, _ in first })
  }

  /// What sentences have in common that are taken for the same: their words, in lower case.
  ///
  /// - Returns: `nil` when there are none, or control characters among them.
  package static func key(of sentence: String) -> String? {
    guard let folded = InstructionText.folded(sentence), InstructionText.isVisible(folded) else { return nil }
    let key = String(folded.lowercased().reversed().drop { $0.isPunctuation || $0 == " " }.reversed())
    return key.isEmpty ? nil : key
  }

  /// The trained form of a sentence; `nil` when it is not known.
  package func trained(_ sentence: String) -> String? {
    Self.key(of: sentence).flatMap { places[$0] }.map { sentences[$0] }
  }

  /// Comparisons of two letters that a search for the nearest sentences takes at most, about a millisecond: it runs on the
  /// policy's thread, and anyone may send a sentence that is not known.
  package static let comparisons = 300_000

  /// Characters of a sentence that count when it is compared with others: fewer where there are many sentences.
  package static func comparedLength(among count: Int) -> Int {
    min(128, Int((Double(comparisons) / Double(max(1, count))).squareRoot()))
  }

  /// The known sentences that differ least from one, at most three, the nearest first.
  package func nearest(to sentence: String) -> [String] {
    let key = Array((Self.key(of: sentence) ?? "").unicodeScalars.prefix(comparedLength))
    let distances = keys.map { editDistance($0, key) }
    let order = sentences.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
    return order.prefix(3).map { sentences[$0] }
  }
}

/// How many letters have to be put in, left out or exchanged to make one text of the other.
private func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in b.enumerated() {
      let exchanged = diagonal + (letter == other ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(exchanged, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
