import Foundation
import Tensors

/// The files that a path stands for.
struct WeightsSources {
  let files: [any WeightsSource]
  /// All tensors by the names that the model has for them, without what wrappers put before all of them.
  let tensors: [String: LocatedTensor]

  /// Opens what lies at a path.
  ///
  /// - Parameter url: a file, or a folder with `pytorch_model.bin` or `model.safetensors`, each in one piece or in shards with an index.
  /// - Throws: ``ImportError``; `.surplusTensor` for a name that two files have.
  init(at url: URL) throws(ImportError) {
    let files = try Self.open(url)
    var found: [String: LocatedTensor] = [:]
    for file in files {
      for (name, tensor) in file.contents {
        if let other = found.updateValue(LocatedTensor(source: file, name: name, tensor: tensor), forKey: name) {
          throw ImportError(.surplusTensor, name.asQuoted, "is in \(other.source.path) and in \(file.path)")
        }
      }
    }
    self.files = files
    let prefix = NamePrefix.shared(by: found.keys)
    tensors = Dictionary(uniqueKeysWithValues: found.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
  }

  /// - Throws: ``TensorError`` `.changedFile` when a file was written to since it was opened.
  func checkUnchanged() throws(TensorError) {
    for file in files { try file.checkUnchanged() }
  }

  private static func open(_ url: URL) throws(ImportError) -> [any WeightsSource] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw ImportError(.unreadableFile, url.path, "does not exist")
    }
    guard isFolder.boolValue else { return [try openFile(url)] }
    for name in ["pytorch_model.bin", CheckpointLayout.single] {
      let single = url.appending(path: name), index = url.appending(path: name + ".index.json")
      if FileManager.default.fileExists(atPath: single.path) { return [try openFile(single)] }
      if FileManager.default.fileExists(atPath: index.path) {
        var sources: [any WeightsSource] = []
        for shard in try shards(index) { sources.append(try openFile(url.appending(path: shard))) }
        return sources
      }
    }
    throw ImportError(
      .unreadableFile, url.path,
      "holds neither pytorch_model.bin nor model.safetensors, nor an index of shards; name the file itself")
  }

  /// The format is seen from the first bytes: files of a download cache have no extension.
  private static func openFile(_ url: URL) throws(ImportError) -> any WeightsSource {
    do {
      let file = try FileBytes(path: url.path)
      if url.pathExtension == "safetensors" || SafetensorsFile.matches(file) { return try SafetensorsFile(file) }
      return try TorchFile(file)
    } catch let error as ImportError {
      throw error
    } catch let error as TensorError {
      throw ImportError(error)
    } catch {
      throw ImportError(.unreadableFile, url.path, "\(error)")
    }
  }

  private static func shards(_ index: URL) throws(ImportError) -> [String] {
    do throws(TensorError) {
      let file = try FileBytes(loading: index.path, maximumCount: CheckpointLayout.maximumIndexSize)
      return try CheckpointLayout.map(try file.bytes(), path: index.path).files
    } catch {
      throw ImportError(error.code == .malformedHeader ? .unknownFormat : .unreadableFile, index.path, error.message)
    }
  }
}
