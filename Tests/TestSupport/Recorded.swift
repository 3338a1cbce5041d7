import Foundation

/// What `scripts/wires/record.py` wrote for a suite: bytes of real clients, and what they mean.
public enum Recorded {
  /// Reads `Tests/SUITE/Fixtures/recorded.json`.
  public static func load<Contents: Decodable>(_ type: Contents.Type, of suite: String) throws -> Contents {
    let file = BuiltProgram.repository.appending(path: "Tests/\(suite)/Fixtures/recorded.json")
    return try JSONDecoder().decode(type, from: Data(contentsOf: file))
  }
}

/// Bytes written as hexadecimal digits.
public struct Hex: Decodable, Sendable {
  /// The bytes.
  public let bytes: [UInt8]

  /// Reads pairs of digits; blanks are left out.
  public init(_ text: String) throws {
    let digits = try text.filter { $0 != " " }.map { digit in
      guard let value = digit.hexDigitValue else { throw Malformed() }
      return UInt8(value)
    }
    guard digits.count % 2 == 0 else { throw Malformed() }
    bytes = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// A string of digits.
  public init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  /// Something else than pairs of digits.
  public struct Malformed: Error {
    /// Nothing to say.
    public init() {}
  }
}
