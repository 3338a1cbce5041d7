import Foundation
import Synchronization

/// The weights of a model: one safetensors file or several with an index, asked for by name and expected shape.
///
/// Keeps count of what was asked for, so that a tensor that nobody wanted is noticed (``checkNothingIsLeft(ignoring:)``).
public final class Checkpoint: Sendable {
  public let directory: URL
  public let files: [SafetensorsFile]
  private let fileOfTensor: [String: Int]
  private let used = Mutex<Set<String>>([])
  private let roundable = Mutex<[String: [Int]]>([:])

  /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists; tensors are read when they are asked for.
  ///
  /// - Throws: ``TensorError``; a shard of the index that is missing, or a tensor that two shards hold or none does, is named.
  public convenience init(directory: URL) throws(TensorError) {
    func path(_ name: String) -> String { directory.appending(path: name).path }
    guard let layout = CheckpointLayout(where: { FileManager.default.fileExists(atPath: path($0)) }) else {
      throw TensorError(
        .unreadableFile, directory.path,
        "holds neither \(CheckpointLayout.single) nor \(CheckpointLayout.index)")
    }
    let index = layout.index.map { path($0) }
    var map: CheckpointLayout.Map?
    if let index {
      map = try CheckpointLayout.map(
        try FileBytes(loading: index, maximumCount: CheckpointLayout.maximumIndexSize).bytes(), path: index)
    }
    var files: [FileBytes] = []
    for name in map?.files ?? [CheckpointLayout.single] { files.append(try FileBytes(path: path(name))) }
    try self.init(directory: directory, files: files, map: map)
  }

  /// Takes files that somebody else has opened or read.
  ///
  /// - Parameters:
  ///   - directory: that they come from.
  ///   - files: the one file, or the shards.
  ///   - map: of the index; `nil` for one file.
  /// - Throws: ``TensorError``, as ``init(directory:)``.
  public init(directory: URL, files bytes: [FileBytes], map: CheckpointLayout.Map?) throws(TensorError) {
    var files: [SafetensorsFile] = []
    for file in bytes { files.append(try SafetensorsFile(file)) }
    var owners: [String: Int] = [:]
    for (position, file) in files.enumerated() {
      for name in file.entries.keys {
        if let other = owners[name] {
          throw TensorError(.surplusTensor, name, "is in \(files[other].path) and in \(file.path)")
        }
        owners[name] = position
      }
    }
    for (name, shard) in map?.shards ?? [:] {
      guard let position = owners[name] else {
        throw TensorError(.missingTensor, name, "is listed in \(CheckpointLayout.index) but in no shard")
      }
      guard files[position].path.hasSuffix("/" + shard) else {
        throw TensorError(.missingTensor, name, "is listed for \(shard) but lies in \(files[position].path)")
      }
    }
    self.directory = directory
    self.files = files
    fileOfTensor = owners
  }

  public var names: [String] { fileOfTensor.keys.sorted() }

  public func contains(_ name: String) -> Bool { fileOfTensor[name] != nil }

  /// Type, shape and place of a tensor.
  public func entry(_ name: String) -> SafetensorsFile.Entry? {
    fileOfTensor[name].flatMap { files[$0].entries[name] }
  }

  /// The named tensor as 32-bit floats.
  ///
  /// - Throws: ``TensorError`` `.missingTensor` or `.shapeMismatch`, with the shape expected and found; `.nonFinite` with the
  ///   element at fault.
  public func tensor(_ name: String, shape: [Int]) throws(TensorError) -> Tensor {
    try file(of: name, shape: shape).tensor(name, .finite)
  }

  /// The named matrix for products and look-ups, kept as `options` say.
  ///
  /// - Parameter shape: `[rows, columns]`.
  /// - Throws: like ``tensor(_:shape:)``.
  public func matrix(_ name: String, shape: [Int], options: WeightOptions) throws(TensorError) -> WeightMatrix {
    precondition(shape.count == 2, "a matrix has two dimensions")
    if options.format == nil || options.format == .int8 { roundable.withLock { $0[name] = shape } }
    if let quantized = try quantizedMatrix(name, shape: shape, activations: options.activations ?? .int8) {
      return WeightMatrix(quantized).converted(to: options.format ?? .int8)
    }
    let file = try file(of: name, shape: shape)
    let format = options.format ?? .suited(to: self)
    if format != .f32, let halves = try file.brainFloats(name) {
      let matrix = WeightMatrix(halves, rows: shape[0], columns: shape[1])
      guard let wanted = options.format, wanted != .bf16 else { return matrix }
      return matrix.converted(to: wanted, options: options)
    }
    // Nobody asked for less than the file has.
    let matrix = WeightMatrix(try file.tensor(name, .finite))
    return options.format == nil ? matrix : matrix.converted(to: format, options: options)
  }

  /// The matrices, with their shapes, that were asked for so far and may be in 8 bits.
  public var roundableMatrices: [String: [Int]] { roundable.withLock { $0 } }

  /// What all weights take as 32-bit floats, in bytes.
  public var widenedSize: Int {
    // Each tensor lies inside a file, so four times its count stays far from the largest integer.
    files.reduce(0) { $0 &+ $1.entries.values.reduce(0) { $0 &+ $1.count &* ElementType.f32.size } }
  }

  /// The file that holds a tensor of this shape, which counts as used from now on.
  func file(of name: String, shape: [Int]) throws(TensorError) -> SafetensorsFile {
    guard let position = fileOfTensor[name], let entry = files[position].entries[name] else {
      throw TensorError(.missingTensor, name, "is not in the checkpoint; expected \(shape)")
    }
    guard entry.shape == shape else {
      throw TensorError(.shapeMismatch, name, "expected \(shape), found \(entry.shape)")
    }
    used.withLock { _ = $0.insert(name) }
    return files[position]
  }

  /// - Parameter ignoring: tells of a name whether it belongs to a part that was left out on purpose.
  /// - Throws: ``TensorError`` `.surplusTensor` naming the first tensor that nothing asked for.
  public func checkNothingIsLeft(ignoring: (String) -> Bool) throws(TensorError) {
    let used = used.withLock { $0 }
    let left = names.filter { !used.contains($0) && !ignoring($0) }
    guard let first = left.first else { return }
    throw TensorError(
      .surplusTensor, first,
      "is in the checkpoint but no part of the configured model (\(left.count) such tensors); does config.json belong to these weights?"
    )
  }
}
