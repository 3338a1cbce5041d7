/// A short number that tells contents apart quickly: equal contents have equal ones, different contents nearly always different
/// ones, so equality is still to be checked. Nothing secret depends on it.
public struct ContentFingerprint: Sendable, Hashable {
  private let value: UInt64

  /// Of the bits of `values`: zeros of either sign differ, and so may NaNs.
  public init<Element: BitwiseCopyable>(_ values: [Element]) {
    value = values.withUnsafeBytes { Self.mixed($0) }
  }

  /// Four lanes, so that a processor multiplies in all of them at the same time.
  private static func mixed(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var lanes: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
    let whole = bytes.count / 32 * 32
    for start in stride(from: 0, to: whole, by: 32) {
      lanes.0 = mixed(lanes.0, bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      lanes.1 = mixed(lanes.1, bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
      lanes.2 = mixed(lanes.2, bytes.loadUnaligned(fromByteOffset: start + 16, as: UInt64.self))
      lanes.3 = mixed(lanes.3, bytes.loadUnaligned(fromByteOffset: start + 24, as: UInt64.self))
    }
    var sum = UInt64(bytes.count)
    for lane in [lanes.0, lanes.1, lanes.2, lanes.3] { sum = mixed(sum, lane) }
    for byte in bytes[whole...] { sum = mixed(sum, UInt64(byte)) }
    return sum
  }

  /// An odd factor spreads every bit upwards, the rotation brings it down again.
  private static func mixed(_ state: UInt64, _ word: UInt64) -> UInt64 {
    let product = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
    return product << 29 | product >> 35
  }
}
