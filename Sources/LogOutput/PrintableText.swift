/// Text from outside, fit for a line of a log or for a terminal.
public enum PrintableText {
  /// `text` on one line: control and formatting characters (line ends, escape sequences, marks that change the direction of writing)
  /// become escapes such as `\n` and `\u{1b}`, a backslash becomes two.
  ///
  /// - Parameter limit: characters; what is longer ends with `…`.
  public static func line(_ text: String, limit: Int = 2000) -> String {
    escaped(text, limit: limit) { $0 == "\\" ? "\\\\" : nil }
  }

  /// As ``line(_:limit:)``, in quotation marks unless the text is one plain word: so no value can be taken for two.
  public static func value(_ text: String, limit: Int = 500) -> String {
    let isPlain = !text.isEmpty && text.utf8.count <= limit && text.utf8.allSatisfy(isPlain)
    guard !isPlain else { return text }
    let inside = escaped(text, limit: limit) { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\"": "\\\""
      default: nil
      }
    }
    return "\"\(inside)\""
  }

  /// `text` with its lines and tabs, but without other control characters: for a terminal that shall show it and obey nothing in it.
  public static func block(_ text: String) -> String {
    escaped(text, limit: .max) { $0 == "\n" || $0 == "\t" ? String(Character($0)) : nil }
  }

  private static func escaped(
    _ text: String, limit: Int, _ special: (Unicode.Scalar) -> String?
  ) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
      guard count < limit else { return result + "…" }
      count += 1
      if let replacement = special(scalar) {
        result += replacement
      } else if let replacement = escape(scalar) {
        result += replacement
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    case " "..."~": nil
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
        "\\u{\(String(scalar.value, radix: 16))}"
      default: nil
      }
    }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
      UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "*"), UInt8(ascii: "@"), UInt8(ascii: "+"):
      true
    default: false
    }
  }
}
