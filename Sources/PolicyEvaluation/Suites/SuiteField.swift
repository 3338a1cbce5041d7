import Yams

/// A value of a suite file and the way to it.
struct SuiteField {
  let node: Node
  let file: String
  let path: String

  init(_ node: Node, file: String, path: String) {
    self.node = node
    self.file = file
    self.path = path
  }

  /// A mapping whose keys are known, each once.
  struct Mapping {
    var fields: [String: SuiteField]
    var owner: SuiteField

    func required(_ key: String) throws(RolloutError) -> SuiteField {
      guard let field = fields[key] else { throw owner.fault("expected the key \(key)") }
      return field
    }

    func optional(_ key: String) -> SuiteField? { fields[key] }
  }

  func fault(_ message: String) -> RolloutError {
    let line = node.mark.map { ":\($0.line)" } ?? ""
    return RolloutError(.invalidPlan, file + line, path.isEmpty ? message : "\(path): \(message)")
  }

  func mapping(known: Set<String>) throws(RolloutError) -> Mapping {
    guard case .mapping(let mapping) = node else { throw fault("expected keys and values") }
    var fields: [String: SuiteField] = [:]
    for (key, value) in mapping {
      let name = key.string ?? ""
      let field = SuiteField(value, file: file, path: path.isEmpty ? name : "\(path).\(name)")
      guard known.contains(name) else {
        throw SuiteField(key, file: file, path: path).fault(
          "expected one of \(known.sorted().joined(separator: ", ")), found \(name)")
      }
      guard fields.updateValue(field, forKey: name) == nil else { throw field.fault("expected this key once") }
    }
    return Mapping(fields: fields, owner: self)
  }

  func sequence(upTo maximum: Int) throws(RolloutError) -> [SuiteField] {
    guard case .sequence(let sequence) = node else { throw fault("expected a list") }
    guard sequence.count <= maximum else { throw fault("expected at most \(maximum) entries, found \(sequence.count)") }
    return sequence.enumerated().map { SuiteField($1, file: file, path: "\(path)[\($0)]") }
  }

  func text() throws(RolloutError) -> String {
    guard case .scalar(let scalar) = node, scalar.string.utf8.count <= 1000 else {
      throw fault("expected a text of at most 1000 bytes")
    }
    // A folded text (`>`) ends with a line end of its own.
    let text = String(scalar.string.reversed().drop(while: \.isNewline).reversed())
    guard text.unicodeScalars.allSatisfy(Self.isPrintable) else {
      throw fault("expected one line without control characters")
    }
    return text
  }

  /// Whether a terminal, a table and a file of comma-separated values show it and obey nothing in it.
  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }

  func identifier() throws(RolloutError) -> String {
    let text = try text()
    guard Suite.isName(text) else { throw fault("expected a name of letters, digits and -_., found \"\(text)\"") }
    return text
  }

  /// One of a few names.
  func name(of known: [String]) throws(RolloutError) -> String {
    let text = try text()
    guard !known.contains(text) else { return text }
    let near = known.filter { Self.distance($0, text) <= 2 }
    let hint = near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
    throw fault("expected one of \(known.joined(separator: ", ")), found \"\(text)\"\(hint)")
  }

  /// Letters to put in, leave out or exchange (Levenshtein).
  private static func distance(_ one: String, _ other: String) -> Int {
    let (one, other) = (Array(one.utf8), Array(other.utf8.prefix(100)))
    var row = Array(0...other.count)
    for (line, letter) in one.enumerated() {
      var diagonal = row[0]
      row[0] = line + 1
      for place in other.indices {
        let exchanged = diagonal + (letter == other[place] ? 0 : 1)
        diagonal = row[place + 1]
        row[place + 1] = min(exchanged, row[place] + 1, diagonal + 1)
      }
    }
    return row[other.count]
  }

  func integer(in range: ClosedRange<Int>) throws(RolloutError) -> Int {
    let text = try text()
    guard let number = Int(text), range.contains(number) else {
      throw fault("expected a whole number from \(range.lowerBound) to \(range.upperBound), found \"\(text)\"")
    }
    return number
  }

  func choice<Value: RawRepresentable & CaseIterable>() throws(RolloutError) -> Value where Value.RawValue == String {
    let text = try text()
    guard let value = Value(rawValue: text) else {
      let names = Value.allCases.map(\.rawValue).joined(separator: " or ")
      throw fault("expected \(names), found \"\(text)\"")
    }
    return value
  }
}
