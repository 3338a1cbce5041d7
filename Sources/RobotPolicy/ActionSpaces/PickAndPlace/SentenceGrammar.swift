package import RobotInterface
package import UnifiedIO

/// The sentences of ``PickAndPlaceSentence`` as an automaton over the tokens of one vocabulary.
///
/// An answer alternates between words, which the vocabulary spells in a fixed way, and three location tokens. Where several
/// words may follow (`pick` or `push`, another step or the end) their common beginning is forced, and the model decides at the
/// first token in which they differ.
package struct SentenceGrammar: TokenConstraint {
  /// Words that may stand at one place.
  private struct Run {
    var tokens: [Int32]
    /// What follows the words: a pose of a step of this kind, or nothing more.
    var primitive: PickAndPlaceStep.Primitive?
  }

  private let locations: Range<Int32>
  private let bin: @Sendable (Int32) -> Int?
  /// Before the first pose of a step, `[step]`; for all but the first step the end of the answer is among them.
  private var openings: [[Run]] = []
  /// Between the poses of a step.
  private var middles: [PickAndPlaceStep.Primitive: Run] = [:]
  /// After the last step.
  private var closing = Run(tokens: [])
  /// Of the longest answer, EOS included.
  package private(set) var maximumTokens = 0

  /// - Parameters:
  ///   - tokenizer: spells the words.
  ///   - maximumSteps: steps in the longest answer, at least 1.
  /// - Throws: ``PolicyError`` `.incompatibleModel` when words and locations cannot be told apart.
  package init(tokenizer: some TextTokenizing, maximumSteps: Int) throws(PolicyError) {
    locations = tokenizer.locationTokens
    bin = { tokenizer.locationBin(of: $0) }
    let spelling = Spelling(tokenizer: tokenizer)
    closing.tokens = try spelling.tokens(of: PickAndPlaceSentence.closing, after: true, before: false)
    closing.tokens.append(SpecialToken.endOfSequence)
    var longest = closing.tokens.count
    for primitive in PickAndPlaceStep.Primitive.allCases {
      let words = PickAndPlaceSentence.middle(primitive)
      middles[primitive] = Run(
        tokens: try spelling.tokens(of: words, after: true, before: true), primitive: primitive)
    }
    for number in 1...max(1, maximumSteps) {
      var runs: [Run] = number == 1 ? [] : [closing]
      for primitive in PickAndPlaceStep.Primitive.allCases {
        let words = PickAndPlaceSentence.opening(number, primitive)
        let text = number == 1 ? words : "\(PickAndPlaceSentence.closing) \(words)"
        let tokens = try spelling.tokens(of: text, after: number > 1, before: true)
        runs.append(Run(tokens: tokens, primitive: primitive))
      }
      for (index, run) in runs.enumerated() {
        for (other, longer) in runs.enumerated() where other != index && longer.tokens.starts(with: run.tokens) {
          throw incompatible("its words for pick and push cannot be told apart")
        }
      }
      openings.append(runs)
      longest += runs.map(\.tokens.count).reduce(0, max) + middles.values.map(\.tokens.count).reduce(0, max) + 6
    }
    maximumTokens = longest
  }

  /// Where the automaton stands after some tokens.
  private enum State {
    /// Inside words: those that fit so far, and how many tokens of them have been said.
    case words([Run], said: Int)
    case location
    case end
    case fault(at: Int)
  }

  package func choice(after tokens: [Int32]) -> TokenChoice {
    switch walk(tokens).state {
    case .location: return .among([locations])
    case .end, .fault: return .end
    case .words(let runs, let said):
      let next = Set(runs.map { $0.tokens[said] }).sorted()
      if next.count == 1, let only = next.first { return .forced(only) }
      return .among(next.map { $0..<($0 + 1) })
    }
  }

  /// Reads a complete answer; a final EOS may be missing.
  ///
  /// - Throws: ``RobotError`` `.invalidAction` for anything else, a truncated last step included.
  package func steps(from tokens: [Int32]) throws(RobotError) -> [PickAndPlaceStep] {
    var (state, steps) = walk(tokens)
    if case .words(let runs, let said) = state, said == closing.tokens.count - 1,
      runs.contains(where: { $0.primitive == nil })
    {
      state = .end
    }
    switch state {
    case .end: return steps
    case .fault(let index): throw .invalidAnswer("expected another token than \(tokens[index]) at \(index)")
    case .words, .location:
      throw .invalidAnswer("the answer ends inside step \(steps.count + 1) after \(tokens.count) tokens")
    }
  }

  private func walk(_ tokens: [Int32]) -> (state: State, steps: [PickAndPlaceStep]) {
    var steps: [PickAndPlaceStep] = []
    var runs = openings[0]
    var said = 0
    var bins: [Int] = []
    var primitive: PickAndPlaceStep.Primitive?
    for (index, token) in tokens.enumerated() {
      if let current = primitive {
        guard let bin = bin(token) else { return (.fault(at: index), steps) }
        bins.append(bin)
        if bins.count == 3, let middle = middles[current] {
          (runs, said, primitive) = ([middle], 0, nil)
        } else if bins.count == 6 {
          let from = PickAndPlaceStep.Pose(x: bins[0], y: bins[1], rotation: bins[2])
          let to = PickAndPlaceStep.Pose(x: bins[3], y: bins[4], rotation: bins[5])
          steps.append(PickAndPlaceStep(current, from: from, to: to))
          runs = steps.count < openings.count ? openings[steps.count] : [closing]
          (said, primitive, bins) = (0, nil, [])
        }
        continue
      }
      runs.removeAll { said >= $0.tokens.count || $0.tokens[said] != token }
      said += 1
      guard let run = runs.first else { return (.fault(at: index), steps) }
      guard said == run.tokens.count else { continue }
      guard run.primitive != nil else {
        return (index + 1 == tokens.count ? .end : .fault(at: index + 1), steps)
      }
      primitive = run.primitive
    }
    return (primitive == nil ? .words(runs, said: said) : .location, steps)
  }
}

private func incompatible(_ reason: String) -> PolicyError {
  PolicyError(.incompatibleModel, "tokenizer", "expected a vocabulary that can write pick_and_place answers: \(reason)")
}

/// Spells words as they stand in an answer, between location tokens.
private struct Spelling<Tokenizer: TextTokenizing> {
  let tokenizer: Tokenizer

  /// The tokens of `words` alone, spelled with a location after and before them.
  func tokens(of words: String, after: Bool, before: Bool) throws(PolicyError) -> [Int32] {
    let location = LocationCodec.text(of: 500)
    let text = (after ? "\(location) " : "") + words + (before ? " \(location)" : "")
    var tokens = tokenizer.encode(text)[...]
    for (isThere, end) in [(after, tokens.first), (before, tokens.last)] where isThere {
      guard end == tokenizer.locationToken(bin: 500) else {
        throw incompatible("\"\(location)\" is not a token of its own in \"\(text)\"")
      }
    }
    tokens = tokens.dropFirst(after ? 1 : 0).dropLast(before ? 1 : 0)
    guard !tokens.isEmpty, !tokens.contains(where: { tokenizer.locationBin(of: $0) != nil }) else {
      throw incompatible("\"\(words)\" has no spelling without location tokens")
    }
    return Array(tokens)
  }
}
