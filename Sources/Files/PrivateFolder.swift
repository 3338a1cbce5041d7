import Foundation

/// A temporary folder that only this user may enter, gone with its owner.
///
/// A process that is killed cannot remove its folder. Each holds a locked file, so that the next process that makes one can tell
/// the folders of the living from those of the dead, and removes the latter.
public final class PrivateFolder: Sendable {
  /// Where it is.
  public let path: String
  /// Keeps the folder's lock as long as it is open.
  private let lock: Int32

  private static let lockName = "lock"
  private static let suffixLength = 6

  /// Makes a folder in the temporary folder, or in `parent`.
  ///
  /// - Parameters:
  ///   - prefix: the name begins with it and a hyphen.
  ///   - longestParent: bytes of the parent's path; where it is longer, `/tmp` is taken, because the address of a local socket holds
  ///     about 100 bytes.
  /// - Throws: ``FileError`` `.unwritable`.
  public init(prefix: String, in parent: String? = nil, longestParent: Int = 60) throws(FileError) {
    let temporary = parent ?? FileManager.default.temporaryDirectory.path
    let parent = temporary.utf8.count <= longestParent ? temporary : "/tmp"
    Self.removeAbandoned(prefix: prefix, in: parent)
    var template = Array("\(parent)/\(prefix)-\(String(repeating: "X", count: Self.suffixLength))".utf8CString)
    path = try UnfinishedFiles.make { (listing) throws(FileError) in
      guard mkdtemp(&template) != nil else {
        throw FileError(.unwritable, parent, "no temporary folder can be made there", errno: errno)
      }
      let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      listing.insert(path)
      return path
    }
    lock = open(path + "/" + Self.lockName, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let failure = errno
      if lock >= 0 { close(lock) }
      remove()
      throw FileError(.unwritable, path, "cannot be locked", errno: failure)
    }
  }

  /// Removes the folder with all that is in it; may be called twice.
  public func remove() {
    try? FileManager.default.removeItem(atPath: path)
    UnfinishedFiles.remove(path)
  }

  deinit {
    remove()
    close(lock)
  }

  /// Removes folders whose owner ended without doing so.
  private static func removeAbandoned(prefix: String, in parent: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    for name in names where name.hasPrefix(prefix + "-") && name.utf8.count == prefix.utf8.count + 1 + suffixLength {
      let folder = parent + "/" + name
      guard let status = FileStatus.ofLink(folder), FileKind(mode: status.st_mode) == .folder,
        status.st_uid == geteuid(), status.st_mode & 0o077 == 0
      else { continue }
      let lock = open(folder + "/" + lockName, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard lock >= 0 else { continue }
      if flock(lock, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: folder) }
      close(lock)
    }
  }
}
