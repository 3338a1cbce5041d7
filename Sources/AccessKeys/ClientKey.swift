public import RobotInterface

/// What a client needs to be let in: its own key pair, and the daemon's public key, by which it knows the daemon.
public struct ClientKey: Sendable {
  /// The client's own.
  public let pair: CurveKeyPair
  /// Of the daemon that is meant; no other can read what the client says.
  public let daemon: CurvePublicKey
  /// For wires without CURVE; `nil`: the file has none.
  public let token: String?

  /// - Parameter daemon: the daemon's public key.
  public init(pair: CurveKeyPair, daemon: CurvePublicKey, token: String? = nil) {
    self.pair = pair
    self.daemon = daemon
    self.token = token
  }

  /// Reads a private file.
  ///
  /// - Parameters:
  ///   - path: the client's `NAME.key_secret`.
  ///   - daemonPath: the daemon's public file; `nil`: the key that the private file names.
  /// - Throws: `.malformed` with the path when a file is none of a key, or no daemon is named; `.unsupported` when others may read the private file.
  public init(path: String, daemonPath: String? = nil) throws(RobotError) {
    try CurveKeyPair.requireCurve()
    let file = try KeyFile(reading: path, .secret)
    pair = try file.keyPair()
    token = file[.token]
    if let daemonPath {
      daemon = try KeyFile(reading: daemonPath, .open).publicKey()
    } else if file[.daemonKey] != nil {
      daemon = try file.publicKey(.daemonKey)
    } else {
      throw RobotError(
        .malformed, path,
        "names no daemon (daemon-key); name its public file, daemon.key of its folder of keys, as well")
    }
  }

  /// The token of a private file.
  ///
  /// - Throws: as ``init(path:daemonPath:)``; also when there is none.
  public static func token(of path: String) throws(RobotError) -> String {
    try KeyFile(reading: path, .secret).required(.token)
  }
}
