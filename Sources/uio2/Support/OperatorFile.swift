import ControlDaemon
import Files
import Foundation

/// The operator's token in a file that only this user may read: new with each daemon, and removed when it ends.
struct OperatorFile {
  /// What the daemon must know.
  let token = SessionToken()
  private let path: String

  /// Writes the token, as hexadecimal digits on one line. An old token is replaced; nothing else is.
  ///
  /// - Throws: ``CommandFailure`` `.unwritable` when the path holds something else, or cannot be written.
  init(path: String) throws {
    self.path = path
    try Self.checkReplaceable(path)
    do throws(FileError) {
      // A new file in the old one's place: the old one may be open to others.
      let file = try OutputFile(OutputTarget(path), isPrivate: true)
      try file.write(Self.line(token.bytes))
      // A second signal, or one while the model is loaded, leaves no time for `remove()`.
      try file.publish(endsWithProcess: true)
    } catch {
      throw CommandFailure(.unwritable, "--operator: \(error.path): \(error.message)")
    }
  }

  /// Removes the file, unless another daemon has written its own token meanwhile.
  func remove() {
    if Self.contents(path) == Self.line(token.bytes) { unlink(path) }
    UnfinishedFiles.remove(path)
  }

  private static func line(_ bytes: [UInt8]) -> [UInt8] {
    Array(bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined().utf8) + [10]
  }

  /// Refuses to replace what is not an old token; a link is none.
  private static func checkReplaceable(_ path: String) throws {
    // Who may enter a folder is for people to decide, so none is made.
    let folder = URL(filePath: path).deletingLastPathComponent().path
    guard FileManager.default.fileExists(atPath: folder) else {
      throw CommandFailure(.unwritable, "--operator: \(folder) does not exist; make it, open to you alone")
    }
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    let isHexadecimal = { (byte: UInt8) in Character(Unicode.Scalar(byte)).isHexDigit }
    guard status.st_mode & S_IFMT == S_IFREG, let old = contents(path), old.count == 2 * SessionToken.byteCount + 1,
      old.last == 10, old.dropLast().allSatisfy(isHexadecimal)
    else {
      throw CommandFailure(
        .unwritable, "--operator: \(path) exists and holds no operator's token; name another file, or remove this one")
    }
  }

  /// The first bytes of a file; `nil` when it cannot be read.
  private static func contents(_ path: String) -> [UInt8]? {
    try? InputFile.start(of: path, count: 2 * SessionToken.byteCount + 2)
  }
}
