#if canImport(Glibc)
  import Glibc
#endif

/// A file mapped read-only into memory; unmapped with its last owner.
///
/// Unchecked because the mapping is never written.
public final class MemoryMappedFile: @unchecked Sendable {
  public let path: String
  public let count: Int
  private let base: UnsafeRawPointer?

  /// - Throws: ``TensorError`` `.unreadableFile` with the reason of the system.
  public init(path: String) throws(TensorError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw TensorError(.unreadableFile, path, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw TensorError(.unreadableFile, path, "is not a regular file")
    }
    self.path = path
    count = Int(status.st_size)
    guard count > 0 else {
      base = nil
      return
    }
    guard let mapping = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), mapping != MAP_FAILED else {
      throw TensorError(.unreadableFile, path, "cannot be mapped: \(String(cString: strerror(errno)))")
    }
    base = UnsafeRawPointer(mapping)
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
  }

  /// The file's bytes.
  public func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: base, count: count)))
  }

  /// Gives the memory of whole pages inside `range` back; they are read from the file again when they are next looked at.
  public func discard(_ range: Range<Int>) {
    let page = 4096
    let start = (max(range.lowerBound, 0) + page - 1) / page * page, end = min(range.upperBound, count) / page * page
    guard let base, start < end else { return }
    madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
  }

  /// Bytes `range` for use inside this module; the range was checked against ``count``.
  func pointer(at offset: Int) -> UnsafeRawPointer? { base.map { $0 + offset } }
}
