import CKernels

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

  /// Measures for about a second, on ``ComputeThreads/count`` threads; the best of many short runs each, since what else the machine
  /// does only ever slows.
  public static func measure() -> MachineCeilings {
    let threads = ComputeThreads.count
    func best(_ amount: Double, _ body: () -> Void) -> Double {
      let clock = ContinuousClock(), end = clock.now + .milliseconds(250)
      var shortest = clock.measure(body)
      while clock.now < end { shortest = min(shortest, clock.measure(body)) }
      return amount / max(shortest.seconds, 1e-9) * 1e-9
    }
    let rounds = 1_000_000
    let sums = Tensor(zeros: [threads, 16])
    let f32 = best(Double(threads * rounds * uio2_peak_f32_operations())) {
      Parallel.forEach(threads, operations: .max / threads) { sums.storage.base[16 * $0] = uio2_peak_f32(rounds) }
    }
    let int8 = best(Double(threads * rounds * uio2_peak_i8_operations())) {
      Parallel.forEach(threads, operations: .max / threads) {
        sums.storage.base[16 * $0] = Float(truncatingIfNeeded: uio2_peak_i8(rounds))
      }
    }
    // Far more than any third-level cache holds.
    let bytes = 512 << 20, pieces = 64
    let memory = Tensor(zeros: [bytes / 4])
    let read = best(Double(bytes)) {
      Parallel.forEach(pieces, operations: .max / pieces) { piece in
        let start = UnsafeRawPointer(memory.pointer) + piece * (bytes / pieces)
        let sum = uio2_stream_read(start.assumingMemoryBound(to: UInt8.self), bytes / pieces)
        if sum == 1 { sums.storage.base[0] = 1 }
      }
    }
    return MachineCeilings(f32: f32, int8: int8, read: read, threads: threads, kernels: ComputeThreads.kernels)
  }
}

extension Float {
  /// A number that depends on all of `integer`, so that nothing that was computed is left out.
  fileprivate init(truncatingIfNeeded integer: Int32) { self = Float(integer & 0xffff) }
}

extension Duration {
  /// Seconds, with their fraction.
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
