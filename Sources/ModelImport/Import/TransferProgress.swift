import Files
import Foundation
import Tensors

/// How far the writing of a checkpoint has come.
public struct TransferProgress: Sendable, Hashable {
  public var bytesWritten: Int
  public var bytesTotal: Int
  /// The tensor at hand.
  public var tensor: String

  /// 0 to 1.
  public var fraction: Double { bytesTotal == 0 ? 1 : Double(bytesWritten) / Double(bytesTotal) }
}

/// The folder that a checkpoint is written into.
package struct Destination {
  let directory: URL

  /// Makes the folder and checks that the disk has room for `bytes`.
  ///
  /// - Throws: ``ImportError`` `.unwritableFile` or `.noSpace`, with the room that is needed and there.
  init(_ directory: URL, bytes: Int) throws(ImportError) {
    self.directory = directory
    do throws(FileError) { try OutputFolder.make(directory.path) } catch { throw ImportError(error) }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: directory.path)
    guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.intValue else { return }
    if let reason = Self.shortage(of: bytes, free: free) { throw ImportError(.noSpace, directory.path, reason) }
  }

  /// Writes a small file whole.
  func write(_ data: Data, _ name: String) throws(ImportError) {
    let path = directory.appending(path: name).path
    do throws(FileError) { try OutputTarget(path).write(Array(data)) } catch { throw ImportError(error) }
  }

  /// Why a disk with `free` bytes has no room for a checkpoint of `bytes`; `nil` when it has.
  package static func shortage(of bytes: Int, free: Int) -> String? {
    // Headers, configuration and tokenizer beside the tensors.
    let (needed, overflow) = bytes.addingReportingOverflow(64 << 20)
    guard overflow || needed > free else { return nil }
    func mebibytes(_ count: Int) -> Int { count >> 20 }
    let missing = overflow ? "far more" : "\(mebibytes(needed - free) + 1) MiB more"
    let wanted = overflow ? "\(mebibytes(bytes)) MiB" : "\(mebibytes(needed - 1) + 1) MiB"
    return "needs \(wanted) of disk, \(mebibytes(free)) MiB are free; make room for \(missing) or choose another disk"
  }
}
