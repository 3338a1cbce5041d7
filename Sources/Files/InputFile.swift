#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads whole files that a user names.
public enum InputFile {
  /// Bytes of the largest file that is read unless the caller says otherwise: far more than any configuration has.
  public static let standardLimit = 64 << 20

  /// Refuses what is no regular file, links followed.
  ///
  /// - Throws: ``FileError`` `.unreadable`, also where there is nothing.
  public static func requireRegular(_ path: String) throws(FileError) {
    guard let status = FileStatus.of(path) else { throw FileError(.unreadable, path, "cannot be read", errno: errno) }
    try requireRegular(status, path)
  }

  private static func requireRegular(_ status: stat, _ path: String) throws(FileError) {
    let kind = FileKind(mode: status.st_mode)
    guard kind == .regular else {
      throw FileError(.unreadable, path, "is \(kind.words); a regular file is expected")
    }
  }

  /// The bytes of a regular file, links followed.
  ///
  /// A pipe, a device or a socket is refused: opening or reading one could wait for ever.
  ///
  /// - Parameter limit: bytes; a larger file is refused before it is read.
  /// - Throws: ``FileError`` `.unreadable` with the system's reason.
  public static func bytes(of path: String, limit: Int = standardLimit) throws(FileError) -> [UInt8] {
    let (descriptor, size) = try opened(path)
    defer { close(descriptor) }
    guard size <= limit else {
      throw FileError(.unreadable, path, "has \(size) bytes; at most \(limit) are read")
    }
    return try contents(of: descriptor, path: path, expected: size, limit: limit)
  }

  /// The first bytes of a regular file, links followed; fewer when it is shorter.
  ///
  /// - Throws: as ``bytes(of:limit:)``.
  public static func start(of path: String, count: Int) throws(FileError) -> [UInt8] {
    let (descriptor, _) = try opened(path)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let length = pread(descriptor, &bytes, count, 0)
    guard length >= 0 else { throw FileError(.unreadable, path, "cannot be read", errno: errno) }
    return Array(bytes.prefix(length))
  }

  /// Gives `body` the bytes of a regular file in order, a piece at a time, whatever its size.
  ///
  /// - Throws: as ``bytes(of:limit:)``, and what `body` throws.
  public static func forEachPiece(
    of path: String, pieceSize: Int = 1 << 20, _ body: (UnsafeRawBufferPointer) throws(FileError) -> Void
  ) throws(FileError) {
    let (descriptor, _) = try opened(path)
    defer { close(descriptor) }
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, pieceSize), alignment: 64)
    defer { piece.deallocate() }
    while true {
      let length = read(descriptor, piece.baseAddress, piece.count)
      if length < 0, errno == EINTR { continue }
      guard length >= 0 else { throw FileError(.unreadable, path, "cannot be read", errno: errno) }
      guard length > 0 else { return }
      try body(UnsafeRawBufferPointer(rebasing: piece[..<length]))
    }
  }

  /// A regular file's descriptor, which the caller closes, and its size.
  private static func opened(_ path: String) throws(FileError) -> (descriptor: Int32, size: Int) {
    // Without O_NONBLOCK, opening a pipe waits until somebody writes into it.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError(.unreadable, path, "cannot be read", errno: errno) }
    do throws(FileError) {
      guard let status = FileStatus.of(descriptor: descriptor) else {
        throw FileError(.unreadable, path, "cannot be read", errno: errno)
      }
      try requireRegular(status, path)
      return (descriptor, Int(status.st_size))
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Reads until the end: a file may grow meanwhile, and those of /proc say that they are empty.
  private static func contents(
    of descriptor: Int32, path: String, expected: Int, limit: Int
  ) throws(FileError) -> [UInt8] {
    var result: [UInt8] = []
    while result.count <= limit {
      // One byte more than expected, so that the end is seen without another round.
      let size = result.isEmpty ? expected + 1 : 1 << 16
      var failure: Int32 = 0
      let piece = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        let length = buffer.baseAddress.map { read(descriptor, $0, buffer.count) } ?? 0
        if length < 0 { failure = errno }
        count = max(0, length)
      }
      if failure == EINTR { continue }
      guard failure == 0 else { throw FileError(.unreadable, path, "cannot be read", errno: failure) }
      if piece.isEmpty { return result }
      result = result.isEmpty ? piece : result + piece
    }
    throw FileError(.unreadable, path, "has more than \(limit) bytes")
  }
}
