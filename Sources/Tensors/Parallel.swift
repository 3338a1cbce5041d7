import CKernels
import Files

/// The threads that share the work of large operations: a pool of the process's own, whose idle workers sleep.
public enum ComputeThreads {
  /// Threads of one operation, the calling one among them; as many as the process may use processors unless set, at most 64.
  public static var count: Int {
    get { uio2_threads() }
    set { uio2_set_threads(max(1, newValue)) }
  }

  /// The instruction set of the kernels in use: `portable`, `avx2`, `avx512` or `avx512vnni`; the environment variable `UIO2_KERNELS`
  /// names a lower one than the machine's best.
  public static var kernels: String { String(cString: uio2_kernels_in_use()) }

  /// Asks the system for real-time scheduling (`SCHED_FIFO`) of the calling thread and of the workers.
  ///
  /// - Parameter priority: 1...99.
  /// - Throws: ``TensorError`` `.notPermitted` when the system refuses.
  public static func requestRealtime(priority: Int) throws(TensorError) {
    let error = uio2_set_realtime(Int32(clamping: priority))
    guard error == 0 else {
      throw TensorError(
        .notPermitted, "real-time scheduling",
        "the system refuses priority \(priority): \(SystemReason.text(error)); it takes CAP_SYS_NICE or an rtprio limit"
      )
    }
  }
}

enum Parallel {
  /// Calls `body` for every index below `count`, in any order, on several threads; returns when all are done.
  ///
  /// - Parameter operations: of all calls together, roughly; see ``isWorthwhile(_:operations:)``.
  static func forEach(_ count: Int, operations: Int, _ body: (Int) -> Void) {
    guard isWorthwhile(count, operations: operations) else {
      for index in 0..<count { body(index) }
      return
    }
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { context in
        uio2_parallel(
          count, { context, index in context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(index) }, context)
      }
    }
  }

  /// The same for a function without references, which threads would count at every call, and wait for each other.
  static func forEach(
    _ count: Int, operations: Int, context: UnsafeMutableRawPointer,
    _ body: @convention(c) (_ context: UnsafeMutableRawPointer?, _ index: Int) -> Void
  ) {
    guard isWorthwhile(count, operations: operations) else {
      for index in 0..<count { body(context, index) }
      return
    }
    uio2_parallel(count, body, context)
  }

  /// Whether shares are given to several threads: little work is not worth waking another one for.
  static func isWorthwhile(_ count: Int, operations: Int) -> Bool { count > 1 && operations >= 200_000 }

  /// Splits `count` rows into ranges and calls `body` for each.
  ///
  /// - Parameters:
  ///   - operations: of one row, roughly.
  ///   - unit: ranges begin at multiples of it.
  static func rows(_ count: Int, operations: Int, unit: Int = 1, _ body: (Range<Int>) -> Void) {
    guard count > 0 else { return }
    // A few shares a thread, so that one that is held up does not hold up the rest.
    let shares = max(1, min(4 * ComputeThreads.count, (count + unit - 1) / unit))
    let size = ((count + shares - 1) / shares + unit - 1) / unit * unit
    forEach((count + size - 1) / size, operations: operations * count) { share in
      body(share * size..<min((share + 1) * size, count))
    }
  }
}
