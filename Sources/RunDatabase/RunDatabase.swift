import Files
public import Foundation
import GRDB

/// The record of a run in one SQLite file: its configuration, a row an attempt at an episode, a row a policy step.
///
/// An attempt and its steps are written together when it ends, so a process that is killed loses the episodes that were running and
/// nothing else. One process writes at a time; others may read meanwhile.
public final class RunDatabase: Sendable {
  /// The layout of the tables. A database of another version is refused.
  public static let version = 1
  /// Marks the file as a run database ("UIO2").
  private static let applicationID = 0x5549_4F32

  /// What the run evaluates.
  public let configuration: RunConfiguration
  private let queue: DatabaseQueue
  /// The file, absolute.
  public let path: String

  /// Creates the database of a new run.
  ///
  /// - Throws: ``RunDatabaseError`` `.exists` when there is a file already, `.storage` when it cannot be written.
  public convenience init(creating url: URL, configuration: RunConfiguration) throws(RunDatabaseError) {
    guard !FileManager.default.fileExists(atPath: url.path) else {
      throw RunDatabaseError(.exists, url.path, "there is a run already; resume it, or choose another folder")
    }
    let queue = try Self.open(url.absoluteURL.path, readOnly: false)
    try Self.storage(url.path) {
      try queue.write { db in
        try db.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
        try db.execute(sql: "PRAGMA user_version = \(Self.version)")
        try Self.createTables(db)
        let text = String(decoding: try Self.encoder.encode(configuration), as: UTF8.self)
        try db.execute(
          sql: "INSERT INTO run (configuration, created) VALUES (?, ?)",
          arguments: [text, Date().timeIntervalSince1970])
      }
    }
    self.init(queue: queue, path: url.absoluteURL.path, configuration: configuration)
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
    self.configuration = configuration
  }

  // MARK: Writing

  /// Writes an attempt with its steps, all or nothing.
  ///
  /// - Throws: ``RunDatabaseError`` `.mismatch` for an episode that is not in the plan or is finished already, `.storage`.
  public func record(_ attempt: EpisodeRecord, steps: [StepRecord]) throws(RunDatabaseError) {
    guard let place = configuration.episodes.firstIndex(of: attempt.episode) else {
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

  /// Ends writing: everything lies in the one file afterwards, which may then be moved.
  func moveToOneFile() throws(RunDatabaseError) {
    try Self.storage(path) {
      try queue.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = DELETE") }
      try queue.close()
    }
  }

  // MARK: Reading

  /// All attempts, in the order of the plan and then of the attempts.
  public func attempts() throws(RunDatabaseError) -> [EpisodeRecord] {
    try Self.storage(path) {
      try queue.read { db in
        try Row.fetchAll(db, sql: "SELECT record FROM episode ORDER BY place, attempt").map { row in
          try JSONDecoder().decode(EpisodeRecord.self, from: Data((row["record"] as String).utf8))
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
    guard let place = configuration.episodes.firstIndex(of: attempt.episode) else { return [] }
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

  // MARK: Parts

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return encoder
  }

  private static func open(_ path: String, readOnly: Bool) throws(RunDatabaseError) -> DatabaseQueue {
    try storage(path) {
      var options = Configuration()
      options.readonly = readOnly
      options.busyMode = .timeout(10)
      options.prepareDatabase { db in
        guard !readOnly else { return }
        // A commit survives the death of the process at once, and that of the machine from the next checkpoint on.
        try db.execute(sql: "PRAGMA journal_mode = WAL")
        try db.execute(sql: "PRAGMA synchronous = NORMAL")
      }
      return try DatabaseQueue(path: path, configuration: options)
    }
  }

  /// Runs something of GRDB's and tells of its errors in our words.
  private static func storage<Value>(_ path: String, _ body: () throws -> Value) throws(RunDatabaseError) -> Value {
    do { return try body() } catch let error as DatabaseError {
      let isForeign = error.resultCode == .SQLITE_NOTADB || error.resultCode == .SQLITE_CORRUPT
      throw RunDatabaseError(isForeign ? .notARun : .storage, path, "SQLite: \(error.message ?? "\(error.resultCode)")")
    } catch {
      throw RunDatabaseError(.storage, path, "\(error)")
    }
  }

  private static func createTables(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE run (configuration TEXT NOT NULL, created REAL NOT NULL, proprioception TEXT) STRICT;
        CREATE TABLE episode (
          id INTEGER PRIMARY KEY,
          place INTEGER NOT NULL,
          task TEXT NOT NULL, task_group TEXT NOT NULL, seed INTEGER NOT NULL,
          attempt INTEGER NOT NULL, state TEXT NOT NULL,
          success_at_any_step INTEGER NOT NULL, success_at_end INTEGER NOT NULL,
          steps INTEGER NOT NULL, steps_to_success INTEGER,
          record TEXT NOT NULL,
          UNIQUE (place, attempt)
        ) STRICT;
        CREATE TABLE step (
          id INTEGER PRIMARY KEY,
          episode INTEGER NOT NULL REFERENCES episode (id),
          step INTEGER NOT NULL, latency_ms TEXT NOT NULL, proprioception TEXT NOT NULL, tokens TEXT NOT NULL,
          confidence REAL,
          commands TEXT NOT NULL, limited INTEGER NOT NULL, reward REAL, success INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX step_of_episode ON step (episode);
        """)
  }

  private static func isSettled(_ place: Int, _ db: Database) throws -> Bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM episode WHERE place = ? AND state <> ?)"
    return try Bool.fetchOne(db, sql: sql, arguments: [place, EpisodeRecord.State.lost.rawValue]) ?? false
  }

  private static func insert(_ attempt: EpisodeRecord, place: Int, steps: [StepRecord], _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO episode (place, task, task_group, seed, attempt, state, success_at_any_step, success_at_end, steps,
          steps_to_success, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        place, attempt.episode.task, attempt.episode.group, attempt.episode.seed, attempt.attempt,
        attempt.state.rawValue, attempt.successAtAnyStep, attempt.successAtEnd, attempt.steps, attempt.stepsToSuccess,
        String(decoding: try encoder.encode(attempt), as: UTF8.self),
      ])
    let id = db.lastInsertedRowID
    for step in steps { try step.insert(into: db, episode: id, encoder: encoder) }
  }
}

extension StepRecord {
  fileprivate init(row: Row) throws {
    func decoded<Value: Decodable>(_ column: String) throws -> Value {
      try JSONDecoder().decode(Value.self, from: Data((row[column] as String).utf8))
    }
    self.init(
      step: row["step"], latency: try decoded("latency_ms"), proprioception: try decoded("proprioception"),
      tokens: try decoded("tokens"),
      confidence: row["confidence"], commands: try decoded("commands"), limited: row["limited"],
      reward: row["reward"], success: row["success"])
  }

  fileprivate func insert(into db: Database, episode: Int64, encoder: JSONEncoder) throws {
    func text(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
    try db.execute(
      sql: """
        INSERT INTO step (episode, step, latency_ms, proprioception, tokens, confidence, commands, limited, reward,
          success) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        episode, step, try text(latency), try text(proprioception), try text(tokens), confidence, try text(commands),
        limited, reward, success,
      ])
  }
}
