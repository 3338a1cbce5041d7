import RobotInterface

/// The sessions that the daemon remembers, a bounded number.
///
/// When the table is full, a new session takes the place of the one that has been idle the longest, if that was long
/// enough. A stopped session is never forgotten: its robot must find the stop still latched when it comes back.
struct SessionTable: Sendable {
  private var sessions: [String: Session] = [:]
  private let capacity: Int
  /// Nanoseconds.
  private let idleExpiry: UInt64

  init(capacity: Int, idleExpiry: UInt64) {
    self.capacity = capacity
    self.idleExpiry = idleExpiry
  }

  var count: Int { sessions.count }

  subscript(id: String) -> Session? {
    get { sessions[id] }
    set { sessions[id] = newValue }
  }

  /// Makes sure that session `id` exists and marks it as active.
  ///
  /// - Parameter isBusy: whether a session has a request under way, and so is not idle whatever the clock says.
  /// - Returns: the session that was forgotten to make room, if any.
  /// - Throws: `.overloaded` when there is no room.
  mutating func open(_ id: String, at now: UInt64, isBusy: (String) -> Bool) throws(RobotError) -> String? {
    guard sessions[id] == nil else {
      sessions[id]?.lastActive = now
      return nil
    }
    var forgotten: String?
    if sessions.count >= capacity {
      let idle = sessions.filter { !$0.value.isStopped && !isBusy($0.key) }
      guard let oldest = idle.min(by: { $0.value.lastActive < $1.value.lastActive }),
        now &- oldest.value.lastActive >= idleExpiry
      else {
        throw RobotError(.overloaded, "session_id", "all \(capacity) sessions are in use; try again later")
      }
      sessions[oldest.key] = nil
      forgotten = oldest.key
    }
    sessions[id] = Session(at: now)
    return forgotten
  }
}
