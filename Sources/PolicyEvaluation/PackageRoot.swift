import Foundation

/// Finds the folder that this package was built in, where the shipped policies and the simulators' Python live.
public enum PackageRoot {
  /// The nearest folder at or above one of `starts` with a `Package.swift` in it; the first start that has one wins.
  public static func find(from starts: [URL]) -> URL? {
    for start in starts {
      var folder = start.standardizedFileURL.resolvingSymlinksInPath()
      // A path has fewer parts at each turn; the bound also ends it where a file system is odd about its root.
      for _ in 0..<64 {
        if FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path) { return folder }
        let parent = folder.deletingLastPathComponent().standardizedFileURL
        if parent.path == folder.path || parent.path.isEmpty { break }
        folder = parent
      }
    }
    return nil
  }

  /// `path` as given, else below the package's root, else `nil` when neither is a folder.
  public static func folder(_ path: String, root: URL?) -> URL? {
    let candidates = [URL(filePath: path)] + (root.map { [$0.appending(path: path)] } ?? [])
    return candidates.first { candidate in
      var isDirectory: ObjCBool = false
      return FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isDirectory) && isDirectory.boolValue
    }
  }
}
