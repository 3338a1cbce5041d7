/// A grammar of fixed words with places for locations, ended by EOS.
package struct LocationTemplate: TokenConstraint {
  /// What stands at one place.
  package enum Slot: Sendable, Hashable {
    case location
    case word(Int32)
  }

  package let slots: [Slot]
  private let locations: Range<Int32>

  package init(_ slots: [Slot], _ tokenizer: Tokenizer) {
    self.slots = slots + [.word(Tokenizer.eos)]
    locations = tokenizer.locationTokens
  }

  /// The slot after `tokens`; the end after the last.
  package func choice(after tokens: [Int32]) -> TokenChoice {
    guard tokens.count < slots.count else { return .end }
    switch slots[tokens.count] {
    case .location: return .among([locations])
    case .word(let token): return .forced(token)
    }
  }

  /// Four locations.
  package static func box(_ tokenizer: Tokenizer) -> LocationTemplate {
    LocationTemplate([.location, .location, .location, .location], tokenizer)
  }

  /// Two locations and a name, for each name.
  package static func points(_ names: [String], _ tokenizer: Tokenizer) -> LocationTemplate {
    let slots = names.flatMap { [.location, .location] + tokenizer.encode($0).map { Slot.word($0) } }
    return LocationTemplate(slots, tokenizer)
  }
}
