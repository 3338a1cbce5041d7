extension PolicySpecification {
  /// Which sentences the policy may be given.
  public enum Instructions: Encodable, Sendable, Hashable {
    /// Any sentence.
    case free
    /// These and no others, as they were trained.
    case known([String])

    /// The known sentences; empty for free text.
    public var sentences: [String] {
      if case .known(let sentences) = self { sentences } else { [] }
    }

    /// What stands in the place of sentences when any may come.
    package static let freeText = "free"

    /// Sentences in a list, at most.
    package static let maximumCount = 256
    /// Characters of a sentence, at most.
    package static let maximumLength = 256

    /// Writes `"free"`, or the sentences.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .free: try container.encode(Self.freeText)
      case .known(let sentences): try container.encode(sentences)
      }
    }
  }
}

// MARK: Decoding

extension PolicySpecification.Instructions {
  init(_ field: JSONField) throws(PolicyError) {
    if case .string(let text) = field.node.value, text == Self.freeText {
      self = .free
      return
    }
    guard case .array = field.node.value else {
      throw field.fault("expected an array of sentences, or \"free\", found \(field.node.summary)")
    }
    let elements = try field.elements()
    guard (1...Self.maximumCount).contains(elements.count) else {
      throw field.fault("expected 1 to \(Self.maximumCount) sentences, found \(elements.count)")
    }
    var sentences: [String] = []
    var keys: Set<String> = []
    for element in elements {
      let sentence = try element.string(maximumLength: Self.maximumLength)
      guard let key = KnownInstructions.key(of: sentence) else {
        throw element.fault("expected a sentence that can be seen, without control characters")
      }
      guard keys.insert(key).inserted else {
        throw element.fault(
          "expected sentences that differ in more than case, white space and final punctuation, found \"\(sentence)\" again"
        )
      }
      sentences.append(sentence)
    }
    self = .known(sentences)
  }
}
