/// A value of a document together with the key path that leads to it.
package struct JSONField {
  package var node: JSONNode
  /// e.g. `cameras[1].width`; empty for the whole document.
  package var path: String

  package init(_ node: JSONNode, path: String) {
    self.node = node
    self.path = path
  }

  /// An error about this value.
  package func fault(_ message: String, code: PolicyError.Code = .invalidValue) -> PolicyError {
    Self.fault(code, path: path, line: node.line, message)
  }

  static func fault(_ code: PolicyError.Code, path: String, line: Int?, _ message: String) -> PolicyError {
    let name = path.isEmpty ? "policy" : path
    return PolicyError(code, line.map { "\(name) (line \($0))" } ?? name, message)
  }

  private func mismatch(_ expected: String) -> PolicyError { fault("expected \(expected), found \(node.summary)") }

  /// A string of 1...`maximumLength` characters without control characters.
  package func string(maximumLength: Int = 128) throws(PolicyError) -> String {
    guard case .string(let string) = node.value else { throw mismatch("a string") }
    guard !string.isEmpty else { throw mismatch("a string that is not empty") }
    guard string.count <= maximumLength else {
      throw fault("expected at most \(maximumLength) characters, found \(string.count)")
    }
    guard !string.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw fault("expected no control characters")
    }
    return string
  }

  /// One of the raw values of an enumeration.
  package func choice<Choice>(of type: Choice.Type = Choice.self) throws(PolicyError) -> Choice
  where Choice: RawRepresentable<String> & CaseIterable {
    guard case .string(let string) = node.value, let choice = Choice(rawValue: string) else {
      throw mismatch("one of " + Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))
    }
    return choice
  }

  /// No physical quantity of a robot is larger than this in any sensible unit: what is larger is a mistake, and a range
  /// of such numbers bounds nothing.
  package static let largestNumber = 1e6

  /// A number of a size that a physical quantity can have.
  package func number() throws(PolicyError) -> Double {
    try number(in: -Self.largestNumber...Self.largestNumber)
  }

  /// A number in a range.
  package func number(in range: ClosedRange<Double>) throws(PolicyError) -> Double {
    guard case .number(let number) = node.value, range.contains(number) else {
      throw mismatch(
        "a number from \(range.lowerBound.plainDescription) to \(range.upperBound.plainDescription)")
    }
    return number
  }

  /// A number above `minimum` and at most `maximum`.
  package func number(above minimum: Double, upTo maximum: Double = largestNumber) throws(PolicyError) -> Double {
    guard case .number(let number) = node.value, number > minimum, number <= maximum else {
      throw mismatch("a number > \(minimum.plainDescription) and at most \(maximum.plainDescription)")
    }
    return number
  }

  package func integer(in range: ClosedRange<Int>) throws(PolicyError) -> Int {
    guard case .number(let number) = node.value, let integer = Int(exactly: number), range.contains(integer) else {
      throw mismatch("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// `true` or `false`.
  package func boolean() throws(PolicyError) -> Bool {
    guard case .bool(let value) = node.value else { throw mismatch("true or false") }
    return value
  }

  package func elements() throws(PolicyError) -> [JSONField] {
    guard case .array(let elements) = node.value else { throw mismatch("an array") }
    return elements.enumerated().map { JSONField($0.element, path: "\(path)[\($0.offset)]") }
  }

  /// `[minimum, maximum]` with minimum < maximum.
  package func range() throws(PolicyError) -> ClosedRange<Double> {
    guard case .array(let elements) = node.value, elements.count == 2 else {
      throw mismatch("an array of two numbers, [minimum, maximum]")
    }
    let fields = try self.elements()
    let (minimum, maximum) = (try fields[0].number(), try fields[1].number())
    guard minimum < maximum else {
      throw fault("expected minimum < maximum, found [\(minimum.plainDescription), \(maximum.plainDescription)]")
    }
    return minimum...maximum
  }

  /// An object whose keys are those of `Keys` and no others.
  package func object<Keys>(_ keys: Keys.Type) throws(PolicyError) -> JSONObject<Keys> {
    guard case .object(let members) = node.value else { throw mismatch("an object") }
    let known = Keys.allCases.map(\.rawValue)
    for member in members where !known.contains(member.key) {
      let message = "expected only the keys \(known.joined(separator: ", "))"
      throw Self.fault(.unknownKey, path: join(member.key), line: member.line, message)
    }
    return JSONObject(field: self)
  }

  func join(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

/// An object whose keys have been checked.
package struct JSONObject<Keys> where Keys: CodingKey & CaseIterable & RawRepresentable<String> {
  package let field: JSONField

  package func optional(_ key: Keys) -> JSONField? {
    field.node[key.rawValue].map { JSONField($0, path: field.join(key.rawValue)) }
  }

  package func required(_ key: Keys) throws(PolicyError) -> JSONField {
    guard let value = optional(key) else {
      throw JSONField.fault(.missingKey, path: field.join(key.rawValue), line: field.node.line, "expected this key")
    }
    return value
  }
}

extension JSONNode {
  /// The line of the value at a key path such as `limits.workspace` or `cameras[1].width`, or that of its closest ancestor.
  package func line(at path: String) -> Int? {
    var node = self
    for step in path.split(whereSeparator: { $0 == "." || $0 == "[" }) {
      let child = step.hasSuffix("]") ? Int(step.dropLast()).flatMap { node[$0] } : node[String(step)]
      guard let child else { break }
      node = child
    }
    return node.line
  }
}
