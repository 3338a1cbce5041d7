import Files
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// The bytes of a regular file, read when they are asked for, or read whole into memory of this process.
///
/// Files are not mapped. A mapping changes when its file is overwritten, and a file that is cut short takes pages away from it, which
/// ends the process with SIGBUS. What was read here stays as it was, and what can no longer be read is an error.
public final class FileBytes: Sendable {
  public let path: String
  /// Bytes of the file when it was opened.
  public let count: Int
  /// -1 when the file was read whole.
  private let descriptor: Int32
  private let loaded: PrivateMemory?
  /// For parts that are read to stay.
  private let arena: MemoryArena
  private let stamp: Stamp

  /// What changes when somebody writes to a file. The time of its last change of any kind is among it, because a program can set the
  /// time of its last writing.
  private struct Stamp: Equatable {
    var device: UInt
    var number: UInt
    var size: Int
    var written: [Int]
    var changed: [Int]

    init(_ descriptor: Int32, _ path: String) throws(TensorError) {
      var status = stat()
      let kind = fstat(descriptor, &status) == 0 ? FileKind(mode: status.st_mode) : .unknown
      guard kind == .regular else {
        throw TensorError(.unreadableFile, path, "is \(kind.words); a regular file is expected")
      }
      size = Int(status.st_size)
      (device, number) = (UInt(status.st_dev), UInt(status.st_ino))
      written = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
      changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
  }

  /// Opens a file; its bytes are read when they are asked for.
  ///
  /// - Throws: ``TensorError`` `.unreadableFile` with the reason of the system, or for what is no regular file.
  public init(path: String) throws(TensorError) {
    self.path = path
    descriptor = try Self.open(path)
    loaded = nil
    do {
      stamp = try Stamp(descriptor, path)
    } catch {
      close(descriptor)
      throw error
    }
    count = stamp.size
    arena = MemoryArena(total: count)
  }

  /// Reads a whole file, front to back, into memory.
  ///
  /// - Parameters:
  ///   - maximumCount: bytes; a larger file is refused before it is read.
  ///   - onPiece: is given the very bytes that are kept, in order, as they arrive.
  /// - Throws: ``TensorError`` `.unreadableFile`, `.truncatedFile` for a file that is cut short meanwhile, `.outOfMemory`.
  public init(
    loading path: String, maximumCount: Int = .max, onPiece: (UnsafeRawBufferPointer) -> Void = { _ in }
  ) throws(TensorError) {
    self.path = path
    let descriptor = try Self.open(path)
    defer { close(descriptor) }
    self.descriptor = -1
    stamp = try Stamp(descriptor, path)
    count = stamp.size
    arena = MemoryArena(total: count)
    guard count <= maximumCount else {
      throw TensorError(.unreadableFile, path, "has \(count) bytes; at most \(maximumCount) are expected")
    }
    if count > 64 << 20 { try SystemMemory.require(count, for: path) }
    let memory = try PrivateMemory(count: count, for: path)
    loaded = memory
    for start in stride(from: 0, to: count, by: Self.pieceSize) {
      let piece = start..<min(start + Self.pieceSize, count)
      memory.populate(piece)
      try Self.read(descriptor, piece, into: memory.base + start, path)
      onPiece(UnsafeRawBufferPointer(start: memory.base + start, count: piece.count))
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// What is read at a time: it stays in a core's cache while it is looked at.
  static let pieceSize = 1 << 18

  private static func open(_ path: String) throws(TensorError) -> Int32 {
    // Without O_NONBLOCK a FIFO would wait for a writer.
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      throw TensorError(.unreadableFile, path, "cannot be opened: \(SystemReason.text())")
    }
    return descriptor
  }

  private static func read(
    _ descriptor: Int32, _ range: Range<Int>, into target: UnsafeMutableRawPointer, _ path: String
  ) throws(TensorError) {
    var position = range.lowerBound
    while position < range.upperBound {
      let read = pread(descriptor, target + (position - range.lowerBound), range.upperBound - position, position)
      if read < 0, errno == EINTR { continue }
      guard read >= 0 else {
        throw TensorError(.unreadableFile, path, "cannot be read: \(SystemReason.text())")
      }
      guard read > 0 else {
        throw TensorError(.truncatedFile, path, "ends at byte \(position) now; it was cut short while it was in use")
      }
      position += read
    }
  }

  /// Refuses a file that was written to since it was opened; what was read of it may be of two versions.
  ///
  /// - Throws: ``TensorError`` `.changedFile`. Never for a file that was read whole.
  public func checkUnchanged() throws(TensorError) {
    guard descriptor >= 0, try Stamp(descriptor, path) != stamp else { return }
    throw TensorError(.changedFile, path, "was written to while it was being read; try again when it is whole")
  }
}

extension FileBytes {
  /// Whether the file was read whole.
  public var isLoaded: Bool { loaded != nil }

