import ControlDaemon
import Files
import Foundation
import RobotInterface

/// The operator's token in a file that only this user may read: new with each daemon, and removed when it ends.
///
/// The daemon holds a lock on the file for as long as it lives, so that another one finds out that the token is in use.
struct OperatorFile {
  private let token: SessionToken
  private let path: String
  /// Holds the lock.
  private let file: OutputFile

  /// Writes the token, as hexadecimal digits on one line. The token of a daemon that has ended is replaced; nothing else is.
  ///
  /// - Throws: ``CommandFailure`` `.unwritable` when the path holds something else, or cannot be written; it is then as it was.
  init(path: String, token: SessionToken) throws {
    self.path = path
    self.token = token
    // Held until the new file has the old one's place, so that of two daemons one gets it.
    let old = try Self.old(path)
    do throws(FileError) {
      // A new file in the old one's place: the old one may be open to others.
      file = try OutputFile(OutputTarget(path), existing: old == nil ? .refuse : .replace, isPrivate: true)
      try file.write(Self.line(token.bytes))
      // A second signal leaves no time for `remove()`.
      try file.publish(endsWithProcess: true, locked: true)
    } catch {
      throw Self.failure(error)
    }
    withExtendedLifetime(old) {}
  }

  /// Makes sure that a token could be written there. Nothing is changed.
  ///
  /// - Throws: ``CommandFailure``, as ``init(path:token:)``.
  static func check(_ path: String) throws {
    _ = try old(path)
    do throws(FileError) { _ = try OutputTarget(path) } catch { throw failure(error) }
  }

  /// Removes the file, unless somebody has put another in its place meanwhile.
  func remove() {
    if Self.contents(path) == Self.line(token.bytes) { unlink(path) }
    UnfinishedFiles.remove(path)
    withExtendedLifetime(file) {}
  }

  private static func failure(_ error: FileError) -> CommandFailure {
    CommandFailure(.unwritable, "--operator: \(error.path): \(error.message)")
  }

  static func line(_ bytes: [UInt8]) -> [UInt8] {
    Array(bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined().utf8) + [10]
  }

  /// The lock of the token that lies there, of a daemon that has ended; `nil`: there is nothing. What is no token is refused, also a
  /// link, and so is the token of a daemon that lives.
  private static func old(_ path: String) throws -> FileLock? {
    // Who may enter a folder is for people to decide, so none is made.
    let folder = URL(filePath: path).deletingLastPathComponent().path
    guard FileManager.default.fileExists(atPath: folder) else {
      throw CommandFailure(.unwritable, "--operator: \(folder) does not exist; make it, open to you alone")
    }
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    let isHexadecimal = { (byte: UInt8) in Character(Unicode.Scalar(byte)).isHexDigit }
    guard status.st_mode & S_IFMT == S_IFREG, let old = contents(path), old.count == 2 * SessionToken.byteCount + 1,
      old.last == 10, old.dropLast().allSatisfy(isHexadecimal)
    else {
      throw CommandFailure(
        .unwritable, "--operator: \(path) exists and holds no operator's token; name another file, or remove this one")
    }
    guard let lock = FileLock(taking: path) else {
      throw CommandFailure(
        .unwritable,
        "--operator: \(path) holds the token of a daemon that runs; name another file, or end that daemon first")
    }
    return lock
  }

  /// The first bytes of a file; `nil` when it cannot be read.
  static func contents(_ path: String) -> [UInt8]? {
    try? InputFile.start(of: path, count: 2 * SessionToken.byteCount + 2)
  }
}
