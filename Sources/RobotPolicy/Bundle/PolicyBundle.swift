public import Foundation
public import RobotInterface

/// A policy as it is shipped: a folder with `policy.json`, the model's configuration and weights, and the tokenizer.
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

  /// Loads a bundle and checks that all of its files are there; weights are read for the digest, but not kept.
  ///
  /// - Parameter directory: the bundle's folder.
  /// - Throws: ``PolicyError`` for a fault in `policy.json`, `.missingFile` or `.unreadableFile` naming the file, `.unsafePath` for a
  ///   path that leads out of the folder, through a symbolic link too.
  /// - Complexity: O(bytes of all files).
  public static func load(from directory: URL) throws(PolicyError) -> PolicyBundle {
    let folder = BundleFolder(directory)
    let specification = try PolicySpecification(json: folder.contents(of: "policy.json", maximumBytes: 1 << 20))
    let tokenizer = try folder.resolve(specification.tokenizer, key: "tokenizer")
    let model = try folder.resolve(specification.model, key: "model")
    var files: Set<String> = ["policy.json", tokenizer]
    for file in try folder.modelFiles(in: model) { files.insert(file) }
    return PolicyBundle(
      directory: directory, specification: specification, digest: try folder.digest(of: Array(files)),
      modelDirectory: model.isEmpty ? directory : directory.appendingPathComponent(model, isDirectory: true),
      tokenizerFile: directory.appendingPathComponent(tokenizer, isDirectory: false))
  }

  /// What a daemon that runs this policy tells its robots.
  ///
  /// - Parameter serverVersion: the version of the daemon.
  /// - Returns: everything but ``Capabilities/Limits/maximumMessageBytes``, which is the daemon's own.
  public func capabilities(serverVersion: String) -> Capabilities {
    specification.capabilities(digest: digest, serverVersion: serverVersion)
  }
}
