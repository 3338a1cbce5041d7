/// One value of a message. Text and bytes are different things, keys of a map as well.
public enum MessagePackValue: Sendable, Hashable {
  case none
  case bool(Bool)
  case integer(Int64)
  /// Above `Int64.max` only; smaller ones are ``integer(_:)``.
  case unsigned(UInt64)
  case float(Float)
  case double(Double)
  case text(String)
  /// A decoded value shares the message's storage: nothing is copied.
  case binary(ArraySlice<UInt8>)
  case array([MessagePackValue])
  case map(MessagePackMap)
  /// A type that an application defined; nothing here does.
  case extended(kind: Int8, ArraySlice<UInt8>)

  /// What it is, in a word or two.
  public var kind: String {
    switch self {
    case .none: "nil"
    case .bool: "a truth value"
    case .integer, .unsigned: "a whole number"
    case .float, .double: "a number"
    case .text: "text"
    case .binary: "bytes"
    case .array: "a list"
    case .map: "a map"
    case .extended: "an extension"
    }
  }

  /// A number of any kind as a double; truth values are none.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .unsigned(let value): Double(value)
    case .float(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }

  /// A whole number that fits.
  public var whole: Int? {
    if case .integer(let value) = self { return Int(exactly: value) }
    return nil
  }

  /// Text, or bytes that are text: some clients write one where others write the other.
  public var string: String? {
    switch self {
    case .text(let text): text
    case .binary(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }
}

/// The pairs of a map, in the order in which they came.
public struct MessagePackMap: Sendable, Hashable {
  /// A key and its value.
  public struct Entry: Sendable, Hashable {
    /// Text, bytes or a whole number.
    public var key: MessagePackValue
    /// What the key says.
    public var value: MessagePackValue

    /// Collects the parts.
    public init(_ key: MessagePackValue, _ value: MessagePackValue) {
      self.key = key
      self.value = value
    }
  }

  /// No key is there twice.
  public var entries: [Entry]

  /// A map of these pairs, whose keys differ.
  public init(_ entries: [Entry] = []) { self.entries = entries }

  /// A map with keys of text.
  public init(_ pairs: KeyValuePairs<String, MessagePackValue>) {
    entries = pairs.map { Entry(.text($0.key), $0.value) }
  }

  /// The value of a key, be it written as text or as bytes; the first of the two if it is there in both spellings.
  ///
  /// - Complexity: O(pairs).
  public subscript(name: String) -> MessagePackValue? { entry(name)?.value }

  /// The names of all keys that are text, in either spelling.
  public var names: [String] { entries.compactMap(\.key.string) }

  func entry(_ name: String) -> Entry? {
    entries.first {
      switch $0.key {
      case .text(let text): text == name
      case .binary(let bytes): bytes.elementsEqual(name.utf8)
      default: false
      }
    }
  }
}

// MARK: Reading with reasons

extension MessagePackValue {
  /// The map that this is.
  ///
  /// - Throws: `.wrongType`.
  public func requireMap() throws(MessagePackError) -> MessagePackMap {
    if case .map(let map) = self { return map }
    throw MessagePackError(.wrongType, "", "expected a map, found \(kind)")
  }
}

extension MessagePackMap {
  /// What `read` makes of the value of `name`; its errors are told with the key in their path.
  ///
  /// - Throws: `.missingKey`, or what `read` throws.
  public func require<Result>(
    _ name: String, _ read: (MessagePackValue) throws(MessagePackError) -> Result
  ) throws(MessagePackError) -> Result {
    guard let value = self[name] else {
      throw MessagePackError(.missingKey, PathStep.key(name).description, "the key is missing; found \(foundNames)")
    }
    do throws(MessagePackError) {
      return try read(value)
    } catch {
      throw error.within(.key(name))
    }
  }

  /// Like ``require(_:_:)`` for a key that may be absent or nil.
  public func optional<Result>(
    _ name: String, _ read: (MessagePackValue) throws(MessagePackError) -> Result
  ) throws(MessagePackError) -> Result? {
    guard let value = self[name], value != .none else { return nil }
    return try require(name, read)
  }

  /// The keys that there are, quoted, at most a dozen.
  public var foundNames: String {
    let names = names
    guard !names.isEmpty else { return "no keys" }
    return names.prefix(12).map(quoted).joined(separator: ", ") + (names.count > 12 ? ", …" : "")
  }
}

extension MessagePackValue {
  /// - Throws: `.wrongType` unless it is text.
  public func requireText() throws(MessagePackError) -> String {
    guard let string else { throw MessagePackError(.wrongType, "", "expected text, found \(kind)") }
    return string
  }

  /// - Throws: `.wrongType` unless it is a whole number that fits into 64 bits with sign.
  public func requireWhole() throws(MessagePackError) -> Int {
    guard let whole else { throw MessagePackError(.wrongType, "", "expected a whole number, found \(kind)") }
    return whole
  }

  /// - Throws: `.wrongType` unless it is a number.
  public func requireNumber() throws(MessagePackError) -> Double {
    guard let number else { throw MessagePackError(.wrongType, "", "expected a number, found \(kind)") }
    return number
  }
}
