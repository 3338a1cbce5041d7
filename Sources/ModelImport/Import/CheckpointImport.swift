import Foundation
import Tensors
import UnifiedIO

/// Turns weights as they are published into the form that the runtime reads: sharded safetensors and `config.json`.
///
/// Everything is checked when the value is made, before a byte is written: that the pickle asks for nothing but tensors, that every
/// tensor of the configuration is there with its shape, and that there is no other.
public struct CheckpointImport {
  /// The element type of the result.
  public enum Precision: String, Sendable, Hashable, CaseIterable {
    /// As the source has it.
    case keep
    /// bfloat16; vision transformers and codecs stay in 32 bits, as in the released bfloat16 checkpoints.
    case bf16
    /// 32 bits throughout.
    case f32
  }

  /// What is wanted of the source.
  public struct Options: Sendable {
    public var precision: Precision = .keep
    /// What the model shall read, text always included; `nil`: all that it can.
    public var inputs: [Configuration.InputModality]?
    /// What the model shall write; `nil`: all that it can.
    public var targets: [TargetModality]?
    /// Whether the tokenisers of image and audio targets are wanted.
    public var codecs = true
    /// `config.json`; `nil`: the one beside the source.
    public var configuration: URL?
    /// Bytes of one file.
    public var shardSize = 5_000_000_000

    public init() {}
  }

  /// The configuration that is written.
  public let document: ConfigurationDocument
  /// What is written, in the order of a forward pass.
  public let tensors: [TensorDescription]
  /// Tensors of the source that belong to what is not wanted.
  public let leftOut: [String]
  private let origins: [String: LocatedTensor]
  private let sources: WeightsSources
  private let options: Options
  private let folder: URL
  private let companions: CheckpointCompanions

