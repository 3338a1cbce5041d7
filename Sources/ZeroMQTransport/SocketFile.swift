import Files
internal import RobotInterface

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The file of an ipc address, which belongs to one daemon at a time; removed when it is let go of.
///
/// A lock beside it (`PATH.lock`) says whose it is for as long as the daemon lives, so that of two that begin at the same moment one
/// gets the address, and what a killed daemon left is told from what a live one uses. A lock is an empty file of this user; anything else
/// of that name is somebody's, and stays as it is.
package final class SocketFile: Sendable {
  private let path: String
  private let lock: Int32
  private let identity: FileIdentity?

  /// Binds a socket to `path` and listens.
  ///
  /// - Returns: its descriptor, for somebody who closes it, and the file.
  /// - Throws: `.internal` with the address as subject: it is in use, the file there is no socket, or the folder takes none.
  static func listen(_ path: String) throws(RobotError) -> (descriptor: Int32, file: SocketFile) {
    func failure(_ message: String) -> RobotError { RobotError(.internal, "ipc://\(path)", message) }
    // Before anything is written.
    if let status = status(of: path), !isSocket(status) {
      throw failure("exists and is not a socket; choose another path, or remove it yourself")
    }
    let lock = try takeLock(path)
    do throws(SystemSocket.Failure) {
      let descriptor = try bind(path)
      return (descriptor, SocketFile(path: path, lock: lock))
    } catch {
      release(lock, path)
      throw failure(error.number == EADDRINUSE ? inUse : error.message)
    }
  }

  /// For the holder of the lock: it may tell a left-over from a live socket and replace it, because nobody else does meanwhile.
  private static func bind(_ path: String) throws(SystemSocket.Failure) -> Int32 {
    if let status = status(of: path) {
      guard isSocket(status), try isAbandoned(path) else { throw SystemSocket.Failure(EADDRINUSE) }
      unlink(path)
    }
    let socket = try SystemSocket(family: AF_UNIX)
    try socket.bind(path: path)
    do throws(SystemSocket.Failure) { try socket.startListening() } catch {
      unlink(path)
      throw error
    }
    return socket.take()
  }

  private init(path: String, lock: Int32) {
    self.path = path
    self.lock = lock
    identity = FileIdentity(at: path)
  }

  /// Whether the path leads to this socket still, as far as the system says. Where it does not, clients that connect find nobody, or another
  /// daemon.
  package var isInPlace: Bool { identity.map { $0.whereabouts(at: path) != .gone } ?? false }

  deinit {
    // Somebody may have put something else there; that is theirs.
    if identity?.whereabouts(at: path) == .inPlace { unlink(path) }
    Self.release(lock, path)
  }

  // MARK: The socket

  private static let inUse = "in use: another daemon listens there; stop it, or choose another address"

  private static func status(of path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
  }

  private static func isSocket(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFSOCK }

  /// Whether nobody listens at a socket's file.
  private static func isAbandoned(_ path: String) throws(SystemSocket.Failure) -> Bool {
    let probe = try SystemSocket(family: AF_UNIX)
    do throws(SystemSocket.Failure) {
      try probe.connect(path: path)
      return false
    } catch {
      // Anything else, a queue that is full or a file that is not ours to connect to, may be somebody alive.
      return error.number == ECONNREFUSED || error.number == ENOENT
    }
  }

  // MARK: The lock

  private static func lockPath(_ path: String) -> String { path + ".lock" }

  /// - Returns: a descriptor that holds the lock of `path` until it is closed.
  private static func takeLock(_ path: String) throws(RobotError) -> Int32 {
    let lockPath = lockPath(path)
    while true {
      // Before anything is opened: opening a device may do something, and a pipe or a socket has no lock.
      if let status = status(of: lockPath), !isLock(status) { throw noLock(path) }
      let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
      guard descriptor >= 0 else {
        let reason = SystemSocket.Failure().message
        throw RobotError(.internal, "ipc://\(path)", "its lock \(lockPath) cannot be opened: \(reason)")
      }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        throw RobotError(.internal, "ipc://\(path)", inUse)
      }
      // The one before may have removed it after it was opened here; then this one is nobody's lock.
      var held = stat()
      let isHeld = fstat(descriptor, &held) == 0 && FileIdentity(at: lockPath) == FileIdentity(descriptor: descriptor)
      if isHeld, isLock(held) { return descriptor }
      close(descriptor)
      // Put there meanwhile.
      if isHeld { throw noLock(path) }
    }
  }

  /// Whether a file can be a daemon's lock: nothing would be lost with it.
  private static func isLock(_ status: stat) -> Bool {
    status.st_mode & S_IFMT == S_IFREG && status.st_size == 0 && status.st_uid == geteuid()
  }

  private static func noLock(_ path: String) -> RobotError {
    RobotError(
      .internal, "ipc://\(path)",
      "\(lockPath(path)) exists and is not a lock, which is an empty file of this user; choose another path, or move that file away"
    )
  }

  /// Removes the lock, unless somebody has put something else there, or something into it.
  private static func release(_ lock: Int32, _ path: String) {
    var held = stat()
    if fstat(lock, &held) == 0, isLock(held), FileIdentity(at: lockPath(path)) == FileIdentity(descriptor: lock) {
      unlink(lockPath(path))
    }
    close(lock)
  }
}
