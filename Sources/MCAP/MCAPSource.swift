#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif
import Files

/// Where the bytes of a file come from.
public protocol MCAPSource {
  /// Names it in errors.
  var name: String { get }
  /// All bytes there are.
  var size: UInt64 { get }
  /// Bytes from a place on; the range lies within ``size``.
  func bytes(at offset: UInt64, count: Int) throws(MCAPError) -> [UInt8]
}

/// Bytes in memory.
public struct MemorySource: MCAPSource {
  private let content: [UInt8]
  /// Names it in errors.
  public let name: String

  /// Wraps bytes.
  public init(_ content: [UInt8], name: String = "memory") {
    self.content = content
    self.name = name
  }

  /// All of them.
  public var size: UInt64 { UInt64(content.count) }

  /// A part of them.
  public func bytes(at offset: UInt64, count: Int) throws(MCAPError) -> [UInt8] {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
      throw MCAPError(.unreadable, name, "byte \(offset) and the \(count) that follow are not there")
    }
    return Array(content[Int(offset)..<Int(offset) + count])
  }
}

/// A regular file, read as far as it went when it was opened.
public final class FileSource: MCAPSource {
  /// The path.
  public let name: String
  /// Bytes of the file when it was opened; a recording may still grow.
  public let size: UInt64
  private let descriptor: Int32

  /// Opens a file.
  ///
  /// - Throws: `.unreadable` with the system's reason, also for what is no regular file.
  public init(_ path: String) throws(MCAPError) {
    name = path
    do throws(FileError) { try InputFile.requireRegular(path) } catch {
      throw MCAPError(.unreadable, path, error.message)
    }
    descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw MCAPError(.unreadable, path, "cannot be opened: \(SystemReason.text())") }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let reason = SystemReason.text()
      close(descriptor)
      throw MCAPError(.unreadable, path, "cannot be opened: \(reason)")
    }
    size = UInt64(max(0, status.st_size))
  }

  deinit { close(descriptor) }

  /// Reads a part of the file.
  public func bytes(at offset: UInt64, count: Int) throws(MCAPError) -> [UInt8] {
    guard count > 0 else { return [] }
    var failure: String?
    let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
        let length = pread(descriptor, rest.baseAddress, rest.count, off_t(clamping: offset) + filled)
        if length < 0, errno == EINTR { continue }
        guard length > 0 else {
          failure = length < 0 ? SystemReason.text() : "the file has become shorter"
          return
        }
        filled += length
      }
    }
    if let failure { throw MCAPError(.unreadable, name, "cannot be read at byte \(offset): \(failure)") }
    return result
  }
}
