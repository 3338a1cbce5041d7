import Files
import Foundation

/// Small files that go with a checkpoint, read before the work begins: one that cannot be read is told before gigabytes are written.
struct CheckpointCompanions {
  private let files: [(name: String, bytes: [UInt8])]

  /// Reads those of `names` that lie in `folder`.
  ///
  /// - Throws: ``ImportError`` `.unreadableFile` for one that is there and is no regular file, or may not be read.
  init(_ names: [String], in folder: URL) throws(ImportError) {
    var files: [(name: String, bytes: [UInt8])] = []
    for name in names {
      let path = folder.appending(path: name).path
      // A link that leads nowhere is there too.
      guard (try? FileManager.default.attributesOfItem(atPath: path)) != nil else { continue }
      do throws(FileError) { files.append((name, try InputFile.bytes(of: path))) } catch { throw ImportError(error) }
    }
    self.files = files
  }

  /// Writes them whole.
  func write(to destination: Destination) throws(ImportError) {
    for file in files { try destination.write(Data(file.bytes), file.name) }
  }
}
