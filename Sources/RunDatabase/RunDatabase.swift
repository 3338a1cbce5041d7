import Files
public import Foundation
import GRDB

/// Which file lies at a path.
private struct FileIdentity: Hashable {
  private let device: UInt64
  private let number: UInt64

  init?(_ path: String) {
    var status = stat()
    guard !path.isEmpty, stat(path, &status) == 0 else { return nil }
    (device, number) = (UInt64(status.st_dev), UInt64(status.st_ino))
  }
}

/// The record of a run in one SQLite file: its configuration, a row a start of a worker, a row an attempt at an episode, a row a policy step.
///
/// An attempt and its steps are written together when it ends, so a process that is killed loses the episodes that were running and
/// nothing else. One process writes at a time; others may read meanwhile.
public final class RunDatabase: Sendable {
  /// The layout of the tables. A database of another version is refused.
  public static let version = 2

  /// What the run evaluates.
  public let configuration: RunConfiguration
  let queue: DatabaseQueue
  private let places: [RunConfiguration.Episode: Int]
  /// The file that is open; `nil` in memory.
  private let identity: FileIdentity?
  /// The file, absolute.
  public let path: String

  /// Creates the database of a new run. It appears at `url` whole or not at all.
  ///
  /// - Throws: ``RunDatabaseError`` `.exists` when there is a file already, `.storage` when it cannot be written.
  public convenience init(creating url: URL, configuration: RunConfiguration) throws(RunDatabaseError) {
    let draft = url.appendingPathExtension("creating")
    guard !FileManager.default.fileExists(atPath: url.path) else {
      throw RunDatabaseError(.exists, url.path, "there is a run already; resume it, or choose another folder")
    }
    // What a process left that was killed here.
    Self.remove(draft)
    do throws(RunDatabaseError) {
      try UnfinishedFiles.make { (listing) throws(RunDatabaseError) in
        defer { listing.insert(draft.path) }
        let new = try Self.open(draft.absoluteURL.path, readOnly: false, keepsLog: false)
        try Self.storage(draft.path) {
          try new.write { db in try Self.begin(db, configuration) }
          try new.close()
        }
      }
    } catch {
      Self.remove(draft)
      throw error
    }
    try Self.move(draft, to: url)
    try self.init(opening: url)
  }

  /// Creates the database of a run that nobody goes on with: it lies in memory and ends with this object.
  ///
  /// - Throws: ``RunDatabaseError`` `.storage`.
  public convenience init(inMemory configuration: RunConfiguration) throws(RunDatabaseError) {
    let queue = try Self.storage("the run in memory") {
      let queue = try DatabaseQueue()
      try queue.write { db in try Self.begin(db, configuration) }
      return queue
    }
    self.init(queue: queue, path: "", configuration: configuration)
  }

