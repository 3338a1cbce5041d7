import Foundation
import Synchronization

/// Temporary files and folders that must not outlive this process.
///
/// Their owners remove them. This list is for an end that runs no owner's code: a signal whose handler ends the process.
public enum UnfinishedFiles {
  private static let ofProcess = UnfinishedList()

  /// Takes the paths of what ``make(_:)`` makes.
  public struct Listing {
    fileprivate var files: [String: FileIdentity] = [:]

    /// Says that what lies at `path` now must go with this process.
    public mutating func insert(_ path: String) { files[path] = FileIdentity(at: path) }
  }

  /// Makes files or folders that must go with this process. No signal ends the process between their making and their listing.
  ///
  /// Does not return once the process ends.
  ///
  /// - Parameter body: makes them, and lists what it has made. Signals wait for it; it may not call anything else of this type.
  /// - Throws: what `body` throws.
  public static func make<Made: Sendable, Failure: Error>(
    _ body: (inout Listing) throws(Failure) -> Made
  ) throws(Failure) -> Made {
    guard let made = try ofProcess.make(body) else { while true { pause() } }
    return made
  }

  /// Says that what lies at `temporary` now must go with this process also when it has got the name `path`.
  static func insert(_ path: String, likeFileAt temporary: String) { ofProcess.insert(path, likeFileAt: temporary) }

  /// Says that its owner has removed it, or that it may stay.
  public static func remove(_ path: String) { ofProcess.remove(path) }

  /// Removes what is left. Call it last, before the process ends: nothing is made any more.
  public static func removeAll() { ofProcess.removeAll() }
}

/// What ``UnfinishedFiles`` knows.
package final class UnfinishedList: Sendable {
  private struct State {
    /// By path, with what was there, so that another process's file of the same name stays.
    var files: [String: FileIdentity] = [:]
    /// Whether all were removed: what is made now nobody would remove.
    var isEnding = false
  }

  private let state = Mutex(State())

  package init() {}

  /// As ``UnfinishedFiles/make(_:)``; `nil`, and nothing is made, after ``removeAll()``.
  package func make<Made: Sendable, Failure: Error>(
    _ body: (inout UnfinishedFiles.Listing) throws(Failure) -> Made
  ) throws(Failure) -> Made? {
    try state.withLock { (state) throws(Failure) -> Made? in
      guard !state.isEnding else { return nil }
      var listing = UnfinishedFiles.Listing()
      defer { state.files.merge(listing.files) { $1 } }
      return try body(&listing)
    }
  }

  package func insert(_ path: String, likeFileAt temporary: String) {
    state.withLock { $0.files[path] = FileIdentity(at: temporary) }
  }

  package func remove(_ path: String) { state.withLock { $0.files[path] = nil } }

  package func removeAll() {
    let rest = state.withLock { state in
      defer { state = State(isEnding: true) }
      return state.files
    }
    for (path, identity) in rest where FileIdentity(at: path) == identity {
      try? FileManager.default.removeItem(atPath: path)
    }
  }
}
