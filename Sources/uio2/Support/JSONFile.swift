import Foundation

/// JSON as the commands write it: keys sorted, indented for reading.
enum JSONFile {
  /// The value as text.
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // A relative error may be infinite or not a number; JSON has no word for that.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Writes the value to `path`, whole or not at all.
  static func write(_ value: some Encodable, to path: String) throws {
    let file = URL(filePath: path)
    do {
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data((text(value) + "\n").utf8).write(to: file, options: .atomic)
    } catch {
      throw CommandFailure(.failed, "\(path): cannot be written: \(error.localizedDescription)")
    }
  }
}