  /// Bytes of all tensors that are written.
  public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// Reads and checks the source.
  ///
  /// - Parameter source: a file of torch.save or a safetensors file, or a folder with one (or with shards and an index).
  /// - Throws: ``ImportError`` naming the file, entry, opcode, global or tensor at fault.
  public init(_ source: URL, options: Options = Options()) throws(ImportError) {
    self.options = options
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: source.path, isDirectory: &isFolder)
    folder = isFolder.boolValue ? source : source.deletingLastPathComponent()
    companions = try CheckpointCompanions(["tokenizer.model"], in: folder)
    sources = try WeightsSources(at: source)
    let inventory: TensorInventory
    do throws(ModelError) {
      document = try Self.configuration(options, beside: folder).restricted(
        inputs: options.inputs, targets: options.targets)
      inventory = try document.inventory(withCodecs: options.codecs)
    } catch {
      throw ImportError(error)
    }
    let matches = try Self.match(inventory, sources.tensors, options)
    tensors = matches.tensors
    origins = matches.origins
    leftOut = matches.leftOut
  }

  private static func configuration(
    _ options: Options, beside folder: URL
  ) throws(ModelError) -> ConfigurationDocument {
    if let url = options.configuration { return try ConfigurationDocument(contentsOf: url) }
    let url = folder.appending(path: "config.json")
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw ModelError(.unreadableFile, url.path, "does not exist; name the model's config.json with --config")
    }
    return try ConfigurationDocument(contentsOf: url)
  }

  private typealias Matches = (
    tensors: [TensorDescription], leftOut: [String], origins: [String: LocatedTensor]
  )

  /// Finds each expected tensor and accounts for every other.
  private static func match(
    _ inventory: TensorInventory, _ contents: [String: LocatedTensor], _ options: Options
  ) throws(ImportError) -> Matches {
    var matches: Matches = ([], [], [:])
    var taken: Set<String> = []
    let missing = inventory.items.filter { name(of: $0, in: contents) == nil }
    if let first = missing.first {
      throw ImportError(
        .missingTensor, first.name,
        "is not in the source; expected \(first.shape). \(missing.count) of \(inventory.items.count) tensors are missing: "
          + hint(missing, contents))
    }
    for item in inventory.items {
      guard let name = name(of: item, in: contents), let found = contents[name] else { continue }
      guard found.tensor.shape == item.shape else {
        throw ImportError(
          .shapeMismatch, name, "expected \(item.shape), found \(found.tensor.shape) in \(found.source.path)")
      }
      guard let element = found.tensor.element else {
        throw ImportError(.unsupportedType, name, "holds \(found.tensor.typeName); f32, bf16 and f16 are read")
      }
      taken.insert(name)
      matches.tensors.append(
        TensorDescription(name: item.name, type: target(element, item.part, options.precision), shape: item.shape))
      matches.origins[item.name] = found
    }
    for name in contents.keys.sorted() where !taken.contains(name) {
      // A second copy under the other name of the same tensor, or a part that is not wanted.
      guard inventory.isLeftOut(name) || TensorInventory.alias(of: name).map(taken.contains) == true else {
        let others = contents.count - taken.count
        throw ImportError(
          .surplusTensor, name.asQuoted,
          "is in the source but in no part of the configured model (\(others) tensors are not used); does config.json belong to these weights?"
        )
      }
      matches.leftOut.append(name)
    }
    return matches
  }

  /// What probably is the reason why tensors are missing, and what to do.
  private static func hint(_ missing: [TensorInventory.Item], _ contents: [String: LocatedTensor]) -> String {
    if missing.allSatisfy({ $0.part == .codec }) { return "the source has no codecs, so leave them out (--no-codecs)" }
    if let first = missing.first, let wrapped = contents.keys.sorted().first(where: { $0.hasSuffix("." + first.name) })
    {
      return
        "it is there as \(wrapped.asQuoted); save the state_dict() of the model itself, not of what was wrapped around it"
    }
    return "does config.json belong to these weights?"
  }

  private static func name(of item: TensorInventory.Item, in contents: [String: LocatedTensor]) -> String? {
    if contents[item.name] != nil { return item.name }
    return TensorInventory.alias(of: item.name).flatMap { contents[$0] == nil ? nil : $0 }
  }

  private static func target(
    _ element: ElementType, _ part: TensorInventory.Part, _ precision: Precision
  ) -> ElementType {
    switch precision {
    case .keep: element
    case .f32: .f32
    case .bf16: part == .transformer || element == .bf16 ? .bf16 : .f32
    }
  }

  /// Writes the checkpoint, a piece of a tensor at a time.
  ///
  /// - Parameters:
  ///   - directory: is made where it does not exist; must not hold weights.
  ///   - progress: is told now and then; `false` ends the import.
  /// - Throws: ``ImportError`` `.unwritableFile`, `.noSpace`, `.interrupted`, `.nonFinite` for a weight that is not finite; no weights
  ///   appear in the folder then.
  public func write(to directory: URL, progress: (TransferProgress) -> Bool = { _ in true }) throws(ImportError) {
    let destination = try Destination(directory, bytes: byteCount)
    do {
      let writer = try CheckpointWriter(directory: directory, tensors: tensors, shardSize: options.shardSize)
      var report = TransferProgress(bytesWritten: 0, bytesTotal: byteCount, tensor: "")
      for tensor in writer.tensors {
        guard let origin = origins[tensor.name], let element = origin.tensor.element else { continue }
        report.tensor = tensor.name
        try origin.readFinite { piece in
          if element == tensor.type {
            try writer.append(piece, to: tensor.name)
          } else {
            let converted = ElementConversion.convert(piece, from: element, to: tensor.type)
            try converted.withUnsafeBytes {
              guard FiniteCheck.firstFault(in: $0, of: tensor.type) == nil else {
                throw ImportError(
                  .nonFinite, tensor.name,
                  "holds numbers that are too large for \(tensor.type.rawValue); keep \(element.rawValue)")
              }
              try writer.append($0, to: tensor.name)
            }
          }
          report.bytesWritten += piece.count / element.size * tensor.type.size
          guard progress(report) else {
            throw ImportError(.interrupted, directory.path, "was not finished; nothing of it is left")
          }
        }
      }
      try sources.checkUnchanged()
      try destination.write(document.json, "config.json")
      try companions.write(to: destination)
      try writer.finish()
    } catch let error as ImportError {
      throw error
    } catch let error as TensorError {
      throw ImportError(error)
    } catch {
      throw ImportError(.unreadableFile, folder.path, "\(error)")
    }
  }
}
