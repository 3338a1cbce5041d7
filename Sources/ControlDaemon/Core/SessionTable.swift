import RobotInterface
import RobotPolicy

/// How far an episode is, so that its observations come in the order in which they were made.
struct EpisodeOrder: Sendable {
  private var sequence: UInt64?
  private var capturedAt: UInt64 = 0

  /// - Throws: `.outOfOrder` when `observation` is not newer than the last one.
  func check(_ observation: Observation) throws(RobotError) {
    if let sequence, observation.sequence <= sequence {
      throw RobotError(
        .outOfOrder, "observation.sequence",
        "\(observation.sequence) does not come after \(sequence); count up, and reset to begin a new episode")
    }
    guard observation.capturedAt >= capturedAt else {
      throw RobotError(
        .outOfOrder, "observation.captured_at",
        "\(observation.capturedAt) lies before \(capturedAt); use a monotonic clock, and reset after a restart")
    }
  }

  mutating func advance(to observation: Observation) {
    sequence = observation.sequence
    capturedAt = observation.capturedAt
  }
}

/// One robot's state: a small record, and the episode's memory while the session has a place. Nothing in it is shared with another
/// session.
struct Session: Sendable {
  /// The owner's; `nil`: nobody owns the session.
  fileprivate(set) var token: SessionToken?
  /// The name of the owner's key; `nil`: of nobody, or where nobody has keys.
  fileprivate(set) var key: String?
  /// Whether somebody has sent the token, so that it is known to have arrived.
  fileprivate(set) var isTokenPresented = false
  /// Latched until the owner or the operator resumes, whatever else happens.
  fileprivate(set) var isStopped: Bool
  /// Nanoseconds on the daemon's clock of the last request.
  fileprivate(set) var lastActive: UInt64
  /// How the robot's clock relates to the daemon's.
  var clock = ClockOffset()
  /// The last observation that was answered with commands.
  var order = EpisodeOrder()
  /// What the policy remembers of the episode; `nil`: the session has no place.
  var context: EpisodeContext?
  /// The chunks of the episode on their way to the robot.
  var receipts = ChunkReceipts()
  /// Nanoseconds on the daemon's clock: when an observation was last answered with commands; `nil`: never.
  private(set) var lastServed: UInt64?
  /// Nanoseconds on the daemon's clock, after which no command of the episode begins; `nil`: there is none.
  private(set) var commandsEnd: UInt64?
  /// Nanoseconds on the robot's clock, after which no command of the episode begins, also of an episode whose memory is forgotten; `nil`:
  /// there is none.
  private(set) var validUntil: UInt64?

  /// How often it may have a step.
  var pace = SessionPace()

  /// Whether somebody is the owner: with the key, where there are keys, and with the token.
  func belongs(to key: String?, presenting token: [UInt8]) -> Bool {
    self.key == key && self.token?.matches(token) == true
  }

  /// Forgets the episode, but not the stop: a new episode is no permission to move.
  mutating func beginEpisode() {
    order = EpisodeOrder()
    receipts = ChunkReceipts()
    commandsEnd = nil
    validUntil = nil
    context = context.map(EpisodeContext.init(after:))
  }

  /// Takes note of an observation that left its robot before the robot had the last chunk: what it reports as executed may then be of the
  /// chunk before.
  mutating func compare(_ observation: Observation, receivedAt: UInt64) {
    receipts.read(observation.echo)
    guard let last = context?.lastChunkNumber, last > 0 else { return }
    if receipts.isAhead(observation, receivedAt: receivedAt) { context?.noteObservationAhead() }
    context?.noteReceipt(upTo: receipts.newestKnown(to: observation, last: last), at: observation.capturedAt)
  }

  /// - Throws: `.invalidAction` for an observation within the validity of commands that were forgotten with the session's place: nobody
  ///   knows where they lead.
  func checkForgottenCommands(_ observation: Observation) throws(RobotError) {
    guard context == nil, let validUntil, observation.capturedAt <= validUntil else { return }
    throw RobotError(
      .invalidAction, "observation.captured_at",
      "the session gave its place away while its commands were valid, and they are forgotten; hold still until its clock is past "
        + "\(validUntil) and observe again, or reset to begin a new episode")
  }

