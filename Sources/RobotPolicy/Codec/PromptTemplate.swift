package import UnifiedIO

/// A prompt with places for the instruction and the state.
package struct PromptTemplate: Sendable, Hashable {
  private enum Part: Sendable, Hashable {
    case literal(String)
    case instruction
    case state
  }

  private var parts: [Part] = []

  /// - Parameter text: contains `{instruction}` once, `{state}` at most once and no other braces.
  /// - Throws: ``PolicyError`` `.invalidValue` that says what is wrong.
  package init(_ text: String) throws(PolicyError) {
    var rest = text[...]
    while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      if brace > rest.startIndex { parts.append(.literal(String(rest[..<brace]))) }
      rest = rest[brace...]
      let part: Part
      if rest.hasPrefix("{instruction}") {
        part = .instruction
        rest = rest.dropFirst("{instruction}".count)
      } else if rest.hasPrefix("{state}") {
        part = .state
        rest = rest.dropFirst("{state}".count)
      } else {
        throw Self.fault("expected no braces but those of {instruction} and {state}, found \"\(rest.prefix(20))\"")
      }
      guard !parts.contains(part) else { throw Self.fault("expected {instruction} and {state} once, found one twice") }
      parts.append(part)
    }
    if !rest.isEmpty { parts.append(.literal(String(rest))) }
    guard parts.contains(.instruction) else { throw Self.fault("expected {instruction}, found none") }
  }

  private static func fault(_ message: String) -> PolicyError { PolicyError(.invalidValue, "prompt.template", message) }

  /// The prompt. What the instruction says is never read as a place of the template.
  ///
  /// - Parameter instruction: empty where a sound says it; then no two spaces meet in its place, and none begins the prompt.
  package func render(instruction: [PromptText.Part], state: String) -> PromptText {
    var prompt = PromptText()
    var followsNothing = false
    for part in parts {
      switch part {
      case .literal(let literal):
        let isOneTooMany = followsNothing && literal.hasPrefix(" ") && prompt.parts.last?.text.last ?? " " == " "
        prompt.parts.append(.markup(isOneTooMany ? String(literal.dropFirst()) : literal))
        followsNothing = false
      case .state:
        prompt.parts.append(.markup(state))
        followsNothing = false
      case .instruction:
        followsNothing = instruction.isEmpty
        // A name needs a space before it, which the beginning of a prompt has.
        if case .markup = instruction.first, let last = prompt.parts.last?.text.last, last != " " {
          prompt.parts.append(.markup(" "))
        }
        prompt.parts += instruction
      }
    }
    return prompt
  }
}
