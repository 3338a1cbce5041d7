public import Foundation
import GRDB

/// A command that worked on a run: the one that began it, or one that went on with it.
public struct RunSession: Sendable, Hashable, Codable {
  /// When it began, in seconds since 1970.
  public var started: Double
  /// The command line.
  public var command: String
  /// The machine, in words.
  public var machine: String
  /// Versions of the programs, by name.
  public var versions: [String: String]

  /// Collects the parts.
  public init(started: Double, command: String, machine: String, versions: [String: String] = [:]) {
    self.started = started
    self.command = command
    self.machine = machine
    self.versions = versions
  }

  /// What a command does that begins now, as it is configured.
  public init(_ configuration: RunConfiguration, started: Date = Date()) {
    self.init(
      started: started.timeIntervalSince1970, command: configuration.command, machine: configuration.machine,
      versions: configuration.versions)
  }

  /// When it began.
  public var date: Date { Date(timeIntervalSince1970: started) }
}

extension RunDatabase {
  /// Writes that a command works on the run from now on.
  public func record(_ session: RunSession) throws(RunDatabaseError) {
    let first = RunSession(configuration, started: try date())
    try Self.storage(path) {
      try queue.write { db in
        // A run of an earlier program has only the command that began it, and no table.
        if try !db.tableExists("session") {
          try Self.createSessions(db)
          try Self.insert(first, db)
        }
        try Self.insert(session, db)
      }
    }
  }

  /// Leaves no command, for those of the shards that are joined here.
  func removeSessions() throws(RunDatabaseError) {
    try Self.storage(path) { try queue.write { db in try db.execute(sql: "DELETE FROM session") } }
  }

  /// The commands that worked on the run, in the order of time. Of a run that an earlier program wrote, the one that began it.
  public func sessions() throws(RunDatabaseError) -> [RunSession] {
    let first = RunSession(configuration, started: try date())
    let sessions: [RunSession] = try Self.storage(path) {
      try queue.read { db in
        guard try db.tableExists("session") else { return [] }
        return try Row.fetchAll(db, sql: "SELECT record FROM session ORDER BY started, id").map {
          try $0.decoded("record", as: RunSession.self)
        }
      }
    }
    return sessions.isEmpty ? [first] : sessions
  }

  static func insert(_ session: RunSession, _ db: Database) throws {
    try db.execute(
      sql: "INSERT INTO session (started, record) VALUES (?, ?)", arguments: [session.started, try text(session)])
  }

  static func createSessions(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS session (
          id INTEGER PRIMARY KEY, started REAL NOT NULL, record TEXT NOT NULL
        ) STRICT;
        """)
  }
}
