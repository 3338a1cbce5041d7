import ArgumentParser
import Foundation
import Tensors

/// `UIO2_KERNELS`, which names the instruction set of the kernels.
enum KernelLevel {
  private static let variable = "UIO2_KERNELS"
  private static let names = ["portable", "avx2", "avx512", "avx512vnni"]

  /// Refuses a name that means nothing, and one that means more than this processor has; the kernels would fall back to another.
  static func check() throws(CommandFailure) {
    guard let name = ProcessInfo.processInfo.environment[variable], !name.isEmpty else { return }
    guard names.contains(name) else {
      throw CommandFailure(.usage, "\(variable): expected one of \(names.joined(separator: ", ")), found \(name)")
    }
    guard ComputeThreads.kernels == name else {
      throw CommandFailure(
        .unavailable, "\(variable): this processor has no \(name); leave it unset for the best that it has")
    }
  }
}
