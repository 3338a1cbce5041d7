import Files
public import Foundation
import GRDB

extension RunDatabase {
  /// Joins the shards of a run into the run that would have been made at once, with its episodes in the order of the plan.
  ///
  /// - Parameters:
  ///   - sources: the shards' databases, in any order.
  ///   - destination: a file that does not exist yet; the folder above it is made once the shards are found to belong together.
  /// - Throws: ``RunDatabaseError`` `.mismatch` when the shards were made with different configurations, plans, programs or simulators, when one is
  ///   missing or comes twice; `.exists`, `.notFound`, `.notARun`, `.storage`. Nothing is left at `destination` then.
  public static func merge(_ sources: [URL], into destination: URL) throws(RunDatabaseError) -> RunDatabase {
    var shards: [(url: URL, database: RunDatabase)] = []
    for source in sources { shards.append((source, try RunDatabase(opening: source, readOnly: true))) }
    let configuration = try merged(shards)
    guard !FileManager.default.fileExists(atPath: destination.path) else {
      throw RunDatabaseError(.exists, destination.path, "there is a run already; choose another path")
    }
    let folder = destination.deletingLastPathComponent()
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw RunDatabaseError(.storage, folder.path, "the folder cannot be made")
    }
    // Written beside its place and moved there whole.
    let draft = destination.appendingPathExtension("merging")
    remove(draft)
    do throws(RunDatabaseError) {
      let joined = try RunDatabase(creating: draft, configuration: configuration)
      UnfinishedFiles.make { listing in for file in files(of: draft) { listing.insert(file) } }
      try joined.removeSessions()
      for (_, shard) in shards { try joined.take(shard) }
      try joined.close()
    } catch {
      remove(draft)
      throw error
    }
    try move(draft, to: destination)
    return try RunDatabase(opening: destination, readOnly: true)
  }

  /// Makes sure that shards belong together, and writes nothing.
  ///
  /// - Throws: as ``merge(_:into:)``.
  public static func requireShards(_ sources: [URL]) throws(RunDatabaseError) {
    var shards: [(url: URL, database: RunDatabase)] = []
    for source in sources { shards.append((source, try RunDatabase(opening: source, readOnly: true))) }
    _ = try merged(shards)
  }

  /// Copies a shard's rows.
  private func take(_ shard: RunDatabase) throws(RunDatabaseError) {
    var source = shard.configuration
    source.episodes = []
    let date = try shard.date()
    try Self.storage(path) {
      try queue.write { db in
        try db.execute(
          sql: "INSERT INTO source (shard, created, configuration) VALUES (?, ?, ?)",
          arguments: [source.shard?.index, date.timeIntervalSince1970, try Self.text(source)])
        // A run is as old as its oldest part.
        try db.execute(sql: "UPDATE run SET created = (SELECT min(created) FROM source)")
      }
    }
    for worker in try shard.workers() {
      do throws(RunDatabaseError) { try record(worker) } catch {
        guard error.code == .otherSimulator else { throw error }
        throw RunDatabaseError(.mismatch, shard.path, error.message)
      }
    }
    for session in try shard.sessions() { try record(session) }
    try note(proprioception: try shard.proprioception())
    for attempt in try shard.attempts() { try record(attempt, steps: try shard.steps(of: attempt)) }
  }

  /// The configuration of the whole run.
  private static func merged(
    _ shards: [(url: URL, database: RunDatabase)]
  ) throws(RunDatabaseError) -> RunConfiguration {
    guard let first = shards.first else { throw RunDatabaseError(.notFound, "shards", "expected at least one shard") }
    var whole = first.database.configuration
    let count = whole.shard?.count ?? 1
    var parts: [Int: [RunConfiguration.Episode]] = [:]
    var simulator: Simulator?
    for (url, database) in shards {
      let configuration = database.configuration
      guard configuration.shard != nil else {
        throw RunDatabaseError(.mismatch, url.path, "is a whole run and no shard of one (--shard i/n)")
      }
      guard configuration.subject == whole.subject else {
        throw RunDatabaseError(.mismatch, url.path, whole.subject.firstDifference(from: configuration.subject))
      }
      if let difference = whole.firstDifferenceOfVersions(from: configuration) {
        throw RunDatabaseError(.mismatch, url.path, difference)
      }
      if let other = try database.workers().lazy.compactMap(\.simulator).first {
        if let difference = simulator?.firstDifference(from: other) {
          throw RunDatabaseError(.mismatch, url.path, difference)
        }
        simulator = simulator ?? other
      }
      guard let part = configuration.shard, part.count == count, (1...max(1, count)).contains(part.index) else {
        throw RunDatabaseError(.mismatch, url.path, "expected a shard of the same run as \(first.url.path)")
      }
      guard configuration.seeds == whole.seeds else {
        let words = [whole.seeds, configuration.seeds].map { seeds in
          seeds.map { "\($0.count) episodes of each task from seed \($0.first)" } ?? "seeds of their own"
        }
        throw RunDatabaseError(.mismatch, url.path, "expected \(words[0]), found \(words[1])")
      }
      guard parts.updateValue(configuration.episodes, forKey: part.index) == nil else {
        throw RunDatabaseError(.mismatch, url.path, "shard \(part.index) of \(part.count) was given twice")
      }
    }
    let missing = (1...max(1, count)).filter { parts[$0] == nil }
    guard missing.isEmpty else {
      throw RunDatabaseError(
        .mismatch, "shards", "expected shards \(missing.map(String.init).joined(separator: ", ")) too")
    }
    whole.shard = nil
    whole.episodes = try interleaved(parts, count: count)
    return whole
  }

  /// The plan that every n-th episode was taken from.
  private static func interleaved(
    _ parts: [Int: [RunConfiguration.Episode]], count: Int
  ) throws(RunDatabaseError) -> [RunConfiguration.Episode] {
    let total = parts.values.reduce(0) { $0 + $1.count }
    var plan: [RunConfiguration.Episode] = []
    for place in 0..<total {
      guard let part = parts[place % count + 1], place / count < part.count else {
        throw RunDatabaseError(
          .mismatch, "shards", "expected parts of one plan, whose numbers of episodes differ by one at most")
      }
      plan.append(part[place / count])
    }
    guard Set(plan).count == plan.count else {
      throw RunDatabaseError(.mismatch, "shards", "expected each episode in one shard, found some in several")
    }
    return plan
  }
}

