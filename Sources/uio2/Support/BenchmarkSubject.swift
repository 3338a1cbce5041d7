import ArgumentParser
import Foundation
import ModelBenchmark
import ModelImport
import RobotPolicy
import Tensors
import UnifiedIO

/// What `uio2 bench` measures: a random checkpoint of a released size, a model's folder, or a policy's.
struct BenchmarkSubject {
  /// Of config.json and the weights.
  let folder: URL
  /// The policy's folder, when it is one.
  let policy: URL?

  /// Finds the folder, or writes the random checkpoint.
  init(_ size: String, compute: ComputeOptions, cache: String?) throws {
    guard let size = ReleasedSize(rawValue: size) else {
      if FileManager.default.fileExists(atPath: size + "/config.json"),
        !FileManager.default.fileExists(atPath: size + "/policy.json")
      {
        (folder, policy) = (URL(filePath: size), nil)
        return
      }
      let policy = try Self.policy(size)
      folder = try PolicyBundle.modelDirectory(of: policy)
      self.policy = policy
      return
    }
    policy = nil
    let cache = cache.map { URL(filePath: $0) } ?? Self.standardCache
    let original = cache.appending(path: "random-\(size.rawValue)-bf16")
    if !Self.isWritten(original) {
      let checkpoint = try SyntheticCheckpoint(try size.configuration(), precision: .bf16)
      try Transfer.run(verb: "writing") { progress in
        try checkpoint.write(to: original, progress: progress)
      }
    }
    guard compute.weights == .int8 else {
      folder = original
      return
    }
    folder = cache.appending(path: "random-\(size.rawValue)-int8")
    guard !Self.isWritten(folder) else { return }
    let quantization = try CheckpointQuantization(original)
    let folder = folder
    try Transfer.run(verb: "quantizing") { progress in
      try quantization.write(to: folder, progress: progress)
    }
  }

  /// The folder of a policy; what is neither that nor one of the names is a slip of the pen.
  private static func policy(_ size: String) throws -> URL {
    do { return try Locations.policy(size) } catch {
      let names = (ReleasedSize.allCases.map(\.rawValue) + ["daemon"]).joined(separator: ", ")
      throw ValidationError(
        "--size: expected \(names) or the folder of a policy or a model; there is no folder \(size)")
    }
  }

  private static func isWritten(_ folder: URL) -> Bool {
    ["model.safetensors", "model.safetensors.index.json"].contains {
      FileManager.default.fileExists(atPath: folder.appending(path: $0).path)
    }
  }

  /// `$XDG_CACHE_HOME/uio2`, or `~/.cache/uio2`.
  private static var standardCache: URL {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CACHE_HOME"].map { URL(filePath: $0) }
      ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache")
    return base.appending(path: "uio2")
  }

  /// A vocabulary to turn ids into text with: the model's own, else the shipped policy's.
  func tokenizer() throws -> Tokenizer {
    let own = folder.appending(path: "tokenizer.model")
    if FileManager.default.fileExists(atPath: own.path) { return try Tokenizer(modelFile: own) }
    return try Tokenizer(modelFile: try Locations.policy(Locations.shippedPolicy).appending(path: "tokenizer.model"))
  }

  /// Bytes of all weights where matrices are kept in `format`.
  func weightBytes(as format: WeightFormat) throws -> Int {
    let checkpoint = try Checkpoint(directory: folder)
    return checkpoint.files.reduce(0) { sum, file in
      file.entries.values.reduce(sum) { sum, entry in
        let isMatrix = entry.shape.count == 2 && entry.type != .u8
        let size =
          switch format {
          case _ where !isMatrix: entry.type.size
          case .f32: 4
          case .bf16: entry.type == .f32 ? 4 : 2
          case .int8: 1
          }
        return sum + entry.count * size
      }
    }
  }

  /// What models are compared on: a policy's recorded observations; for others, noise.
  func recordedInputs() throws -> (inputs: [ModelInput], constraint: (any TokenConstraint)?, maximumTokens: Int) {
    if let policy {
      let bundle = try PolicyBundle.load(from: policy)
      let brain = try UnifiedIOPolicy(bundle: bundle)
      let inputs = try RecordedObservations(of: bundle).observations.map { try brain.modelInput(for: $0) }
      return (inputs, brain.grammar, brain.grammar.maximumTokens)
    }
    let configuration = try Configuration(contentsOf: folder.appending(path: "config.json"))
    let transformer = configuration.transformer, side = transformer.imagePatchSize
    let readsImages = configuration.inputModalities.contains(.image)
    let inputs = (0..<8).map { example in
      var input = ModelInput(text: (0..<31).map { Int32(50 + ($0 * 7 + example * 13) % 200) } + [Tokenizer.eos])
      if readsImages {
        let patches = min(64, transformer.maximumInputImage), length = side * side * 3
        input.image = PatchInput(
          patches: (0..<patches * length).map { Float(($0 &* 31 &+ example &* 97) % 251) / 125 - 1 },
          mask: [Bool](repeating: true, count: patches), positions: Array(0..<patches))
      }
      return input
    }
    return (inputs, nil, 24)
  }
}
