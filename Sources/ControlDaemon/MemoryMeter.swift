#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How much memory this process uses, in a file that stays open: a process whose descriptors have run out can still look.
package final class MemoryMeter: Sendable {
  private let descriptor: Int32

  /// `nil` where the system has no such file.
  package init?() {
    descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return nil }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Bytes in memory now that are no file's; `nil` when the system does not say.
  package var own: Int? {
    // Pages: size, resident, shared (which are a file's), …
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    let fields = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: " "))
    guard fields.count > 2, let resident = Int(String(decoding: fields[1], as: UTF8.self)),
      let shared = Int(String(decoding: fields[2], as: UTF8.self))
    else { return nil }
    return (resident - shared) * sysconf(Int32(_SC_PAGESIZE))
  }
}
