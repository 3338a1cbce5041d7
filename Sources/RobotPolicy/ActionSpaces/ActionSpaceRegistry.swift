/// The kinds of action spaces that a `policy.json` can name.
package enum ActionSpaceRegistry {
  /// A line a kind.
  package static let spaces: [any ActionSpace.Type] = [
    ContinuousActionSpace.self,
    PickAndPlaceActionSpace.self,
  ]

  /// The key that tells the kinds apart.
  package static let typeKey = "type"

  /// Reads `action_space`: `type` decides which keys are known, so it is looked at first.
  static func space(from field: JSONField) throws(PolicyError) -> any ActionSpace {
    let path = field.join(typeKey)
    guard let node = field.node[typeKey] else {
      throw JSONField.fault(.missingKey, path: path, line: field.node.line, "expected this key")
    }
    guard case .string(let name) = node.value, let space = spaces.first(where: { $0.type == name }) else {
      let known = spaces.map { "\"\($0.type)\"" }.joined(separator: ", ")
      throw JSONField(node, path: path).fault("expected one of \(known), found \(node.summary)")
    }
    return try space.init(field.without(typeKey))
  }
}

/// An action space of any kind as a value: two are equal when their kinds and contents are.
@propertyWrapper
package struct ErasedActionSpace: Sendable, Hashable, Encodable {
  private enum CodingKeys: String, CodingKey { case type }

  package var wrappedValue: any ActionSpace

  package init(wrappedValue: any ActionSpace) { self.wrappedValue = wrappedValue }

  package static func == (one: Self, other: Self) -> Bool { one.wrappedValue.equals(other.wrappedValue) }

  package func hash(into hasher: inout Hasher) { wrappedValue.hash(into: &hasher) }

  /// Writes `type` among the keys of the space.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(type(of: wrappedValue).type, forKey: .type)
    try wrappedValue.encode(to: encoder)
  }
}

extension ActionSpace {
  fileprivate func equals(_ other: any ActionSpace) -> Bool { (other as? Self) == self }
}

extension JSONField {
  /// The same object without one of its keys.
  fileprivate func without(_ key: String) -> JSONField {
    guard case .object(let members) = node.value else { return self }
    return JSONField(JSONNode(.object(members.filter { $0.key != key }), line: node.line), path: path)
  }
}
