#if canImport(Glibc)
  import Glibc
#endif

/// A new file that gets its name only when it is whole: written under `NAME.partial`, renamed at the end, removed when abandoned.
final class OutputFile {
  let path: String
  private var descriptor: Int32
  private var isDone = false

  private var partial: String { path + ".partial" }

  /// - Throws: ``TensorError`` `.unwritableFile`; also when `path` exists.
  init(path: String) throws(TensorError) {
    self.path = path
    guard access(path, F_OK) != 0 else {
      throw TensorError(.unwritableFile, path, "exists already; choose another folder or remove it")
    }
    descriptor = open(path + ".partial", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw TensorError(.unwritableFile, path, "cannot be made: \(String(cString: strerror(errno)))")
    }
  }

  /// Appends bytes.
  func write(_ bytes: UnsafeRawBufferPointer) throws(TensorError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else {
        throw TensorError(.unwritableFile, path, "cannot be written: \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(written)
    }
  }

  /// Appends bytes.
  func write(_ bytes: [UInt8]) throws(TensorError) {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(TensorError) in try write(buffer) }
    }
    try result.get()
  }

  /// Ends writing; the file keeps its temporary name until ``publish()``.
  func close() throws(TensorError) {
    guard descriptor >= 0 else { return }
    let result = Glibc.close(descriptor)
    descriptor = -1
    guard result == 0 else {
      throw TensorError(.unwritableFile, path, "cannot be written: \(String(cString: strerror(errno)))")
    }
  }

  /// Gives the finished file its name.
  func publish() throws(TensorError) {
    try close()
    guard rename(partial, path) == 0 else {
      throw TensorError(.unwritableFile, path, "cannot be renamed: \(String(cString: strerror(errno)))")
    }
    isDone = true
  }

  deinit {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
    if !isDone { unlink(path + ".partial") }
  }
}
