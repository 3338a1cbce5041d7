/// What this machine can do at best, measured: arithmetic in registers alone, and reading memory that no cache holds.
public struct MachineCeilings: Sendable, Hashable {
  /// 32-bit multiply-adds, 10⁹ operations a second (2 a multiply-add).
  public var f32: Double
  /// 8-bit multiply-adds with 32-bit sums, 10⁹ operations a second.
  public var int8: Double
  /// Bytes read front to back, 10⁹ a second.
  public var read: Double
  /// Of all three.
  public var threads: Int
  /// The kernels' instruction set, e.g. `avx512vnni`.
  public var kernels: String

  /// The better of two measurements, each kind by itself.
  public func best(with other: MachineCeilings) -> MachineCeilings {
    MachineCeilings(
      f32: max(f32, other.f32), int8: max(int8, other.int8), read: max(read, other.read), threads: threads,
      kernels: kernels)
  }

  /// What lies between two measurements, before and after something.
  public func mean(with other: MachineCeilings) -> MachineCeilings {
    MachineCeilings(
      f32: (f32 + other.f32) / 2, int8: (int8 + other.int8) / 2, read: (read + other.read) / 2, threads: threads,
      kernels: kernels)
  }
}

extension Duration {
  /// Seconds, with their fraction.
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
