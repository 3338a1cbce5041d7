/// A JSON value that remembers the line it came from, so that an error can point at it.
package struct JSONNode: Sendable {
  /// One `"key": value` of an object.
  package struct Member: Sendable {
    package var key: String
    package var line: Int?
    package var node: JSONNode
  }

  package enum Value: Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONNode])
    /// In the order of the text.
    case object([Member])
  }

  package var value: Value
  /// Counted from 1; `nil` when the value did not come from text.
  package var line: Int?

  package init(_ value: Value, line: Int? = nil) {
    self.value = value
    self.line = line
  }

  /// The member of an object; `nil` when there is none or this is no object.
  package subscript(key: String) -> JSONNode? {
    guard case .object(let members) = value else { return nil }
    return members.first { $0.key == key }?.node
  }

  /// The element of an array; `nil` when there is none or this is no array.
  package subscript(index: Int) -> JSONNode? {
    guard case .array(let elements) = value, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// The keys of an object in the order of the text; empty for anything else.
  package var keys: [String] {
    guard case .object(let members) = value else { return [] }
    return members.map(\.key)
  }

  /// The value in a few words, for messages.
  package var summary: String {
    switch value {
    case .null: "null"
    case .bool(let bool): "\(bool)"
    case .number(let number): number.plainDescription
    case .string(let string): string.isEmpty ? "an empty string" : "\"\(string.prefix(80))\""
    case .array(let elements): "an array of \(elements.count)"
    case .object: "an object"
    }
  }
}

extension JSONNode: Decodable {
  private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
  }

  /// From any decoder; lines are not known then.
  package init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: AnyKey.self) {
      let members = try container.allKeys.map {
        Member(key: $0.stringValue, line: nil, node: try container.decode(JSONNode.self, forKey: $0))
      }
      self.init(.object(members))
    } else if var container = try? decoder.unkeyedContainer() {
      var elements: [JSONNode] = []
      while !container.isAtEnd { elements.append(try container.decode(JSONNode.self)) }
      self.init(.array(elements))
    } else {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self.init(.null)
      } else if let bool = try? container.decode(Bool.self) {
        self.init(.bool(bool))
      } else if let number = try? container.decode(Double.self) {
        self.init(.number(number))
      } else {
        self.init(.string(try container.decode(String.self)))
      }
    }
  }
}

extension Double {
  /// Whole numbers without the `.0`.
  package var plainDescription: String {
    if let whole = Int(exactly: self) { return "\(whole)" }
    return "\(self)"
  }
}