  /// Gives `body` the bytes of a file that was read whole; of another one, none.
  public func withLoaded<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    defer { withExtendedLifetime(loaded) {} }
    return try body(UnsafeRawBufferPointer(start: loaded?.base, count: loaded?.count ?? 0))
  }

  /// Copies bytes to `target`.
  ///
  /// - Throws: ``TensorError`` `.truncatedFile`, `.unreadableFile`.
  func read(_ range: Range<Int>, into target: UnsafeMutableRawPointer) throws(TensorError) {
    try check(range)
    if let loaded {
      target.copyMemory(from: loaded.base + range.lowerBound, byteCount: range.count)
    } else {
      try Self.read(descriptor, range, into: target, path)
    }
  }

  private func check(_ range: Range<Int>) throws(TensorError) {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw TensorError(.truncatedFile, path, "has \(count) bytes; \(range) are asked for")
    }
  }

  /// A copy of some bytes.
  ///
  /// - Throws: ``TensorError`` `.truncatedFile`, `.unreadableFile`.
  public func bytes(_ range: Range<Int>) throws(TensorError) -> [UInt8] {
    try check(range)
    var bytes = [UInt8](repeating: 0, count: range.count)
    let result = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(TensorError) in
        if let base = buffer.baseAddress, !range.isEmpty { try read(range, into: base) }
      }
    }
    try result.get()
    return bytes
  }

  /// All bytes.
  ///
  /// - Throws: ``TensorError`` `.truncatedFile`, `.unreadableFile`.
  public func bytes() throws(TensorError) -> [UInt8] { try bytes(0..<count) }

  /// Gives `body` the bytes of `range` in order, `pieceSize` at a time.
  ///
  /// - Throws: ``TensorError`` `.truncatedFile`, `.unreadableFile`, and what `body` throws.
  public func forEachPiece(
    of range: Range<Int>, pieceSize: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try check(range)
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: min(pieceSize, max(range.count, 1)), alignment: 64)
    defer { scratch.deallocate() }
    guard let base = scratch.baseAddress else { return }
    for start in stride(from: range.lowerBound, to: range.upperBound, by: pieceSize) {
      let piece = start..<min(start + pieceSize, range.upperBound)
      try read(piece, into: base)
      try body(UnsafeRawBufferPointer(start: base, count: piece.count))
    }
  }

  /// Bytes that stay: a part of the memory that the file was read into, or memory of their own.
  ///
  /// - Parameters:
  ///   - alignment: of the first byte, a power of two up to 64.
  ///   - inspect: is given all bytes in pieces, on several threads, with the place of each piece in `range`.
  /// - Throws: ``TensorError`` `.truncatedFile`, `.unreadableFile`, `.outOfMemory`.
  func slice(
    _ range: Range<Int>, alignment: Int, inspect: (Int, UnsafeRawBufferPointer) -> Void = { _, _ in }
  ) throws(TensorError) -> MemorySlice {
    try check(range)
    if let loaded, (Int(bitPattern: loaded.base) + range.lowerBound) % alignment == 0 {
      try shareOut(range, alignment: alignment, inspect)
      return MemorySlice(memory: loaded, offset: range.lowerBound, count: range.count)
    }
    let slice = try arena.take(range.count, for: path)
    try shareOut(range, into: slice, alignment: alignment, inspect)
    return slice
  }

  /// Calls `body` with all bytes of `range` in pieces, on several threads.
  ///
  /// - Parameters:
  ///   - target: where the bytes are copied to first; `nil`: only `body` is interested in them.
  ///   - alignment: of the first byte of a piece, a power of two up to 64.
  ///   - body: is given the place of the piece in `range`, and the piece.
  /// - Throws: ``TensorError`` `.truncatedFile`, `.unreadableFile`.
  func shareOut(
    _ range: Range<Int>, into target: MemorySlice? = nil, alignment: Int,
    _ body: (Int, UnsafeRawBufferPointer) -> Void
  ) throws(TensorError) {
    try check(range)
    let failure = Mutex<TensorError?>(nil)
    let pieces = (range.count + Self.pieceSize - 1) / Self.pieceSize
    let direct = loaded.map { UnsafeRawPointer($0.base) + range.lowerBound }
    let isDirect = target == nil && direct.map { Int(bitPattern: $0) % alignment == 0 } ?? false
    Parallel.forEach(pieces, operations: range.count) { index in
      let start = index * Self.pieceSize, size = min(Self.pieceSize, range.count - start)
      if isDirect, let direct { return body(start, UnsafeRawBufferPointer(start: direct + start, count: size)) }
      func copy(to place: UnsafeMutableRawPointer) {
        do throws(TensorError) {
          let first = range.lowerBound + start
          try read(first..<first + size, into: place)
          body(start, UnsafeRawBufferPointer(start: place, count: size))
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
      }
      if let target {
        let place = target.offset + start
        target.memory.populate(place..<place + size)
        return copy(to: target.memory.base + place)
      }
      withUnsafeTemporaryAllocation(byteCount: size, alignment: 64) { scratch in
        if let place = scratch.baseAddress { copy(to: place) }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
