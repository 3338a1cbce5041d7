@_exported import Faults

/// Why bytes are no message, or a value is not what was expected.
public typealias MessagePackError = Fault<MessagePackErrorCode>

/// A closed list that grows without breaking anybody.
public struct MessagePackErrorCode: RawRepresentable, FaultCode {
  /// A name in snake case.
  public let rawValue: String

  /// Wraps a name.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The bytes end within the value.
  public static let truncated = Self(rawValue: "truncated")
  /// Something follows the value.
  public static let trailingBytes = Self(rawValue: "trailing_bytes")
  /// A byte that begins no value.
  public static let invalidByte = Self(rawValue: "invalid_byte")
  /// More bytes, values or levels than ``MessagePackLimits`` allow.
  public static let tooLarge = Self(rawValue: "too_large")
  /// Text that is not UTF-8.
  public static let invalidText = Self(rawValue: "invalid_text")
  /// A map names a key twice, or has a key that is neither text, bytes nor a whole number.
  public static let invalidKey = Self(rawValue: "invalid_key")
  /// A map lacks a key.
  public static let missingKey = Self(rawValue: "missing_key")
  /// A value of another kind than was expected.
  public static let wrongType = Self(rawValue: "wrong_type")
  /// An array whose kind of number is not read.
  public static let unsupportedElement = Self(rawValue: "unsupported_element")
  /// An array whose shape and bytes do not agree.
  public static let invalidShape = Self(rawValue: "invalid_shape")
  /// A picture that is none.
  public static let invalidImage = Self(rawValue: "invalid_image")
  /// The machine has no memory left for it.
  public static let outOfMemory = Self(rawValue: "out_of_memory")
}

extension MessagePackError {
  /// Where in the value: keys and places, such as `payload.images["front"].shape`; empty for the value itself.
  public var path: String { subject }

  /// The same error seen from outside of the value at `step`.
  func within(_ step: PathStep) -> MessagePackError {
    var copy = self
    copy.subject = step.description + (path.isEmpty || path.hasPrefix("[") ? "" : ".") + path
    return copy
  }
}

/// One step into a value.
enum PathStep: CustomStringConvertible {
  case key(String)
  case index(Int)

  var description: String {
    switch self {
    case .index(let index): "[\(index)]"
    case .key(let name): Self.isPlain(name) ? name : "[\(quoted(name))]"
    }
  }

  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 64
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "-"): true
        default: false
        }
      }
  }
}

/// A name from outside as it may stand in a sentence: in quotes, printable ASCII, not longer than 64 characters.
package func quoted(_ name: String) -> String {
  var text = ""
  for scalar in name.unicodeScalars.prefix(65) {
    guard text.utf8.count < 64 else { return "“\(text)…”" }
    text.unicodeScalars.append((" "..."~").contains(scalar) ? scalar : "?")
  }
  return "“\(text)”"
}
