import Foundation
import RunDatabase

/// Where a run lies: its database and its videos.
struct RunFolder {
  let url: URL

  init(_ path: String) { url = URL(filePath: path) }

  /// The folder of a run that was not given one.
  static func standard(suite: String, policy: String, date: Date = Date()) -> RunFolder {
    let stamp = date.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: false)).replacing(
      ":", with: "")
    return RunFolder("runs/\(suite)-\(policy)-\(stamp)")
  }

  /// The folder as the user would name it.
  var path: String { url.relativePath }

  var database: URL { url.appending(path: "run.db") }
  var videos: URL { url.appending(path: Self.videosName) }

  /// The folder of the videos, seen from that of the run.
  static let videosName = "videos"

  /// Opens the run that a command names: a folder, or the database itself.
  static func open(_ path: String, readOnly: Bool = true) throws -> RunDatabase {
    try RunDatabase(opening: URL(filePath: databasePath(path)), readOnly: readOnly)
  }

  /// The database of the run that a command names.
  static func databasePath(_ path: String) -> String {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && isFolder.boolValue ? RunFolder(path).database.relativePath : path
  }

  /// Makes the folder, and keeps other processes from writing there as long as the claim lives.
  ///
  /// - Throws: ``CommandFailure``: the folder cannot be made or written, or another process is at work there.
  func claim() throws -> RunClaim {
    do { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) } catch {
      throw CommandFailure(.unwritable, "\(url.path): the folder of the run cannot be made")
    }
    return try RunClaim(url.appending(path: "lock").path, folder: url.path)
  }
}

extension RunFolder {
  /// Keeps a run that is read from being written meanwhile; `nil` where nobody has ever claimed its folder.
  ///
  /// - Parameter database: the run's database.
  /// - Throws: ``CommandFailure``: another process is at work there.
  static func claim(reading database: URL) throws -> RunClaim? {
    let folder = database.deletingLastPathComponent()
    return try RunClaim(reading: folder.appending(path: "lock").path, folder: folder.path)
  }
}

/// That no other process writes a run; it ends with its owner, also when that is killed.
final class RunClaim {
  private let descriptor: Int32

  fileprivate init(_ file: String, folder: String) throws {
    let descriptor = open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw CommandFailure(.unwritable, "\(folder): cannot be written: \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let failure = errno
      close(descriptor)
      guard failure == EWOULDBLOCK else {
        throw CommandFailure(.unwritable, "\(folder): cannot be locked: \(String(cString: strerror(failure)))")
      }
      throw CommandFailure(.unavailable, "\(folder): another process is at work on this run")
    }
    self.descriptor = descriptor
  }

  /// Shares the run with other readers; `nil` without a file to lock, or one that cannot be locked: nobody writes where that is so.
  fileprivate init?(reading file: String, folder: String) throws {
    let descriptor = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else {
      self.descriptor = descriptor
      return
    }
    close(descriptor)
    throw CommandFailure(.unavailable, "\(folder): another process is at work on this run")
  }

  deinit { close(descriptor) }
}

extension CommandFailure {
  /// The failures of a run's record.
  static func runFailure(_ error: any Error) -> CommandFailure? {
    guard let error = error as? RunDatabaseError else { return nil }
    return CommandFailure(error.code == .storage ? .unwritable : .badData, error.description)
  }
}
