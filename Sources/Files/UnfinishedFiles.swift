import Foundation
import Synchronization

/// Temporary files and folders that must not outlive this process.
///
/// Their owners remove them. This list is for an end that runs no owner's code: a signal whose handler ends the process.
public enum UnfinishedFiles {
  private static let paths = Mutex<Set<String>>([])

  static func insert(_ path: String) { paths.withLock { _ = $0.insert(path) } }

  static func remove(_ path: String) { paths.withLock { _ = $0.remove(path) } }

  /// Removes what is left. Call it last, before the process ends.
  public static func removeAll() {
    let rest = paths.withLock { paths in
      defer { paths = [] }
      return paths
    }
    for path in rest { try? FileManager.default.removeItem(atPath: path) }
  }
}
