#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The error number of a write that failed.
public struct WriteFailure: Error, Sendable, Hashable {
  /// As `errno` had it.
  public var number: Int32
}

/// Writes to a descriptor until all is written.
public enum WholeWrite {
  /// Writes all of `bytes`, also where the system takes them in pieces or a signal interrupts it.
  ///
  /// - Throws: ``WriteFailure`` with the first error that does not pass by itself.
  public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(WriteFailure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno == EAGAIN {
        // Somebody else who has this descriptor made it non-blocking.
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, 1000)
      } else if errno != EINTR {
        throw WriteFailure(number: errno)
      }
    }
  }

  /// As the other method.
  public static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32) throws(WriteFailure) {
    let result = Array(bytes).withUnsafeBytes { buffer in
      Result { () throws(WriteFailure) in try write(buffer, to: descriptor) }
    }
    try result.get()
  }
}

// The methods named `write` above hide the function of the same name.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}
