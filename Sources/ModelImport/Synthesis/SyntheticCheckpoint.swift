import CKernels
import Foundation
import Tensors
import UnifiedIO

/// A checkpoint with random weights: the shapes and names of a released model, so that loading, memory and speed can be measured and
/// tested without one. What it says is nonsense.
///
/// Every element is a function of the seed, the tensor's name and its place alone: the same seed gives the same tensors whatever
/// modalities, shards or element types are chosen.
public struct SyntheticCheckpoint: Sendable {
  public let document: ConfigurationDocument
  public let tensors: [TensorDescription]
  public let seed: UInt64
  private let shardSize: Int

  /// Plans a checkpoint; nothing is written yet.
  ///
  /// - Parameters:
  ///   - precision: `bf16` keeps vision transformers and codecs in 32 bits, as the release does; the others mean 32 bits throughout.
  ///   - shardSize: bytes of one file.
  public init(
    _ document: ConfigurationDocument, precision: CheckpointImport.Precision = .bf16, seed: UInt64 = 0,
    codecs: Bool = true, shardSize: Int = 5_000_000_000
  ) throws(ImportError) {
    self.document = document
    self.seed = seed
    self.shardSize = shardSize
    do {
      tensors = try document.inventory(withCodecs: codecs).items.map {
        let isHalf = precision == .bf16 && $0.part == .transformer
        return TensorDescription(name: $0.name, type: isHalf ? .bf16 : .f32, shape: $0.shape)
      }
    } catch {
      throw ImportError(error)
    }
  }

  /// Bytes of all tensors.
  public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// Writes the checkpoint, a piece of a tensor at a time.
  ///
  /// - Parameter progress: is told now and then; `false` ends the work.
  /// - Throws: ``ImportError`` `.unwritableFile`, `.noSpace`, `.interrupted`; no weights appear in the folder then.
  public func write(to directory: URL, progress: (TransferProgress) -> Bool = { _ in true }) throws(ImportError) {
    let destination = try Destination(directory, bytes: byteCount)
    do {
      let writer = try CheckpointWriter(directory: directory, tensors: tensors, shardSize: shardSize)
      var report = TransferProgress(bytesWritten: 0, bytesTotal: byteCount, tensor: "")
      var piece = [Float](repeating: 0, count: elementsOfOnePiece)
      for tensor in writer.tensors {
        report.tensor = tensor.name
        let range = Self.range(of: tensor), key = Self.key(of: tensor.name, seed: seed)
        for start in stride(from: 0, to: tensor.count, by: piece.count) {
          let count = min(piece.count, tensor.count - start)
          uio2_uniform(&piece, count, key, UInt64(start), range.lowerBound, range.upperBound)
          try piece.withUnsafeBytes { bytes in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<(count * ElementType.f32.size)])
            if tensor.type == .f32 {
              try writer.append(bytes, to: tensor.name)
            } else {
              try ElementConversion.convert(bytes, from: .f32, to: tensor.type).withUnsafeBytes {
                try writer.append($0, to: tensor.name)
              }
            }
          }
          report.bytesWritten += count * tensor.type.size
          guard progress(report) else {
            throw ImportError(.interrupted, directory.path, "was not finished; nothing of it is left")
          }
        }
      }
      try destination.write(document.json, "config.json")
      try writer.finish()
    } catch let error as ImportError {
      throw error
    } catch let error as TensorError {
      throw ImportError(error)
    } catch {
      throw ImportError(.unwritableFile, directory.path, "\(error)")
    }
  }

  /// A seed for each tensor: FNV-1a of its name.
  private static func key(of name: String, seed: UInt64) -> UInt64 {
    name.utf8.reduce(0xcbf2_9ce4_8422_2325 ^ (seed &* 0x9e37_79b9_7f4a_7c15)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// Values that keep activations near 1 through all layers: norms multiply by about 1, biases add little, matrices have
  /// 1/√inputs for their deviation.
  private static func range(of tensor: TensorDescription) -> Range<Float> {
    let name = tensor.name
    if name.hasSuffix("logit_scale") { return 2.2..<2.4 }
    if name.hasSuffix(".scale") || (name.hasSuffix(".weight") && tensor.shape.count == 1) { return 0.9..<1.1 }
    if tensor.shape.count < 2 || name.hasSuffix("positional_embedding") { return -0.05..<0.05 }
    let isTable =
      name.contains("token_embedder") || name.hasSuffix("quantize.embedding.weight") || name.hasSuffix("latents")
    let inputs = isTable ? 1 : tensor.shape.dropFirst().reduce(1, *)
    // Uniform in ±√3 has deviation 1.
    let bound = (3 / Float(inputs)).squareRoot()
    return -bound..<bound
  }
}
