import Foundation
import Tensors

/// The tensors of a file of torch.save, for whoever wants to look at one without importing it.
public struct TorchWeights {
  private let file: TorchFile
  /// Before the names in the file.
  private let prefix: String

  /// Reads the table of contents; no code of the file is run.
  ///
  /// - Throws: ``ImportError``, as ``CheckpointImport`` does.
  public init(_ url: URL) throws(ImportError) {
    let bytes: FileBytes
    do {
      bytes = try FileBytes(path: url.path)
    } catch {
      throw ImportError(error)
    }
    file = try TorchFile(bytes)
    prefix = NamePrefix.shared(by: file.tensors.keys)
  }

  /// All tensors, sorted.
  public var names: [String] { file.tensors.keys.map { String($0.dropFirst(prefix.count)) }.sorted() }

  /// Outermost dimension first; `nil`: there is no such tensor.
  public func shape(of name: String) -> [Int]? { file.tensors[prefix + name]?.shape }

  /// The elements of a tensor, row-major, as they are stored.
  ///
  /// - Throws: ``ImportError`` `.missingTensor`.
  public func bytes(of name: String) throws -> [UInt8] {
    guard file.tensors[prefix + name] != nil else {
      throw ImportError(.missingTensor, name, "is not in \(file.path)")
    }
    var bytes: [UInt8] = []
    try file.read(prefix + name) { bytes += $0 }
    return bytes
  }
}
