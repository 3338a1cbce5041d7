import Files
import Foundation

/// Writes the weights of a model as ``Checkpoint`` reads them: one `model.safetensors`, or shards with an index.
///
/// All files appear under their names when ``finish()`` is called; a writer that is let go before leaves nothing behind.
public final class CheckpointWriter {
  /// In the order in which the tensors' bytes are expected.
  public let tensors: [TensorDescription]
  /// File names, in order.
  public let fileNames: [String]
  private let directory: URL
  private let shards: [[TensorDescription]]
  private let metadata: [String: String]
  private var writers: [SafetensorsWriter] = []
  private let shardOfTensor: [String: Int]

  /// Plans the shards; nothing is written yet.
  ///
  /// - Parameters:
  ///   - directory: an existing folder.
  ///   - tensors: neighbours come into the same shard where it has room.
  ///   - shardSize: bytes of tensors in one file; a larger tensor gets a file of its own.
  /// - Throws: ``TensorError`` `.unwritableFile` when the folder holds weights already, `.surplusTensor` for a name that occurs twice.
  public init(
    directory: URL, tensors: [TensorDescription], shardSize: Int = 5_000_000_000,
    metadata: [String: String] = ["format": "pt"]
  ) throws(TensorError) {
    var shards: [[TensorDescription]] = []
    var size = 0
    for tensor in tensors {
      if shards.isEmpty || (size > 0 && tensor.byteCount > 0 && size + tensor.byteCount > shardSize) {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1].append(tensor)
      size += tensor.byteCount
    }
    if shards.isEmpty { shards = [[]] }
    self.shards = shards.map(SafetensorsWriter.ordered)
    self.tensors = self.shards.flatMap(\.self)
    self.directory = directory
    self.metadata = metadata
    let count = shards.count
    fileNames =
      count == 1
      ? [Self.single] : (1...count).map { "model-\(Self.padded($0))-of-\(Self.padded(count)).safetensors" }
    var owners: [String: Int] = [:]
    for (shard, members) in self.shards.enumerated() {
      for tensor in members where owners.updateValue(shard, forKey: tensor.name) != nil {
        throw TensorError(.surplusTensor, tensor.name, "would be written twice")
      }
    }
    shardOfTensor = owners
    try Self.refuseWeights(in: directory)
  }

  /// Refuses a folder that holds weights, and one in which no file can be made; of a missing one, the nearest above it counts.
  ///
  /// Nothing is changed, so it may be asked before the work begins.
  ///
  /// - Throws: ``TensorError`` `.unwritableFile`.
  public static func check(_ directory: URL) throws(TensorError) {
    try refuseWeights(in: directory)
    try TensorError.ofFile { () throws(FileError) in _ = try OutputTarget(directory.appending(path: single).path) }
  }

  private static func refuseWeights(in directory: URL) throws(TensorError) {
    for name in [single, index] where FileManager.default.fileExists(atPath: directory.appending(path: name).path) {
      throw TensorError(
        .unwritableFile, directory.appending(path: name).path,
        "exists already; choose another folder or remove the weights in it")
    }
  }

  private static let single = "model.safetensors"
  private static let index = "model.safetensors.index.json"

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// Appends bytes of the tensor `name`; tensors come in the order of ``tensors``, each in pieces of any size.
  ///
  /// - Throws: ``TensorError``, as ``SafetensorsWriter`` does.
  public func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(TensorError) {
    guard let shard = shardOfTensor[name] else {
      throw TensorError(.surplusTensor, name, "was not announced to the writer")
    }
    while writers.count <= shard { try openNext() }
    guard writers.count == shard + 1, let writer = writers.last else {
      throw TensorError(.invalidOffsets, name, "belongs to a shard that is complete")
    }
    try writer.append(bytes, to: name)
  }

  private func openNext() throws(TensorError) {
    try writers.last?.close()
    let shard = writers.count
    writers.append(
      try SafetensorsWriter(
        path: directory.appending(path: fileNames[shard]).path, tensors: shards[shard], metadata: metadata))
  }

  /// Gives all files their names, the index last.
  ///
  /// - Throws: ``TensorError`` `.missingTensor` naming a tensor whose bytes are missing; `.unwritableFile`.
  public func finish() throws(TensorError) {
    while writers.count < shards.count { try openNext() }
    try writers.last?.close()
    for writer in writers { try writer.finish() }
    guard shards.count > 1 else { return }
    struct Index: Encodable {
      var metadata: [String: Int]
      var weight_map: [String: String]
    }
    let index = Index(
      metadata: ["total_size": tensors.reduce(0) { $0 + $1.byteCount }],
      weight_map: shardOfTensor.mapValues { fileNames[$0] })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let url = directory.appending(path: Self.index)
    guard let bytes = try? encoder.encode(index) else {
      throw TensorError(.unwritableFile, url.path, "the index has no form in JSON")
    }
    try TensorError.ofFile { () throws(FileError) in try OutputTarget(url.path).write(Array(bytes)) }
  }
}
