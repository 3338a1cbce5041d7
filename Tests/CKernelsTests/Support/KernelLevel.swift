import CKernels
import KernelLevels

/// One of the levels that this machine has; its kernels are called directly, whatever the process has chosen.
struct KernelLevel: Sendable, CustomStringConvertible {
  let index: Int

  var description: String { String(cString: uio2_kernel_level_name(index)) }
  var kernels: uio2_kernels { uio2_kernels_of_level(index).pointee }

  /// From the portable one up.
  static let all = (0..<uio2_kernel_levels()).map { KernelLevel(index: $0) }
}
