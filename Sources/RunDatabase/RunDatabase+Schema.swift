import Files
import Foundation
import GRDB

/// The tables, the rows, and the way to the file.
extension RunDatabase {
  /// Marks the file as a run database ("UIO2").
  static let applicationID = 0x5549_4F32

  /// Makes the tables of a new run.
  static func begin(_ db: Database, _ configuration: RunConfiguration) throws {
    try db.execute(sql: "PRAGMA application_id = \(applicationID)")
    try db.execute(sql: "PRAGMA user_version = \(version)")
    try createTables(db)
    try createSessions(db)
    try db.execute(
      sql: "INSERT INTO run (configuration, created) VALUES (?, ?)",
      arguments: [try text(configuration), Date().timeIntervalSince1970])
    try insert(RunSession(configuration), db)
  }

  private static func createTables(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE run (configuration TEXT NOT NULL, created REAL NOT NULL, proprioception TEXT) STRICT;
        CREATE TABLE source (shard INTEGER PRIMARY KEY, created REAL NOT NULL, configuration TEXT NOT NULL) STRICT;
        CREATE TABLE worker (
          id INTEGER PRIMARY KEY,
          worker INTEGER NOT NULL, started REAL NOT NULL, record TEXT NOT NULL
        ) STRICT;
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
          commands TEXT NOT NULL, limited INTEGER NOT NULL, reward REAL, success INTEGER NOT NULL,
          period_ms REAL
        ) STRICT;
        CREATE INDEX step_of_episode ON step (episode);
        """)
  }

  static func isSettled(_ place: Int, _ db: Database) throws -> Bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM episode WHERE place = ? AND state <> ?)"
    return try Bool.fetchOne(db, sql: sql, arguments: [place, EpisodeRecord.State.lost.rawValue]) ?? false
  }

  static func insert(_ attempt: EpisodeRecord, place: Int, steps: [StepRecord], _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO episode (place, task, task_group, seed, attempt, state, success_at_any_step, success_at_end, steps,
          steps_to_success, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        place, attempt.episode.task, attempt.episode.group, attempt.episode.seed, attempt.attempt,
        attempt.state.rawValue, attempt.successAtAnyStep, attempt.successAtEnd, attempt.steps, attempt.stepsToSuccess,
        try text(attempt),
      ])
    let id = db.lastInsertedRowID
    for step in steps { try step.insert(into: db, episode: id) }
  }

  /// JSON with its keys in order, so that equal values are equal texts.
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  // MARK: The file

  /// - Parameter keepsLog: whether commits go to a log beside the file first, which lets others read meanwhile.
  static func open(_ path: String, readOnly: Bool, keepsLog: Bool = true) throws(RunDatabaseError) -> DatabaseQueue {
    try storage(path) {
      var options = Configuration()
      options.readonly = readOnly
      options.busyMode = .timeout(10)
      options.prepareDatabase { db in
        guard !readOnly else { return }
        guard keepsLog else {
          // The file is a draft, which nobody goes on with: nothing lies beside it.
          return try db.execute(sql: "PRAGMA journal_mode = MEMORY")
        }
        // A commit survives the death of the process at once, and that of the machine from the next checkpoint on.
        try db.execute(sql: "PRAGMA journal_mode = WAL")
        try db.execute(sql: "PRAGMA synchronous = NORMAL")
      }
      if readOnly, isClosedLog(path) {
        // Not every SQLite takes addresses of this form; those that do not look for a file of that name.
        let address = URL(filePath: path).absoluteURL.absoluteString + "?immutable=1"
        if let queue = try? DatabaseQueue(path: address, configuration: options) { return queue }
      }
      return try DatabaseQueue(path: path, configuration: options)
    }
  }

  /// Whether a database writes a log beside itself and nobody is writing one: then all is in the file. SQLite would make the log's files to
  /// read it, which needs the right to write, and leave them.
  private static func isClosedLog(_ path: String) -> Bool {
    guard !FileManager.default.fileExists(atPath: path + "-wal"), let file = FileHandle(forReadingAtPath: path) else {
      return false
    }
    defer { try? file.close() }
    // Bytes 18 and 19 of the header are 2 for such a database.
    return (try? file.read(upToCount: 20)).map { $0.count == 20 && $0[18] == 2 } ?? false
  }

  /// Runs something of GRDB's and tells of its errors in our words.
  static func storage<Value>(_ path: String, _ body: () throws -> Value) throws(RunDatabaseError) -> Value {
    do { return try body() } catch let error as DatabaseError {
      let isForeign = error.resultCode == .SQLITE_NOTADB || error.resultCode == .SQLITE_CORRUPT
      throw RunDatabaseError(isForeign ? .notARun : .storage, path, "SQLite: \(error.message ?? "\(error.resultCode)")")
    } catch is RowDecodingError, is DecodingError {
      throw RunDatabaseError(
        .notARun, path, "a row is not what this program writes; the file was changed or is damaged")
    } catch {
      throw RunDatabaseError(.storage, path, "\(error)")
    }
  }

  /// Puts a finished draft in its place, which must be free.
  static func move(_ draft: URL, to url: URL) throws(RunDatabaseError) {
    do { try FileManager.default.moveItem(at: draft, to: url) } catch {
      throw RunDatabaseError(.storage, url.path, "cannot be written: \(SystemReason.text(of: error))")
    }
    for file in files(of: draft) { UnfinishedFiles.remove(file) }
  }

  /// Removes a draft with what SQLite keeps beside it.
  static func remove(_ draft: URL) {
    for file in files(of: draft) {
      try? FileManager.default.removeItem(atPath: file)
      UnfinishedFiles.remove(file)
    }
  }

  /// A database's file and those that SQLite keeps beside it.
  static func files(of url: URL) -> [String] { ["", "-journal", "-wal", "-shm"].map { url.path + $0 } }
}

extension Row {
  /// The value that a column holds as JSON.
  ///
  /// - Throws: `DecodingError` or `RowDecodingError` when it holds something else.
  func decoded<Value: Decodable>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: Data(try decode(String.self, forColumn: column).utf8))
  }
}

extension StepRecord {
  init(row: Row) throws {
    self.init(
      step: try row.decode(forColumn: "step"), period: try row.decode(forColumn: "period_ms"),
      latency: try row.decoded("latency_ms"), proprioception: try row.decoded("proprioception"),
      tokens: try row.decoded("tokens"), confidence: try row.decode(forColumn: "confidence"),
      commands: try row.decoded("commands"), limited: try row.decode(forColumn: "limited"),
      reward: try row.decode(forColumn: "reward"), success: try row.decode(forColumn: "success"))
  }

  fileprivate func insert(into db: Database, episode: Int64) throws {
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO step (episode, step, period_ms, latency_ms, proprioception, tokens, confidence, commands, limited,
          reward, success) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    try statement.execute(arguments: [
      episode, step, period, try RunDatabase.text(latency), Self.list(try proprioception.map(Self.number)),
      Self.list(tokens.map { "\($0)" }), confidence, Self.list(try commands.map { Self.list(try $0.map(Self.number)) }),
      limited, reward, success,
    ])
  }

  /// There are thousands of these, and an encoder takes ten times as long.
  private static func list(_ words: [String]) -> String { "[" + words.joined(separator: ",") + "]" }

  private static func number(_ value: Double) throws -> String {
    guard value.isFinite else {
      throw EncodingError.invalidValue(value, .init(codingPath: [], debugDescription: "JSON has no word for it"))
    }
    return "\(value)"
  }
}
