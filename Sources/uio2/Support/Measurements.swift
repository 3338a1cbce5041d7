import Foundation

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
}
