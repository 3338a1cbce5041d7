import Foundation

/// A program of this package, run as a user runs it.
public struct BuiltProgram: Sendable {
  /// Where it lies.
  public let location: URL

  /// The folder of `Package.swift`.
  public static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The program beside the test bundle: the same build, whatever its configuration.
  public init(_ name: String) throws {
    let starts = [Bundle.main.bundleURL, Bundle.main.executableURL, URL(filePath: CommandLine.arguments.first ?? "")]
    for var folder in starts.compactMap(\.self) {
      for _ in 0..<4 {
        let candidate = folder.appending(path: name)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), !isFolder.boolValue,
          FileManager.default.isExecutableFile(atPath: candidate.path)
        {
          location = candidate
          return
        }
        folder.deleteLastPathComponent()
      }
    }
    throw Missing(name: name)
  }

  /// No such program was built.
  public struct Missing: Error, CustomStringConvertible {
    var name: String

    public var description: String { "the program \(name) is not beside the test bundle; build the whole package" }
  }
}
