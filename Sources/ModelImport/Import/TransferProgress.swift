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
struct Destination {
  let directory: URL

  /// Makes the folder and checks that the disk has room for `bytes`.
  ///
  /// - Throws: ``ImportError`` `.unwritableFile` or `.noSpace`, with the room that is needed and there.
  init(_ directory: URL, bytes: Int) throws(ImportError) {
    self.directory = directory
    do {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    } catch {
      throw ImportError(.unwritableFile, directory.path, "cannot be made: \(error.localizedDescription)")
    }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: directory.path)
    // Headers, configuration and tokenizer beside the tensors.
    let needed = bytes.addingReportingOverflow(64 << 20)
    guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.int64Value else { return }
    guard !needed.overflow, Int64(needed.partialValue) <= free else {
      throw ImportError(
        .noSpace, directory.path,
        "needs \(Self.gigabytes(Double(bytes))) of disk, \(Self.gigabytes(Double(free))) are free; make room or choose another disk"
      )
    }
  }

  /// Writes a small file whole.
  func write(_ data: Data, _ name: String) throws(ImportError) {
    let url = directory.appending(path: name)
    do {
      try data.write(to: url, options: .atomic)
    } catch {
      throw ImportError(.unwritableFile, url.path, "cannot be written: \(error.localizedDescription)")
    }
  }

  private static func gigabytes(_ bytes: Double) -> String {
    let tenths = Int((bytes / 1e8).rounded(.up))
    return "\(tenths / 10).\(tenths % 10) GB"
  }
}
