import Foundation
import Synchronization

/// Temporary files and folders that must not outlive this process.
///
/// Their owners remove them. This list is for an end that runs no owner's code: a signal whose handler ends the process.
public enum UnfinishedFiles {
  /// By path, with what was there, so that another process's file of the same name stays.
  private static let paths = Mutex<[String: FileIdentity]>([:])

  /// Says that what lies at `path` now must go with this process.
  public static func insert(_ path: String) { paths.withLock { $0[path] = FileIdentity(at: path) } }

  /// Says that what lies at `temporary` now must go with this process also when it has got the name `path`.
  static func insert(_ path: String, likeFileAt temporary: String) {
    paths.withLock { $0[path] = FileIdentity(at: temporary) }
  }

  /// Says that its owner has removed it, or that it may stay.
  public static func remove(_ path: String) { paths.withLock { $0[path] = nil } }

  /// Removes what is left. Call it last, before the process ends.
  public static func removeAll() {
    let rest = paths.withLock { paths in
      defer { paths = [:] }
      return paths
    }
    for (path, identity) in rest where FileIdentity(at: path) == identity {
      try? FileManager.default.removeItem(atPath: path)
    }
  }
}
