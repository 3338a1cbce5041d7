import Foundation
import Tensors

/// What the process has used.
enum Measurements {
  /// The largest resident memory so far, in bytes.
  static var peakMemory: Int? {
    var usage = rusage()
    // Glibc gives the constant as an enumeration and takes the argument as an integer.
    #if canImport(Glibc)
      let process = RUSAGE_SELF.rawValue
    #else
      let process = RUSAGE_SELF
    #endif
    guard getrusage(.init(process), &usage) == 0 else { return nil }
    // Linux counts KiB, others bytes.
    #if os(Linux)
      return Int(usage.ru_maxrss) * 1024
    #else
      return Int(usage.ru_maxrss)
    #endif
  }

  /// Forgets the peak so far, and gives memory that lies unused back first; where the system cannot, nothing happens.
  ///
  /// - Returns: whether ``peakMemorySinceReset`` means anything.
  @discardableResult
  static func resetPeakMemory() -> Bool {
    TensorMemory.releaseIdle()
    return FileManager.default.fileExists(atPath: "/proc/self/clear_refs")
      && (try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))) != nil
  }

  /// The largest resident memory since ``resetPeakMemory()``, in bytes.
  static var peakMemorySinceReset: Int? {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first).flatMap { Int($0) }.map { $0 << 10 }
  }
}
