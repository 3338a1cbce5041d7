#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif
import Files
import Foundation
import MCAP
import Synchronization

/// The file of a recording: new, and written as it grows, so that whatever becomes of the process what is written is there.
final class RecordingFile: MCAPSink {
  private let descriptor: Int32
  private let path: String
  /// Folders that were made for it, the topmost first.
  private let folders: [String]
  /// Bytes that were written.
  private let size = Atomic(0)

  /// Makes the file, with the folders above it.
  ///
  /// - Throws: `.unwritable`, also when there is one: a recording replaces nothing.
  init(_ path: String) throws(FileError) {
    self.path = path
    folders = try OutputFolder.make(URL(filePath: path).deletingLastPathComponent().path)
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0o666)
    guard descriptor >= 0 else {
      let reason = errno == EEXIST ? Self.exists : "cannot be made: \(SystemReason.text())"
      OutputFolder.remove(folders)
      throw FileError(.unwritable, path, reason)
    }
  }

  static let exists = "exists, and a recording replaces nothing; choose another name"

  deinit { close(descriptor) }

  /// - Throws: `.unwritable`, also when the file was removed, replaced or cut meanwhile: what is written then would be found nowhere.
  func write(_ bytes: [UInt8]) throws(MCAPError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_nlink > 0 else {
      throw MCAPError(.unwritable, path, "the file was removed or replaced while it was recorded; what follows is lost")
    }
    guard status.st_size >= size.load(ordering: .relaxed) else {
      throw MCAPError(
        .unwritable, path, "the file was cut to \(status.st_size) bytes while it was recorded; what follows is lost")
    }
    size.add(bytes.count, ordering: .relaxed)
    do throws(WriteFailure) { try WholeWrite.write(bytes, to: descriptor) } catch {
      throw MCAPError(.unwritable, path, SystemReason.text(error.number))
    }
  }

  /// Removes the file, unless something else has its name by now, and the folders that were made for it.
  func remove() {
    if FileIdentity(descriptor: descriptor)?.whereabouts(at: path) == .inPlace { unlink(path) }
    OutputFolder.remove(folders)
  }

  /// Bytes that an ordinary user may still write on the disk; `nil` when the system does not say.
  var freeSpace: UInt64? {
    var status = statvfs()
    guard fstatvfs(descriptor, &status) == 0 else { return nil }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }
}