extension RunConfiguration {
  /// Says in a sentence which program is of another version; `nil` when all are the same.
  public func firstDifferenceOfVersions(from other: RunConfiguration) -> String? {
    let programs = Set(versions.keys).union(other.versions.keys).sorted()
    guard let program = programs.first(where: { versions[$0] != other.versions[$0] }) else { return nil }
    let words = [self, other].map { $0.versions[program] ?? "of no version" }
    return "expected \(program) \(words[0]), found \(words[1])"
  }
}

extension RunConfiguration.Subject {
  /// Something that differs between two subjects.
  public struct Difference: Sendable, Hashable {
    /// What it is, such as `weights`.
    public var name: String
    /// Of the first.
    public var one: String
    /// Of the second.
    public var other: String
  }

  /// Says in a sentence where two subjects differ.
  public func firstDifference(from other: RunConfiguration.Subject) -> String {
    guard let difference = differences(from: other).first else { return "the configurations agree" }
    return "expected the \(difference.name) \(difference.one), found \(difference.other)"
  }

  /// Everything in which two subjects differ.
  public func differences(from other: RunConfiguration.Subject) -> [Difference] {
    func said(_ text: String?) -> String { text.flatMap { $0.isEmpty ? nil : $0 } ?? "not said" }
    let pairs: [(name: String, one: String, other: String)] = [
      ("suite", suite, other.suite), ("suite's text", suiteDigest, other.suiteDigest),
      ("policy", said(policy), said(other.policy)), ("policy digest", said(policyDigest), said(other.policyDigest)),
      ("mode", mode, other.mode), ("added delay", "\(addedDelay) ms", "\(other.addedDelay) ms"),
      ("weights", said(weights), said(other.weights)), ("activations", said(activations), said(other.activations)),
      (
        "step limit", "\(stepLimit.map(String.init) ?? "the simulator's")",
        "\(other.stepLimit.map(String.init) ?? "the simulator's")"
      ), ("rule of success", success.rawValue, other.success.rawValue),
      ("deadline", "\(deadline.map { "\($0) ms" } ?? "none")", "\(other.deadline.map { "\($0) ms" } ?? "none")"),
      ("loop", loop ?? "chunk", other.loop ?? "chunk"),
    ]
    return pairs.filter { $0.one != $0.other }.map { Difference(name: $0.name, one: $0.one, other: $0.other) }
  }
}