  /// Takes note of commands that answer an observation.
  ///
  /// - Parameters:
  ///   - receivedAt: when the observation came. It was made before that, so that the commands end no later than this reckons.
  ///   - standstill: nanoseconds for which the robot's clock may stand still while they are valid.
  mutating func serve(_ chunk: ActionChunk, receivedAt: UInt64, standstill: UInt64 = 0, at now: UInt64) {
    lastServed = now
    validUntil = max(validUntil ?? 0, chunk.validUntil)
    let validity = chunk.validUntil - min(chunk.validUntil, chunk.capturedAt)
    let (end, overflow) = receivedAt.addingReportingOverflow(validity)
    commandsEnd = max(commandsEnd ?? 0, overflow ? .max : end, standstill > 0 ? now &+ standstill : 0)
  }

  /// Begins the memory of an episode in a new place.
  fileprivate mutating func beginMemory() {
    context = EpisodeContext()
    receipts = ChunkReceipts()
  }
}

/// The sessions that the daemon knows.
///
/// A session is a small record, made by a greeting or a stop. A bounded number of them has a place as well, which holds the episode's
/// memory; a session takes one with its first observation. When all places are taken, one gives its place away: first a session none of
/// whose observations was ever answered with commands, then the one whose last such answer is oldest, if it is stopped or that was the idle
/// time ago. None does while an observation is under way or its robot may still execute commands. It remains known: its owner, its stop
/// and its order survive.
///
/// The records are bounded too, half of them for sessions that somebody owns and half for those that nobody does, such as made-up names
/// that were stopped: no flood of stops makes the daemon forget an owner. Of owned ones the oldest idle one is forgotten first, then the
/// oldest stopped one. Once a stop had to be forgotten, every session that is not known begins stopped, so that no robot whose stop was
/// forgotten moves before its owner resumes it. The operator ends that (``resumeUnknown()``).
struct SessionTable: Sendable {
  private var sessions: [String: Session] = [:]
  private var places: Set<String> = []
  /// Owned sessions without a place.
  private var idle = RecencyList<String>()
  private var stopped = RecencyList<String>()
  /// Sessions that nobody owns; they have no place.
  private var ownerless = RecencyList<String>()

  private let capacity: Int
  private let ownedCapacity: Int
  private let ownerlessCapacity: Int
  /// Nanoseconds.
  private let idleTime: UInt64

  /// Whether a stop was forgotten for want of memory, and sessions that are not known begin stopped.
  private(set) var hasForgottenStop = false

  /// - Parameters:
  ///   - capacity: places, at least 1.
  ///   - recordCapacity: known sessions; more than twice the places.
  ///   - idleTime: nanoseconds after its last commands from which on a session gives its place away.
  init(capacity: Int, recordCapacity: Int, idleTime: UInt64) {
    self.capacity = max(1, capacity)
    ownedCapacity = max(recordCapacity - recordCapacity / 2, self.capacity + 1)
    ownerlessCapacity = max(recordCapacity / 2, 1)
    self.idleTime = idleTime
  }

  /// Sessions that have a place.
  var placeCount: Int { places.count }
  /// Sessions that are known.
  var count: Int { sessions.count }

  /// A known session. What is not known stays so.
  subscript(id: String) -> Session? {
    get { sessions[id] }
    set { if let newValue, sessions[id] != nil { sessions[id] = newValue } }
  }

  /// Makes whoever greets first the owner, by the token that it has chosen, or one made here.
  ///
  /// One made here that nobody has sent yet may have been lost with its answer: another takes its place when the session is greeted
  /// without a token again.
  ///
  /// - Parameters:
  ///   - token: that the client has sent.
  ///   - key: the name of the client's key; another key's session is another client's.
  ///   - mayAdopt: whether it may become the session's.
  /// - Returns: the owner's token; `nil` when the session belongs to another client.
  mutating func greet(
    _ id: String, presenting token: [UInt8], key: String? = nil, mayAdopt: Bool = true, at now: UInt64
  ) -> SessionToken? {
    if let session = sessions[id], let owner = session.token {
      if session.belongs(to: key, presenting: token) {
        notePresented(id)
        touch(id, at: now)
        return owner
      }
      guard !session.isTokenPresented, token.isEmpty, session.key == key else { return nil }
    }
    remember(id, at: now)
    let chosen = mayAdopt ? SessionToken(chosen: token) : nil
    let owner = chosen ?? SessionToken()
    sessions[id]?.token = owner
    sessions[id]?.key = key
    sessions[id]?.isTokenPresented = chosen != nil
    file(id)
    makeRoom(except: id)
    return owner
  }

  /// Takes note that the owner has its token.
  mutating func notePresented(_ id: String) { sessions[id]?.isTokenPresented = true }

