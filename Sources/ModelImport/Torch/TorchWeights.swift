import Foundation
import Tensors

/// The tensors of a file of torch.save, for whoever wants to look at one without importing it.
public struct TorchWeights {
  private let file: TorchFile

  /// Reads the table of contents; no code of the file is run.
  ///
  /// - Throws: ``ImportError``, as ``CheckpointImport`` does.
  public init(_ url: URL) throws(ImportError) {
    let mapped: MemoryMappedFile
    do {
      mapped = try MemoryMappedFile(path: url.path)
    } catch {
      throw ImportError(error)
    }
    file = try TorchFile(mapped)
  }

  /// All tensors, sorted.
  public var names: [String] { file.tensors.keys.sorted() }

  /// Outermost dimension first; `nil`: there is no such tensor.
  public func shape(of name: String) -> [Int]? { file.tensors[name]?.shape }

  /// The elements of a tensor, row-major, as they are stored.
  ///
  /// - Throws: ``ImportError`` `.missingTensor`.
  public func bytes(of name: String) throws -> [UInt8] {
    guard file.tensors[name] != nil else {
      throw ImportError(.missingTensor, name, "is not in \(file.path)")
    }
    var bytes: [UInt8] = []
    try file.read(name) { bytes += $0 }
    return bytes
  }
}
