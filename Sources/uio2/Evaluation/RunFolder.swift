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

  var database: URL { url.appending(path: "run.db") }
  var videos: URL { url.appending(path: "videos") }

  /// Opens the run that a command names: a folder, or the database itself.
  static func open(_ path: String, readOnly: Bool = true) throws -> RunDatabase {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let file = exists && isFolder.boolValue ? RunFolder(path).database : URL(filePath: path)
    return try RunDatabase(opening: file, readOnly: readOnly)
  }

  /// Makes the folder, and in it the database of a new run.
  func create(_ configuration: RunConfiguration) throws -> RunDatabase {
    do { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) } catch {
      throw CommandFailure(.unwritable, "\(url.path): the folder of the run cannot be made")
    }
    return try RunDatabase(creating: database, configuration: configuration)
  }
}

extension CommandFailure {
  /// The failures of a run's record.
  static func runFailure(_ error: any Error) -> CommandFailure? {
    guard let error = error as? RunDatabaseError else { return nil }
    return CommandFailure(error.code == .storage ? .unwritable : .badData, error.description)
  }
}
