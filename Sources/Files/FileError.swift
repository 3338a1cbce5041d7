@_exported import Faults
import Foundation

/// Why a file cannot be read or written.
public typealias FileError = Fault<FileErrorCode>

/// What went wrong; new codes may be added, so match with `==` and keep a default.
public struct FileErrorCode: RawRepresentable, FaultCode {
  /// The stable name of the code.
  public let rawValue: String

  /// Wraps a name that this version may not know.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The file does not exist, may not be read, is no regular file, or is too large.
  public static let unreadable = Self(rawValue: "unreadable_file")
  /// The file cannot be made, written or renamed.
  public static let unwritable = Self(rawValue: "unwritable_file")
}

extension FileError {
  /// The file at fault.
  public var path: String { subject }

  /// An error whose message ends with the system's reason for `number`.
  init(_ code: Code, _ path: String, _ message: String, errno number: Int32) {
    self.init(code, path, "\(message): \(SystemReason.text(number))")
  }
}

/// The system's own words for its error numbers.
public enum SystemReason {
  /// The sentence for `number`, by default the calling thread's last error: `No such file or directory`.
  public static func text(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }

  /// The sentence for an error of Foundation: its own are about Cocoa and say less than the number that lies below them.
  public static func text(of error: any Error) -> String {
    var current: NSError? = error as NSError
    while let error = current {
      if error.domain == NSPOSIXErrorDomain { return text(Int32(truncatingIfNeeded: error.code)) }
      current = error.userInfo[NSUnderlyingErrorKey] as? NSError
    }
    let outer = error as NSError
    guard outer.domain == NSCocoaErrorDomain else { return error.localizedDescription }
    return cocoa[outer.code].map(text) ?? "the system gives no reason"
  }

  /// Foundation's numbers, where no number of the system lies below them.
  private static let cocoa: [Int: Int32] = [
    CocoaError.fileNoSuchFile.rawValue: ENOENT, CocoaError.fileReadNoSuchFile.rawValue: ENOENT,
    CocoaError.fileReadNoPermission.rawValue: EACCES, CocoaError.fileWriteNoPermission.rawValue: EACCES,
    CocoaError.fileWriteFileExists.rawValue: EEXIST, CocoaError.fileWriteOutOfSpace.rawValue: ENOSPC,
    CocoaError.fileWriteVolumeReadOnly.rawValue: EROFS, CocoaError.fileReadTooLarge.rawValue: EFBIG,
  ]
}
