import Files
import Foundation
public import RobotInterface

/// A daemon's folder of keys: its own pair (`daemon.key`, `daemon.key_secret`) and a public file `NAME.key` of everybody who may come in.
///
/// The private files of others are made here too, and belong on the machines that use them.
public struct KeyFolder: Sendable {
  /// Of the daemon's own key.
  public static let daemonName = "daemon"

  /// Who holds a key, as a file says.
  public struct Holder: Sendable, Hashable {
    /// By which the holder is known on CURVE's wires.
    public var publicKey: CurvePublicKey
    /// Name and role.
    public var identity: PeerIdentity
    /// Hex SHA-256 of the token for other wires; `nil`: the holder has none.
    public var tokenHash: String?
    /// Whether the private file lies here still.
    public var hasPrivateFile: Bool
  }

  /// The folder's path.
  public let path: String

  /// Names a folder; nothing is looked at.
  public init(path: String) { self.path = path }

  private func file(_ name: String, _ end: String) -> String { URL(filePath: path).appending(path: name + end).path }

  /// The public file of a key.
  public func publicFile(_ name: String) -> String { file(name, KeyFile.publicEnd) }
  /// The private file of a key.
  public func privateFile(_ name: String) -> String { file(name, KeyFile.privateEnd) }

  // MARK: Reading

  /// The daemon's own pair.
  ///
  /// - Throws: `.malformed` with the path when it is not there or broken, `.unsupported` when others may read it or change the folder.
  public func daemonPair() throws(RobotError) -> CurveKeyPair {
    try CurveKeyPair.requireCurve()
    try GuardedFile.checkFolder(path)
    let secret = privateFile(Self.daemonName)
    guard FileManager.default.fileExists(atPath: secret) else {
      throw RobotError(
        .malformed, secret, "the daemon has no key yet; uio2 keys new NAME --directory \(path) makes one")
    }
    return try KeyFile(reading: secret, .secret).keyPair()
  }

