import Files
import Foundation

/// JSON as the commands write it: keys sorted, indented for reading.
enum JSONFile {
  /// The value as text.
  static func text(_ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = keys
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // A relative error may be infinite or not a number; JSON has no word for that.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Writes the value to `target`, where there is one.
  static func write(
    _ value: some Encodable, to target: OutputTarget?, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys
  ) throws {
    try target?.write(Array((text(value, keys: keys) + "\n").utf8))
  }
}
