import Foundation
import Tensors
import UnifiedIO

/// Writes a checkpoint with its matrices in 8 bits, as the runtime computes with them: nothing is left to convert when it is loaded.
///
/// Embeddings become bfloat16; vectors, convolutions and the tokenisers of pictures and sound stay as they are.
public struct CheckpointQuantization {
  /// What is written.
  public let tensors: [TensorDescription]
  private let companions: CheckpointCompanions
  private let checkpoint: Checkpoint
  private let matrices: [String: [Int]]
  private let options: WeightOptions

  /// Finds out which tensors become 8-bit matrices by building the model, which also checks that the checkpoint is whole.
  ///
  /// - Parameters:
  ///   - folder: holds `config.json` and weights in 32 or 16 bits.
  ///   - block: inputs that share a scale, as in ``WeightOptions/block``.
  /// - Throws: ``ImportError``; `.unsupportedType` when the weights are in 8 bits already.
  public init(_ folder: URL, block: Int? = nil) throws(ImportError) {
    options = WeightOptions(format: .int8, block: block)
    do {
      companions = try CheckpointCompanions(["config.json", "tokenizer.model"], in: folder)
      checkpoint = try Checkpoint(directory: folder)
      guard !checkpoint.isQuantized else {
        throw ImportError(.unsupportedType, folder.path, "holds 8-bit weights already; quantize the original")
      }
      let configuration = try Configuration(contentsOf: folder.appending(path: "config.json"))
      _ = try UnifiedIOModel(
        configuration: configuration, checkpoint: checkpoint, weights: WeightOptions(format: .int8, block: block))
    } catch let error as TensorError {
      throw ImportError(error)
    } catch let error as ModelError {
      throw ImportError(error)
    } catch let error as ImportError {
      throw error
    } catch {
      throw ImportError(.unreadableFile, folder.path, "\(error)")
    }
    matrices = checkpoint.roundableMatrices.filter { !$0.value.contains(0) }
    var tensors: [TensorDescription] = []
    for name in checkpoint.names {
      guard let entry = checkpoint.entry(name) else { continue }
      if let shape = matrices[name] {
        let stored = WeightMatrix.storedShapes(rows: shape[0], columns: shape[1], options: options)
        tensors.append(TensorDescription(name: name + Checkpoint.packedSuffix, type: .u8, shape: stored.packed))
        tensors.append(TensorDescription(name: name + Checkpoint.scalesSuffix, type: .f32, shape: stored.scales))
      } else {
        tensors.append(TensorDescription(name: name, type: entry.type, shape: entry.shape))
      }
    }
    self.tensors = tensors
  }

  /// Bytes of all tensors.
  public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// Writes the checkpoint, a matrix at a time.
  ///
  /// - Parameters:
  ///   - directory: is made where it does not exist; must not hold weights.
  ///   - progress: is told now and then; `false` ends the work.
  /// - Throws: ``ImportError`` `.unwritableFile`, `.noSpace`, `.interrupted`; no weights appear in the folder then.
  public func write(to directory: URL, progress: (TransferProgress) -> Bool = { _ in true }) throws(ImportError) {
    let destination = try Destination(directory, bytes: byteCount)
    do {
      let writer = try CheckpointWriter(directory: directory, tensors: tensors)
      var report = TransferProgress(bytesWritten: 0, bytesTotal: byteCount, tensor: "")
      for tensor in writer.tensors {
        report.tensor = tensor.name
        try append(tensor, to: writer)
        report.bytesWritten += tensor.byteCount
        guard progress(report) else {
          throw ImportError(.interrupted, directory.path, "was not finished; nothing of it is left")
        }
      }
      try checkpoint.checkUnchanged()
      try companions.write(to: destination)
      try writer.finish()
    } catch let error as ImportError {
      throw error
    } catch let error as TensorError {
      throw ImportError(error)
    } catch {
      throw ImportError(.unwritableFile, directory.path, "\(error)")
    }
  }

  private func append(_ tensor: TensorDescription, to writer: CheckpointWriter) throws {
    for (suffix, isPacked) in [(Checkpoint.packedSuffix, true), (Checkpoint.scalesSuffix, false)] {
      guard tensor.name.hasSuffix(suffix) else { continue }
      let name = String(tensor.name.dropLast(suffix.count))
      guard let shape = matrices[name] else { continue }
      // Scales and weights have places far from each other in the file; rounding twice is quicker than keeping either.
      let quantized = try checkpoint.matrix(name, shape: shape, options: options)
      try quantized.withStoredBytes { packed, scales in
        try writer.append(isPacked ? packed : scales, to: tensor.name)
      }
      return
    }
    for file in checkpoint.files {
      guard let entry = file.entries[tensor.name] else { continue }
      try LocatedTensor(source: file, name: tensor.name, tensor: SourceTensor(entry)).readFinite {
        try writer.append($0, to: tensor.name)
      }
    }
  }
}