  /// Opens the database of a run.
  ///
  /// - Throws: ``RunDatabaseError`` `.notFound`, `.notARun`, or `.storage`.
  public convenience init(opening url: URL, readOnly: Bool = false) throws(RunDatabaseError) {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw RunDatabaseError(.notFound, url.path, "there is no run here")
    }
    // SQLite would wait for somebody to write into a pipe.
    do throws(FileError) { try InputFile.requireRegular(url.path) } catch {
      throw RunDatabaseError(.notARun, url.path, error.message)
    }
    let queue = try Self.open(url.path, readOnly: readOnly)
    let text: String? = try Self.storage(url.path) {
      try queue.read { db in
        guard try Int.fetchOne(db, sql: "PRAGMA application_id") == Self.applicationID,
          try Int.fetchOne(db, sql: "PRAGMA user_version") == Self.version
        else { return nil }
        return try String.fetchOne(db, sql: "SELECT configuration FROM run")
      }
    }
    guard let text, let configuration = try? JSONDecoder().decode(RunConfiguration.self, from: Data(text.utf8)) else {
      throw RunDatabaseError(.notARun, url.path, "expected a run database of version \(Self.version)")
    }
    self.init(queue: queue, path: url.absoluteURL.path, configuration: configuration)
  }

  private init(queue: DatabaseQueue, path: String, configuration: RunConfiguration) {
    self.queue = queue
    self.path = path
    identity = FileIdentity(path)
    self.configuration = configuration
    places = Dictionary(configuration.episodes.enumerated().map { ($1, $0) }) { first, _ in first }
  }

  // MARK: Writing

  /// Writes an attempt with its steps, all or nothing.
  ///
  /// - Throws: ``RunDatabaseError`` `.mismatch` for an episode that is not in the plan or is finished already, `.storage`.
  public func record(_ attempt: EpisodeRecord, steps: [StepRecord]) throws(RunDatabaseError) {
    guard let place = places[attempt.episode] else {
      throw RunDatabaseError(
        .mismatch, "\(attempt.episode.task) seed \(attempt.episode.seed)", "the run's plan has no such episode")
    }
    let isRecorded: Bool = try Self.storage(path) {
      try queue.write { db in
        guard try !Self.isSettled(place, db) else { return false }
        try Self.insert(attempt, place: place, steps: steps, db)
        return true
      }
    }
    guard isRecorded else {
      throw RunDatabaseError(
        .mismatch, "\(attempt.episode.task) seed \(attempt.episode.seed)", "the episode has an outcome already")
    }
  }

  /// Writes what a worker has said when it began.
  ///
  /// - Throws: ``RunDatabaseError`` `.otherSimulator` when it simulates with other versions than the workers before it; `.storage`.
  public func record(_ worker: WorkerRecord) throws(RunDatabaseError) {
    let before = try workers().compactMap(\.simulator).first
    if let before, let simulator = worker.simulator, let difference = before.firstDifference(from: simulator) {
      throw RunDatabaseError(.otherSimulator, "simulator", "the run was begun with another one: \(difference)")
    }
    try Self.storage(path) {
      try queue.write { db in
        try db.execute(
          sql: "INSERT INTO worker (worker, started, record) VALUES (?, ?, ?)",
          arguments: [worker.worker, Date().timeIntervalSince1970, try Self.text(worker)])
      }
    }
  }

  /// Gives the abandoned episodes back: they count as lost and remain.
  ///
  /// - Returns: how many there were.
  @discardableResult
  public func reopenAbandoned() throws(RunDatabaseError) -> Int {
    let abandoned = try attempts().filter { $0.state == .abandoned }
    try Self.storage(path) {
      try queue.write { db in
        for var attempt in abandoned {
          attempt.state = .lost
          try db.execute(
            sql: "UPDATE episode SET state = ?, record = ? WHERE task = ? AND seed = ? AND attempt = ?",
            arguments: [
              attempt.state.rawValue, try Self.text(attempt), attempt.episode.task, attempt.episode.seed,
              attempt.attempt,
            ])
        }
      }
    }
    return abandoned.count
  }

  /// Ends writing: everything lies in the one file afterwards, which may be moved, and read where nothing may be written.
  ///
  /// - Throws: ``RunDatabaseError`` `.storage`, also when another program reads it for long; nothing recorded is lost then.
  public func close() throws(RunDatabaseError) {
    try Self.storage(path) {
      try queue.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = DELETE") }
      try queue.close()
    }
  }

  /// Makes sure that the file which is written still lies at ``path``.
  ///
  /// - Throws: ``RunDatabaseError`` `.storage` when it was removed, moved or replaced: what was recorded is not there.
  public func requireInPlace() throws(RunDatabaseError) {
    guard let identity, FileIdentity(path) != identity else { return }
    throw RunDatabaseError(
      .storage, path, "the run's record was removed or replaced while it was written; repeat the run in another folder")
  }

  // MARK: Reading

  /// All attempts, in the order of the plan and then of the attempts.
  public func attempts() throws(RunDatabaseError) -> [EpisodeRecord] {
    try Self.storage(path) {
      try queue.read { db in
        try Row.fetchAll(db, sql: "SELECT record FROM episode ORDER BY place, attempt").map {
          try $0.decoded("record", as: EpisodeRecord.self)
        }
      }
    }
  }

  /// The attempts that settled their episode: finished or abandoned.
  public func outcomes() throws(RunDatabaseError) -> [EpisodeRecord] {
    try attempts().filter { $0.state != .lost }
  }

  /// The episodes of the plan without an outcome, with the number of attempts that were lost.
  public func remaining() throws(RunDatabaseError) -> [(episode: RunConfiguration.Episode, lostAttempts: Int)] {
    var lost: [RunConfiguration.Episode: Int] = [:]
    var settled: Set<RunConfiguration.Episode> = []
    for attempt in try attempts() {
      if attempt.state == .lost { lost[attempt.episode, default: 0] += 1 } else { settled.insert(attempt.episode) }
    }
    return configuration.episodes.filter { !settled.contains($0) }.map { ($0, lost[$0] ?? 0) }
  }

  /// What each worker has said when it began, in order.
  public func workers() throws(RunDatabaseError) -> [WorkerRecord] {
    try Self.storage(path) {
      try queue.read { db in
        try Row.fetchAll(db, sql: "SELECT record FROM worker ORDER BY id").map {
          try $0.decoded("record", as: WorkerRecord.self)
        }
      }
    }
  }

  /// The configurations of the shards that were joined into this run, without their episodes; empty for a run that was made at once.
  public func sources() throws(RunDatabaseError) -> [RunConfiguration] {
    try Self.storage(path) {
      try queue.read { db in
        try Row.fetchAll(db, sql: "SELECT configuration FROM source ORDER BY shard").map {
          try $0.decoded("configuration", as: RunConfiguration.self)
        }
      }
    }
  }

  /// When the run was begun.
  public func date() throws(RunDatabaseError) -> Date {
    let seconds = try Self.storage(path) { try queue.read { try Double.fetchOne($0, sql: "SELECT created FROM run") } }
    return Date(timeIntervalSince1970: seconds ?? 0)
  }

  /// The names of ``StepRecord/proprioception``; empty before a worker has said them.
  public func proprioception() throws(RunDatabaseError) -> [String] {
    let text = try Self.storage(path) {
      try queue.read { try String.fetchOne($0, sql: "SELECT proprioception FROM run WHERE proprioception IS NOT NULL") }
    }
    return text?.split(separator: ",").map(String.init) ?? []
  }

  /// Notes the names of ``StepRecord/proprioception``.
  public func note(proprioception names: [String]) throws(RunDatabaseError) {
    guard !names.isEmpty else { return }
    try Self.storage(path) {
      try queue.write { db in
        try db.execute(
          sql: "UPDATE run SET proprioception = ? WHERE proprioception IS NULL",
          arguments: [names.joined(separator: ",")])
      }
    }
  }

  /// The steps of an attempt, in order.
  public func steps(of attempt: EpisodeRecord) throws(RunDatabaseError) -> [StepRecord] {
    guard let place = places[attempt.episode] else { return [] }
    return try Self.storage(path) {
      try queue.read { db in
        let sql = """
          SELECT step.* FROM step JOIN episode ON episode.id = step.episode
          WHERE episode.place = ? AND episode.attempt = ? ORDER BY step.id
          """
        return try Row.fetchAll(db, sql: sql, arguments: [place, attempt.attempt]).map(StepRecord.init(row:))
      }
    }
  }
}
