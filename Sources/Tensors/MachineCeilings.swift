/// What this machine can do at best, measured: arithmetic in registers alone, and reading memory that no cache holds.
public struct MachineCeilings: Sendable, Hashable {
  /// 32-bit multiply-adds, 10⁹ operations a second (2 a multiply-add).
  public var f32: Double
  /// 8-bit multiply-adds with 32-bit sums, 10⁹ operations a second.
  public var int8: Double
  /// Bytes read by each thread at four places in turn, 10⁹ a second: what a core gets at most.
  public var read: Double
  /// Bytes read by each thread front to back, 10⁹ a second: what a plain loop gets.
  public var readInOrder: Double
  /// Of all of them.
  public var threads: Int
  /// The kernels' instruction set, e.g. `avx512vnni`.
  public var kernels: String

  /// The better of two measurements, each kind by itself.
  public func best(with other: MachineCeilings) -> MachineCeilings {
    MachineCeilings(
      f32: max(f32, other.f32), int8: max(int8, other.int8), read: max(read, other.read),
      readInOrder: max(readInOrder, other.readInOrder), threads: threads, kernels: kernels)
  }

  /// What lies between two measurements, before and after something.
  public func mean(with other: MachineCeilings) -> MachineCeilings {
    MachineCeilings(
      f32: (f32 + other.f32) / 2, int8: (int8 + other.int8) / 2, read: (read + other.read) / 2,
      readInOrder: (readInOrder + other.readInOrder) / 2, threads: threads, kernels: kernels)
  }

  /// The same for whom reads front to back.
  public var inOrder: MachineCeilings {
    var ceilings = self
    ceilings.read = readInOrder
    return ceilings
  }
}

extension Duration {
  /// Seconds, with their fraction.
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
