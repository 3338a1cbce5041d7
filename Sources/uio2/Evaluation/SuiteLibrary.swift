import Files
import Foundation
import PolicyEvaluation
import RobotPolicy

/// The suites of the repository, and suite files that the user names.
enum SuiteLibrary {
  private static let folder = "Envs/suites"

  /// A suite by its name, or from a file.
  ///
  /// - Throws: ``CommandFailure`` that lists the known suites, ``FileError``, or ``RolloutError`` with the line at fault.
  static func suite(_ name: String) throws -> Suite {
    if name.hasSuffix(".yaml") || name.hasSuffix(".yml") || name.contains("/") { return try read(name) }
    guard let file = files().first(where: { $0.deletingPathExtension().lastPathComponent == name }) else {
      throw CommandFailure(.usage, "\(name): no such suite; there are \(names().joined(separator: ", "))")
    }
    return try read(file.path)
  }

  /// All suites of the repository.
  static func all() throws -> [Suite] { try files().map { try read($0.path) } }

  private static func names() -> [String] { files().map { $0.deletingPathExtension().lastPathComponent } }

  private static func files() -> [URL] {
    guard let folder = Locations.packageRoot?.appending(path: Self.folder) else { return [] }
    let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    return files.filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }
  }

  private static func read(_ path: String) throws -> Suite {
    let bytes = try InputFile.bytes(of: path)
    var digest = FileDigest()
    bytes.withUnsafeBytes { digest.update($0) }
    let suite = try Suite(yaml: bytes, file: path, digest: digest.hex())
    let name = URL(filePath: path).deletingPathExtension().lastPathComponent
    guard suite.name == name else {
      throw RolloutError(.invalidPlan, path, "name: expected the file's name \(name), found \(suite.name)")
    }
    return suite
  }
}
