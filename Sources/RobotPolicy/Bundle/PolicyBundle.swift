public import Foundation
public import RobotInterface
public import Tensors
import UnifiedIO

/// A policy as it is shipped: a folder with `policy.json`, the model's configuration and weights, and the tokenizer.
///
/// All of its files are read once, into memory of this process. The digest is of these very bytes, and the policy is made of them, so
/// that nothing that happens to the files afterwards changes what a robot is told to do.
public struct PolicyBundle: Sendable {
  /// The bundle's folder.
  public let directory: URL
  /// The contents of `policy.json`.
  public let specification: PolicySpecification
  /// Hex SHA-256 of what `sha256sum` prints for the files that the policy's behaviour depends on: `policy.json`, the tokenizer, the
  /// model's `config.json` and weights, as paths relative to the bundle in the order of their bytes.
  public let digest: String
  /// The folder of the model.
  public let modelDirectory: URL
  /// The SentencePiece model file.
  public let tokenizerFile: URL
  /// ``modelDirectory`` relative to the bundle; empty where they are the same.
  let modelPath: String
  let policy: BundleFile
  let tokenizer: BundleFile
  let model: BundleModel

  /// Reads a bundle. Whether its weights are a model is seen when the policy is made.
  ///
  /// - Parameter directory: the bundle's folder.
  /// - Throws: ``PolicyError`` for a fault in `policy.json`, `.missingFile` or `.unreadableFile` naming the file, `.unsafePath` for a
  ///   path that leads out of the folder, through a symbolic link too.
  /// - Complexity: O(bytes of all files), in time and in memory.
  public static func load(from directory: URL) throws(PolicyError) -> PolicyBundle {
    let folder = BundleFolder(directory)
    let policy = try folder.load("policy.json", maximumBytes: largestSpecification)
    let specification = try PolicySpecification(json: policy.contents)
    let name = try folder.resolve(specification.model, key: "model")
    let tokenizer = try folder.load(
      folder.resolve(specification.tokenizer, key: "tokenizer"), maximumBytes: Tokenizer.maximumFileSize)
    let model = try folder.loadModel(in: name)
    return PolicyBundle(
      directory: directory, specification: specification, digest: FileDigest.of([policy, tokenizer] + model.files),
      modelDirectory: Self.folder(name, in: directory),
      tokenizerFile: directory.appendingPathComponent(tokenizer.path, isDirectory: false), modelPath: name,
      policy: policy, tokenizer: tokenizer, model: model)
  }

  /// The folder of the model of a bundle, of which only `policy.json` is read.
  ///
  /// - Throws: ``PolicyError``, as ``load(from:)``.
  public static func modelDirectory(of directory: URL) throws(PolicyError) -> URL {
    let folder = BundleFolder(directory)
    let specification = try PolicySpecification(
      json: folder.load("policy.json", maximumBytes: largestSpecification).contents)
    return Self.folder(try folder.resolve(specification.model, key: "model"), in: directory)
  }

  /// A folder of a bundle; an empty path is the bundle's own.
  static func folder(_ path: String, in directory: URL) -> URL {
    path.isEmpty ? directory : directory.appendingPathComponent(path, isDirectory: true)
  }

  /// Bytes of `policy.json`.
  private static let largestSpecification = 1 << 20

  /// The weights that ``digest`` is of.
  ///
  /// - Throws: ``TensorError`` when they are no checkpoint.
  public func checkpoint() throws(TensorError) -> Checkpoint {
    try Checkpoint(directory: modelDirectory, files: model.weights.map(\.bytes), map: model.map)
  }

  /// The text of the model's `config.json` that ``digest`` is of.
  public var configuration: Data { Data(model.configuration.contents) }

  /// What a daemon that runs this policy tells its robots.
  ///
  /// - Parameter serverVersion: the version of the daemon.
  /// - Returns: everything but ``Capabilities/Limits/maximumMessageBytes``, which is the daemon's own.
  public func capabilities(serverVersion: String) -> Capabilities {
    specification.capabilities(digest: digest, serverVersion: serverVersion)
  }
}
