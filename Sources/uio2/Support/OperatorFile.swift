import ControlDaemon
import Foundation

/// The operator's token in a file that only this user may read: new with each daemon, and removed when it ends.
struct OperatorFile {
  /// What the daemon must know.
  let token = SessionToken()
  private let path: String

  /// Writes the token, as hexadecimal digits on one line. An old token is replaced; nothing else is.
  ///
  /// - Throws: ``CommandFailure`` `.unavailable` when the path holds something else, or cannot be written.
  init(path: String) throws {
    self.path = path
    try Self.checkReplaceable(path)
    // A new file in the old one's place: the old one may be open to others.
    let temporary = path + ".\(getpid()).new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure(path) }
    let line = Self.line(token.bytes)
    let isWritten = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == line.count
    guard close(descriptor) == 0, isWritten, rename(temporary, path) == 0 else {
      let failure = Self.failure(path)
      unlink(temporary)
      throw failure
    }
  }

  /// Removes the file, unless another daemon has written its own token meanwhile.
  func remove() {
    if Self.contents(path) == Self.line(token.bytes) { unlink(path) }
  }

  private static func line(_ bytes: [UInt8]) -> [UInt8] {
    Array(bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined().utf8) + [10]
  }

  /// Refuses to replace what is not an old token.
  private static func checkReplaceable(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    let isHexadecimal = { (byte: UInt8) in Character(Unicode.Scalar(byte)).isHexDigit }
    guard status.st_mode & S_IFMT == S_IFREG, let old = contents(path), old.count == 2 * SessionToken.byteCount + 1,
      old.last == 10, old.dropLast().allSatisfy(isHexadecimal)
    else {
      throw CommandFailure(
        .unavailable, "--operator: \(path) exists and holds no operator's token; name another file, or remove this one")
    }
  }

  /// The first bytes of a file; `nil` when it cannot be read.
  private static func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 2 * SessionToken.byteCount + 2)
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    return count < 0 ? nil : Array(bytes.prefix(count))
  }

  private static func failure(_ path: String) -> CommandFailure {
    CommandFailure(.unavailable, "--operator: \(path) cannot be written: \(String(cString: strerror(errno)))")
  }
}