  /// Everybody whose file is in order, by name, and what is wrong with the others.
  ///
  /// - Throws: `.malformed` or `.unsupported` when nothing in the folder can be trusted.
  public func holders() throws(RobotError) -> (holders: [Holder], problems: [RobotError]) {
    try GuardedFile.checkFolder(path)
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw RobotError(.malformed, path, "the folder cannot be read")
    }
    var found: [Holder] = [], problems: [RobotError] = [], exposed: Set<String> = []
    for file in files.sorted() {
      do throws(RobotError) {
        if file.hasSuffix(KeyFile.privateEnd) {
          let name = String(file.dropLast(KeyFile.privateEnd.count))
          do throws(RobotError) { try GuardedFile.checkFile(privateFile(name), .secret) } catch {
            // Whoever has read it may be anybody: the key must open no door.
            exposed.insert(name)
            throw error
          }
        } else if file.hasSuffix(KeyFile.publicEnd), file != Self.daemonName + KeyFile.publicEnd {
          found.append(try holder(String(file.dropLast(KeyFile.publicEnd.count)), among: files))
        }
      } catch {
        problems.append(error)
      }
    }
    let (single, double) = Self.withoutDoubles(found)
    problems += double.map { holder in
      RobotError(
        .malformed, publicFile(holder.identity.name),
        "another file has the same key or the same token; each holder has its own")
    }
    return (single.filter { !exposed.contains($0.identity.name) }, problems)
  }

  private static func withoutDoubles(_ found: [Holder]) -> (single: [Holder], double: [Holder]) {
    let keys = Dictionary(grouping: found, by: \.publicKey), tokens = Dictionary(grouping: found) { $0.tokenHash ?? "" }
    let isDouble = { (holder: Holder) in
      keys[holder.publicKey]?.count != 1 || holder.tokenHash.map { tokens[$0]?.count != 1 } == true
    }
    return (found.filter { !isDouble($0) }, found.filter(isDouble))
  }

  private func holder(_ name: String, among files: [String]) throws(RobotError) -> Holder {
    let path = publicFile(name)
    guard KeyFile.isName(name) else { throw RobotError(.malformed, path, Self.nameRule) }
    let file = try KeyFile(reading: path, .open)
    guard let role = PeerIdentity.Role(rawValue: file[.role] ?? "") else {
      throw RobotError(
        .malformed, path,
        "role is \(file[.role].map { "“\($0)”" } ?? "missing"); expected role = \"robot\" or role = \"operator\" under metadata"
      )
    }
    if let hash = file[.tokenHash], !AccessToken.isHash(hash) {
      throw RobotError(.malformed, path, "token-sha256 is none: expected 64 hexadecimal digits")
    }
    return Holder(
      publicKey: try file.publicKey(), identity: PeerIdentity(name: name, role: role), tokenHash: file[.tokenHash],
      hasPrivateFile: files.contains(name + KeyFile.privateEnd))
  }

  private static let nameRule =
    "a key's name has 1 to 64 letters, digits, “-”, “_” and “.”, and begins with none of “-” and “.”"

  // MARK: Making

  /// Makes a key, and the folder and the daemon's own key where there are none.
  ///
  /// - Throws: `.malformed` for a name that is none, or taken; `.unsupported` when others may change the folder; `.internal` when a file cannot be
  ///   written.
  public func make(_ name: String, _ role: PeerIdentity.Role) throws(RobotError) {
    try CurveKeyPair.requireCurve()
    guard KeyFile.isName(name), name != Self.daemonName else {
      throw RobotError(
        .malformed, name, name == Self.daemonName ? "is the name of the daemon's own key" : Self.nameRule)
    }
    try makeFolder()
    try refuseExisting(name)
    let hasDaemon = [publicFile(Self.daemonName), privateFile(Self.daemonName)]
      .contains { FileManager.default.fileExists(atPath: $0) }
    if !hasDaemon { try makeDaemon() }
    let daemon = try daemonPair().publicKey, pair = try CurveKeyPair(), token = AccessToken.random()
    try write(
      privateFile(name), isPrivate: true,
      KeyFile.text(
        "uio2: PRIVATE key of “\(name)”. For the machine that uses it, and for nobody else to read.",
        [
          .name: name, .role: role.rawValue, .daemonKey: daemon.text, .token: token, .publicKey: pair.publicKey.text,
          .secretKey: pair.secretText,
        ]))
    // Last, so that a daemon that looks meanwhile lets nobody in.
    try write(
      publicFile(name), isPrivate: false,
      KeyFile.text(
        "uio2: public key of “\(name)”. Without this file the daemon lets it in no more.",
        [.name: name, .role: role.rawValue, .tokenHash: AccessToken.hash(token), .publicKey: pair.publicKey.text]))
  }

  private func makeFolder() throws(RobotError) {
    if !FileManager.default.fileExists(atPath: path) {
      do {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw RobotError(.internal, path, "the folder cannot be made: \((error as NSError).localizedDescription)")
      }
    }
    try GuardedFile.checkFolder(path)
  }

  private func refuseExisting(_ name: String) throws(RobotError) {
    for file in [publicFile(name), privateFile(name)] where FileManager.default.fileExists(atPath: file) {
      throw RobotError(.malformed, file, "exists; choose another name, or remove the files of this key first")
    }
  }

  private func makeDaemon() throws(RobotError) {
    let pair = try CurveKeyPair(), name = Self.daemonName
    try write(
      privateFile(name), isPrivate: true,
      KeyFile.text(
        "uio2: PRIVATE key of the daemon. It stays in this folder.",
        [.name: name, .role: name, .publicKey: pair.publicKey.text, .secretKey: pair.secretText]))
    try write(
      publicFile(name), isPrivate: false,
      KeyFile.text(
        "uio2: public key of the daemon, by which clients know it (--server-key).",
        [.name: name, .role: name, .publicKey: pair.publicKey.text]))
  }

  private func write(_ path: String, isPrivate: Bool, _ text: String) throws(RobotError) {
    do throws(FileError) {
      let file = try OutputFile(OutputTarget(path), existing: .refuse, isPrivate: true)
      try file.write(Array(text.utf8))
      try file.publish()
    } catch {
      throw RobotError(.internal, error.path, error.message)
    }
    // Whatever the mask for new files is, which may let a group write.
    guard isPrivate || chmod(path, 0o644) == 0 else {
      throw RobotError(.internal, path, "its mode cannot be set: \(String(cString: strerror(errno)))")
    }
  }
}
