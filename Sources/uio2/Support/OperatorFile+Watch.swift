import ControlDaemon
import Files
import Foundation
import RobotInterface
import Synchronization

extension OperatorFile {
  /// Looks whether the operator's token is still where it was written.
  ///
  /// A look asks for what the file is, and reads it only where that has changed: it needs no descriptor, and a file that cannot be read just
  /// now ends nothing.
  final class Watch: Sendable {
    private struct Stamp: Equatable {
      var identity: FileIdentity
      var size: Int
      var written: [Int]
    }

    private let path: String
    private let token: SessionToken
    /// Of the file when it held the token.
    private let known = Mutex<Stamp?>(nil)

    init(_ path: String, token: SessionToken) {
      self.path = path
      self.token = token
    }

    /// Why the daemon must end: the path does not hold its token any more, and may soon hold another daemon's.
    func hindrance() -> RobotError? {
      known.withLock { known in
        if let known, known.identity.whereabouts(at: path) == .gone { return gone }
        guard let now = stamp else { return known == nil && !exists ? gone : nil }
        guard now != known else { return nil }
        guard let contents = OperatorFile.contents(path) else { return nil }
        guard contents == OperatorFile.line(token.bytes) else { return gone }
        known = now
        return nil
      }
    }

    private var gone: RobotError {
      RobotError(
        .shuttingDown, "--operator",
        "\(path) was removed or replaced, so that the operator cannot reach this daemon any more; it ends, start it again"
      )
    }

    private var exists: Bool {
      var status = stat()
      return lstat(path, &status) == 0 || errno != ENOENT && errno != ENOTDIR
    }

    private var stamp: Stamp? {
      var status = stat()
      guard lstat(path, &status) == 0, let identity = FileIdentity(at: path) else { return nil }
      return Stamp(
        identity: identity, size: Int(status.st_size), written: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec])
    }
  }
}
