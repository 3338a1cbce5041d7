import Files
public import Foundation

extension PolicyBundle {
  /// Where the model's folder of a copy of this bundle lies.
  public func modelDirectory(inCopy copy: URL) -> URL { Self.folder(modelPath, in: copy) }

  /// Copies what a bundle has beside its weights: `policy.json`, the tokenizer, `config.json`, and what lies with them, as a read-me or
  /// recorded observations. Hidden files, and weights of any kind in the model's folder, stay behind.
  ///
  /// - Parameter copy: the folder of the new bundle, which may hold weights already, but none of these files.
  /// - Returns: the paths of the files that were written, relative to the bundle, sorted.
  /// - Throws: ``PolicyError`` `.unwritableFile` or `.unreadableFile` naming the file.
  public func copyCompanions(to copy: URL) throws(PolicyError) -> [String] {
    // What the digest is of is what is copied.
    let read = known
    let paths = try companions(to: copy)
    for path in paths {
      let target = copy.appendingPathComponent(path, isDirectory: false)
      if let known = read[path], Self.holds(target, known.contents) { continue }
      do throws(FileError) {
        try OutputFolder.make(target.deletingLastPathComponent().path)
        let file = try OutputFile(path: target.path, existing: .refuse)
        if let known = read[path] {
          try file.write(known.contents)
        } else {
          try file.write(contentsOf: directory.appendingPathComponent(path).path)
        }
        try file.publish()
      } catch {
        throw PolicyError(copying: error)
      }
    }
    return paths
  }

  /// Refuses a folder that ``copyCompanions(to:)`` could not write into, because a file is there already or none can be made. Nothing is
  /// changed.
  ///
  /// - Throws: ``PolicyError`` `.unwritableFile` naming the file.
  public func checkCompanions(to copy: URL) throws(PolicyError) {
    for path in try companions(to: copy) {
      let target = copy.appendingPathComponent(path, isDirectory: false).path
      guard !FileManager.default.fileExists(atPath: target) else {
        throw PolicyError(.unwritableFile, target, "exists already; choose another folder or remove it")
      }
      do throws(FileError) { _ = try OutputTarget(target) } catch { throw PolicyError(copying: error) }
    }
  }

  /// Whether the file is there already: whoever writes the weights of a copy may have written what goes with them too.
  private static func holds(_ file: URL, _ bytes: [UInt8]) -> Bool {
    (try? InputFile.bytes(of: file.path)) == bytes
  }

  /// Files whose bytes are in memory.
  private var known: [String: BundleFile] {
    Dictionary([policy, tokenizer, model.configuration].map { ($0.path, $0) }) { first, _ in first }
  }

  /// The paths of all that is copied, sorted.
  private func companions(to copy: URL) throws(PolicyError) -> [String] {
    try Set(companions(besides: copy)).union(known.keys).sorted()
  }

  /// Regular files of the bundle that are neither hidden nor weights.
  private func companions(besides copy: URL) throws(PolicyError) -> [String] {
    let root = directory.resolvingSymlinksInPath().standardizedFileURL.path
    let excluded = copy.resolvingSymlinksInPath().standardizedFileURL.path
    guard
      let files = FileManager.default.enumerator(
        at: URL(filePath: root), includingPropertiesForKeys: [.isRegularFileKey], options: [.skipsHiddenFiles])
    else { throw PolicyError(.unreadableFile, root, "cannot be listed") }
    var paths: [String] = []
    for case let file as URL in files {
      let path = file.standardizedFileURL.path
      guard path.hasPrefix(root + "/"), path != excluded, !path.hasPrefix(excluded + "/"),
        (try? file.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true
      else { continue }
      let relative = String(path.dropFirst(root.count + 1))
      if !isWeights(relative) { paths.append(relative) }
    }
    return paths
  }

  private func isWeights(_ path: String) -> Bool {
    let folder = (path as NSString).deletingLastPathComponent
    let kinds = [".safetensors", ".index.json", ".bin", ".pt", ".pth", ".partial"]
    return folder == modelPath && kinds.contains { path.hasSuffix($0) }
  }
}

extension PolicyError {
  fileprivate init(copying error: FileError) {
    self.init(error.code == .unwritable ? .unwritableFile : .unreadableFile, error.path, error.message)
  }
}
