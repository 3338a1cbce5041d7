import Foundation

/// Files beside these tests; `Fixtures/make_fixtures.py` made them with the real torch.save.
enum Fixtures {
  static func url(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures").appending(path: name)
  }

  static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url(name))) }

  /// A new folder for one test.
  static func folder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "uio2-import-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  /// Bytes as a file for one test.
  static func write(_ bytes: [UInt8], named name: String = "weights.bin") throws -> URL {
    let url = try folder().appending(path: name)
    try Data(bytes).write(to: url)
    return url
  }
}