  /// Takes the owner of a known session away, with its episode and its place. Its stop stays.
  mutating func release(_ id: String, at now: UInt64) {
    places.remove(id)
    sessions[id]?.token = nil
    sessions[id]?.key = nil
    sessions[id]?.isTokenPresented = false
    sessions[id]?.context = nil
    sessions[id]?.beginEpisode()
    touch(id, at: now)
    makeRoom(except: id)
  }

  /// Sessions that belong to one of these keys, with the key, in the order of their names.
  ///
  /// - Complexity: O(known sessions).
  func owned(byKeys names: Set<String>) -> [(session: String, key: String)] {
    sessions.compactMap { id, session in session.key.flatMap { names.contains($0) ? (id, $0) : nil } }
      .sorted { $0.session < $1.session }
  }

  /// Lets sessions that are not known begin unstopped again.
  mutating func resumeUnknown() { hasForgottenStop = false }

  /// Latches the stop of a session, known or not. There is always room for it.
  mutating func stop(_ id: String, at now: UInt64) {
    remember(id, at: now)
    sessions[id]?.isStopped = true
    file(id)
    makeRoom(except: id)
  }

  /// Clears the stop of a known session.
  mutating func resume(_ id: String, at now: UInt64) {
    sessions[id]?.isStopped = false
    touch(id, at: now)
  }

  /// Marks a known session as active.
  mutating func touch(_ id: String, at now: UInt64) {
    sessions[id]?.lastActive = now
    file(id)
  }

  /// Makes sure that a known session has a place.
  ///
  /// - Parameter isBusy: whether a session has an observation under way, and so keeps its place whatever the clock says.
  /// - Returns: whether the place is new, and the session that gave it away.
  /// - Throws: `.overloaded` when there is no place.
  mutating func takePlace(
    for id: String, at now: UInt64, isBusy: (String) -> Bool
  ) throws(RobotError) -> (isNew: Bool, yielded: String?) {
    guard !places.contains(id) else { return (false, nil) }
    var yielded: String?
    if places.count >= capacity {
      guard let session = sessionToYield(at: now, isBusy: isBusy) else {
        throw RobotError(.overloaded, "session_id", "all \(capacity) sessions are in use; try again later")
      }
      places.remove(session)
      sessions[session]?.context = nil
      file(session)
      yielded = session
    }
    idle.remove(id)
    stopped.remove(id)
    places.insert(id)
    sessions[id]?.beginMemory()
    return (true, yielded)
  }

  private func sessionToYield(at now: UInt64, isBusy: (String) -> Bool) -> String? {
    var oldest: (id: String, served: Bool, time: UInt64)?
    for id in places {
      guard let session = sessions[id], session.commandsEnd.map({ now > $0 }) ?? true, !isBusy(id) else { continue }
      // Refused observations hold no place: not against one whose robot flies and pauses.
      let time = session.lastServed ?? session.lastActive, served = session.lastServed != nil
      guard !served || session.isStopped || now &- time >= idleTime else { continue }
      if let oldest, (oldest.served ? 1 : 0, oldest.time) <= (served ? 1 : 0, time) { continue }
      oldest = (id, served, time)
    }
    return oldest?.id
  }

  /// Makes sure that a session is known, and marks it as active.
  private mutating func remember(_ id: String, at now: UInt64) {
    if sessions[id] == nil { sessions[id] = Session(isStopped: hasForgottenStop, lastActive: now) }
    touch(id, at: now)
  }

  /// Forgets what is more than may be remembered.
  ///
  /// - Parameter id: what has just come, which is the newest of its list.
  private mutating func makeRoom(except id: String) {
    while ownerless.count > ownerlessCapacity, let oldest = ownerless.removeOldest() { forget(oldest) }
    while sessions.count - ownerless.count > ownedCapacity {
      guard let oldest = idle.oldest != id ? idle.removeOldest() ?? stopped.removeOldest() : stopped.removeOldest()
      else {
        return
      }
      forget(oldest)
    }
  }

  private mutating func forget(_ id: String) {
    if sessions.removeValue(forKey: id)?.isStopped == true { hasForgottenStop = true }
  }

  /// Puts a session without a place at the end of its list.
  private mutating func file(_ id: String) {
    guard let session = sessions[id], !places.contains(id) else { return }
    if session.token == nil {
      idle.remove(id)
      stopped.remove(id)
      return ownerless.use(id)
    }
    ownerless.remove(id)
    if session.isStopped {
      idle.remove(id)
      stopped.use(id)
    } else {
      stopped.remove(id)
      idle.use(id)
    }
  }
}
