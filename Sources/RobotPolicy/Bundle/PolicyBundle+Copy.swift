public import Foundation

extension PolicyBundle {
  /// Where the model's folder of a copy of this bundle lies.
  public func modelDirectory(inCopy copy: URL) -> URL { Self.folder(modelPath, in: copy) }

  /// Copies what a bundle has beside its weights: `policy.json`, the tokenizer, `config.json`, and what lies with them, as a read-me or
  /// recorded observations. Hidden files, and weights of any kind in the model's folder, stay behind.
  ///
  /// - Parameter copy: the folder of the new bundle, which may hold weights already.
  /// - Returns: the paths of the files that were written, relative to the bundle, sorted.
  /// - Throws: ``PolicyError`` `.unwritableFile` naming the file.
  public func copyCompanions(to copy: URL) throws(PolicyError) -> [String] {
    // What the digest is of is what is copied.
    let read = Dictionary([policy, tokenizer, model.configuration].map { ($0.path, $0) }) { first, _ in first }
    let paths = try Set(companions(besides: copy)).union(read.keys).sorted()
    for path in paths {
      let target = copy.appendingPathComponent(path, isDirectory: false)
      do {
        try FileManager.default.createDirectory(
          at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        if let file = read[path] {
          try Data(file.contents).write(to: target, options: .atomic)
        } else {
          try Data(contentsOf: directory.appendingPathComponent(path)).write(to: target, options: .atomic)
        }
      } catch {
        throw PolicyError(.unwritableFile, path, "cannot be copied to \(target.path): \(error.localizedDescription)")
      }
    }
    return paths
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
