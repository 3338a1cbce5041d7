import Foundation
import Tensors
import UnifiedIO
import Reporting

/// A checkpoint's configuration and weights in figures; property names are the keys of `uio2 inspect --json`.
struct ModelInspection: Encodable {
  struct Part: Encodable {
    var name: String
    var tensors: Int
    var parameters: Int
    var bytes: Int
  }

  struct Stack: Encodable {
    var layers: Int
    var width: Int
    var heads: Int
    var head_dimension: Int
    var mlp: Int
  }

  var folder: String
  var input_modalities: [String]
  var target_modalities: [String]
  var vocabulary: Int
  var encoder: Stack
  var decoder: Stack
  var image_encoder: Stack?
  var image_pixels: [Int]
  var history_frames: Int
  var parameters: Int
  var parts: [Part]
  /// Tensors by element type.
  var element_types: [String: Int]
  /// Bytes by file name.
  var files: [String: Int]
  /// Tensors of the configuration that the files lack; the codecs may be left out.
  var missing: [String]
  /// Bytes that the weights take in memory: as they are in large models, widened to f32 in small ones.
  var weight_memory_bytes: Int
  /// Bytes of one example's key-value caches at full length, text and image in, text out.
  var cache_memory_bytes: Int

  /// Reads `config.json` and all weights of a folder.
  ///
  /// - Throws: ``ModelError``, ``TensorError``; `.nonFinite` for a weight that is NaN or infinite.
  init(_ directory: URL) throws {
    try self.init(
      ConfigurationDocument(contentsOf: directory.appending(path: "config.json")), Checkpoint(directory: directory))
  }

  /// Looks at weights that are open; throws as ``init(_:)``.
  init(_ document: ConfigurationDocument, _ checkpoint: Checkpoint) throws {
    try checkpoint.checkFinite()
    try checkpoint.checkUnchanged()
    let configuration = document.configuration, transformer = configuration.transformer
    folder = checkpoint.directory.path
    input_modalities = configuration.inputModalities.map(\.rawValue)
    target_modalities = configuration.targetModalities.map(\.rawValue)
    vocabulary = transformer.vocabularySize
    encoder = Stack(
      layers: transformer.encoderLayers, width: transformer.embeddingSize, heads: transformer.heads,
      head_dimension: transformer.headDimension, mlp: transformer.mlpSize)
    decoder = encoder
    decoder.layers = transformer.decoderLayers
    let reads = Set(configuration.inputModalities)
    let seesImages = !reads.isDisjoint(with: [.image, .imageHistory])
    image_encoder = (seesImages ? configuration.imageVision : nil).map {
      Stack(
        layers: $0.layers, width: $0.embeddingSize, heads: $0.heads, head_dimension: $0.headDimension, mlp: $0.mlpSize)
    }
    image_pixels = [transformer.imageSize.height, transformer.imageSize.width]
    history_frames = reads.contains(.imageHistory) ? configuration.sequenceLength.frames : 0

    var parts: [String: Part] = [:]
    var types: [String: Int] = [:]
    let items = try document.inventory().items
    // Of a matrix in 8 bits the file says only how many numbers its tiles hold.
    let counts = Dictionary(items.map { ($0.name + Checkpoint.packedSuffix, $0.count) }) { first, _ in first }
    for name in checkpoint.names {
      guard let entry = checkpoint.entry(name) else { continue }
      let part = Self.part(of: name), isScale = checkpoint.isScale(name)
      parts[part, default: Part(name: part, tensors: 0, parameters: 0, bytes: 0)]
        .add(entry, parameters: isScale ? 0 : counts[name] ?? entry.count)
      types[entry.type.rawValue, default: 0] += 1
    }
    missing = items.filter { $0.part != .codec }.map(\.name).filter { !checkpoint.holds($0) }
    self.parts = parts.values.sorted { $0.name < $1.name }
    parameters = parts.values.reduce(0) { $0 + $1.parameters }
    element_types = types
    files = Self.sizes(of: checkpoint.files)
    weight_memory_bytes = checkpoint.memorySize()
    let tokens = transformer.maximumInputText + (reads.contains(.image) ? transformer.maximumInputImage : 0)
    cache_memory_bytes = configuration.cacheBytes(
      sequences: 1, tokens: transformer.maximumTargetText, examples: 1, encoded: tokens)
  }

  /// `encoder`, `decoder`, but `input_embedders.image`: embedders are many and differ.
  private static func part(of tensor: String) -> String {
    let words = tensor.split(separator: ".")
    let count = words.first?.hasSuffix("_embedders") == true ? 2 : 1
    return words.prefix(count).joined(separator: ".")
  }

  private static func sizes(of files: [SafetensorsFile]) -> [String: Int] {
    var result: [String: Int] = [:]
    for file in files { result[URL(filePath: file.path).lastPathComponent] = file.file.count }
    return result
  }
}

extension ModelInspection.Part {
  fileprivate mutating func add(_ entry: SafetensorsFile.Entry, parameters count: Int) {
    tensors += 1
    parameters &+= count
    bytes &+= entry.length
  }
}
