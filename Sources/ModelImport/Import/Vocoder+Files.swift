import Foundation
import Tensors
import UnifiedIO

extension Vocoder {
  /// Reads a vocoder as people have it: a file of torch.save (`g_00930000`, no code of it is run) or safetensors with `config.json`
  /// beside it, or the folder of both.
  ///
  /// In a folder `model.safetensors` or `pytorch_model.bin` is taken, else the last of the files that begin with `g_`, which is what
  /// HiFi-GAN's training calls them.
  ///
  /// - Throws: ``ImportError`` that names the file, key or tensor at fault.
  public init(contentsOf url: URL) throws(ImportError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw ImportError(.unreadableFile, url.path, "does not exist")
    }
    let folder = isFolder.boolValue ? url : url.deletingLastPathComponent()
    do {
      let configuration = try VocoderConfiguration(contentsOf: folder.appending(path: "config.json"))
      var weights: [String: Tensor] = [:]
      let sources = try WeightsSources(at: Self.weights(at: url, isFolder: isFolder.boolValue))
      for (name, found) in sources.tensors { weights[name] = try found.floats() }
      try sources.checkUnchanged()
      try self.init(configuration, weights: weights)
    } catch let error as ImportError {
      throw error
    } catch let error as ModelError {
      throw ImportError(error)
    } catch let error as TensorError {
      throw ImportError(error)
    } catch {
      throw ImportError(.unreadableFile, url.path, "\(error)")
    }
  }

  /// The path that the weights lie at.
  private static func weights(at url: URL, isFolder: Bool) -> URL {
    guard isFolder else { return url }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    let isUsual = names.contains("model.safetensors") || names.contains("pytorch_model.bin")
    guard !isUsual, let last = names.filter({ $0.hasPrefix("g_") }).max() else { return url }
    return url.appending(path: last)
  }
}

extension LocatedTensor {
  /// All elements as 32-bit floats.
  ///
  /// - Throws: ``ImportError`` `.unsupportedType` for numbers that weights are not made of; ``TensorError`` `.nonFinite`.
  fileprivate func floats() throws -> Tensor {
    guard let element = tensor.element else {
      throw ImportError(.unsupportedType, name.asQuoted, "holds \(tensor.typeName); weights are f32, bf16 or f16")
    }
    var values: [Float] = []
    try readFinite { bytes in
      let floats = ElementConversion.convert(bytes, from: element, to: .f32)
      floats.withUnsafeBytes { values.append(contentsOf: $0.bindMemory(to: Float.self)) }
    }
    return Tensor(values, shape: tensor.shape)
  }
}
