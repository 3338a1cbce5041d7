import RobotInterface

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads files that others must not have changed, or not even read.
enum GuardedFile {
  /// Bytes of the largest file of a key.
  private static let limit = 16 << 10

  /// What a file is for.
  enum Secrecy {
    /// Everybody may read it; only this user and root may change it.
    case open
    /// Only this user may read it.
    case secret

    var forbidden: mode_t { self == .open ? 0o022 : 0o077 }
  }

  /// The text of a file.
  ///
  /// - Throws: `.malformed` with the path: it cannot be read, or is none; `.unsupported` when others may read or change it.
  static func text(of path: String, _ secrecy: Secrecy) throws(RobotError) -> String {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw unreadable(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unreadable(path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw RobotError(.malformed, path, "expected a regular file") }
    try check(status, path, secrecy)
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    var count = 0
    while count < bytes.count {
      let length = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count, off_t(count))
      }
      if length < 0, errno == EINTR { continue }
      guard length >= 0 else { throw unreadable(path) }
      if length == 0 { break }
      count += length
    }
    guard count <= limit else {
      throw RobotError(.malformed, path, "more than \(limit) bytes; no file of a key is as large")
    }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// Makes sure that only this user and root may change what lies in a folder.
  ///
  /// - Throws: `.malformed` when it is no folder, `.unsupported` when others may.
  static func checkFolder(_ path: String) throws(RobotError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw unreadable(path) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw RobotError(.malformed, path, "expected a folder") }
    try check(status, path, .open)
  }

  /// Makes sure of a file's permissions without reading it.
  ///
  /// - Throws: as ``text(of:_:)``.
  static func checkFile(_ path: String, _ secrecy: Secrecy) throws(RobotError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw unreadable(path) }
    try check(status, path, secrecy)
  }

  private static func check(_ status: stat, _ path: String, _ secrecy: Secrecy) throws(RobotError) {
    let mode = status.st_mode & 0o7777
    guard mode & secrecy.forbidden == 0 else {
      let digits = String(mode, radix: 8)
      let text = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      throw switch secrecy {
      case .open:
        RobotError(
          .unsupported, path, "mode \(text): others may change it, and so who holds a key; take that away (chmod go-w)")
      case .secret:
        RobotError(
          .unsupported, path,
          "mode \(text): others may read this private key; take that away (chmod 600), or make a new key")
      }
    }
    guard [geteuid(), 0].contains(status.st_uid) else {
      throw RobotError(.unsupported, path, "belongs to user \(status.st_uid); expected this user or root")
    }
  }

  private static func unreadable(_ path: String) -> RobotError {
    RobotError(.malformed, path, "cannot be read: \(String(cString: strerror(errno)))")
  }
}
