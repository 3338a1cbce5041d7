import CKernels

/// Measures ``MachineCeilings``, as often as wanted: a machine that others use as well is not as fast at every moment.
public struct CeilingMeter: Sendable {
  /// Far more than any third-level cache holds.
  private let memory = Tensor(zeros: [(512 << 20) / 4])

  public init() {}

  /// Bytes that the meter holds, all of them resident.
  public var byteCount: Int { memory.count * 4 }

  /// The machine's best of about two seconds. The first moments of a process do not count alone: its threads may still share a processor.
  public func measureBest() -> MachineCeilings {
    let first = measure()
    return first.best(with: measure())
  }

  /// - Parameter milliseconds: for each of the four kinds; the best of the many short runs that they have room for, since what else the
  ///   machine does only ever slows.
  public func measure(milliseconds: Int = 250) -> MachineCeilings {
    let threads = ComputeThreads.count
    let rounds = 100_000
    let sums = Tensor(zeros: [threads, 16])
    let f32 = best(Double(threads * rounds * uio2_peak_f32_operations()), milliseconds) {
      Parallel.forEach(threads, operations: .max / threads) { sums.storage.base[16 * $0] = uio2_peak_f32(rounds) }
    }
    let int8 = best(Double(threads * rounds * uio2_peak_i8_operations()), milliseconds) {
      Parallel.forEach(threads, operations: .max / threads) {
        sums.storage.base[16 * $0] = Float(truncatingIfNeeded: uio2_peak_i8(rounds))
      }
    }
    return MachineCeilings(
      f32: f32, int8: int8, read: measureRead(milliseconds: milliseconds),
      readInOrder: measureRead(milliseconds: milliseconds, places: 1), threads: threads,
      kernels: ComputeThreads.kernels)
  }

  /// ``MachineCeilings/read`` alone, or with one place ``MachineCeilings/readInOrder``; the best of as many passes as there is time for.
  public func measureRead(milliseconds: Int, places: Int = 4) -> Double {
    let bytes = byteCount, pieces = 64
    let sink = Tensor(zeros: [1])
    return best(Double(bytes), milliseconds) {
      Parallel.forEach(pieces, operations: .max / pieces) { piece in
        let start = UnsafeRawPointer(memory.pointer) + piece * (bytes / pieces)
        let sum = uio2_stream_read(start.assumingMemoryBound(to: UInt8.self), bytes / pieces, places)
        if sum == 1 { sink.storage.base[0] = 1 }
      }
    }
  }

  /// The best rate, 10⁹ a second, at which `body` does its `amount`.
  private func best(_ amount: Double, _ milliseconds: Int, _ body: () -> Void) -> Double {
    let clock = ContinuousClock(), end = clock.now + .milliseconds(milliseconds)
    var shortest = clock.measure(body)
    while clock.now < end { shortest = min(shortest, clock.measure(body)) }
    return amount / max(shortest.seconds, 1e-9) * 1e-9
  }
}

extension Float {
  /// A number that depends on all of `integer`, so that nothing that was computed is left out.
  fileprivate init(truncatingIfNeeded integer: Int32) { self = Float(integer & 0xffff) }
}
