import CZstd

/// One chunk's records, packed and unpacked by libzstd.
///
/// A picture often stands twice in a chunk, once in the robot's own message and once for viewers. Long-distance matching makes the second
/// one cost almost nothing.
final class Zstandard {
  private static let level: Int32 = 1
  /// 16 MiB: as far back as a match may lie. Readers reserve as much at most.
  private static let windowLog: Int32 = 24

  private let context: OpaquePointer

  /// - Returns: `nil` when there is no memory for it.
  init?() {
    guard let context = ZSTD_createCCtx() else { return nil }
    self.context = context
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level)
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Self.windowLog)
    ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1)
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
  }

  deinit { ZSTD_freeCCtx(context) }

  /// The packed bytes; `nil` when libzstd has no memory.
  func compress(_ bytes: [UInt8]) -> [UInt8]? {
    var failed = false
    let packed = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { buffer, count in
      let size = bytes.withUnsafeBytes {
        ZSTD_compress2(context, buffer.baseAddress, buffer.count, $0.baseAddress, $0.count)
      }
      failed = ZSTD_isError(size) != 0
      count = failed ? 0 : size
    }
    return failed ? nil : packed
  }

  /// The bytes that were packed; `nil` when these are no packed bytes, or not of `size` bytes.
  ///
  /// - Parameter size: of the result; the caller has bounded it.
  static func decompress(_ bytes: ArraySlice<UInt8>, size: Int) -> [UInt8]? {
    var found = -1
    let result = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      let written = bytes.withUnsafeBytes { ZSTD_decompress(buffer.baseAddress, size, $0.baseAddress, $0.count) }
      if ZSTD_isError(written) == 0 { found = written }
      count = max(0, found)
    }
    return found == size ? result : nil
  }
}
