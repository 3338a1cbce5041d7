import Files
public import Foundation

extension RunDatabase {
  /// Joins the shards of a run.
  ///
  /// - Parameters:
  ///   - sources: the shards' databases, in any order.
  ///   - destination: a file that does not exist yet.
  /// - Throws: ``RunDatabaseError`` `.mismatch` when the shards were made with different configurations, when one is missing or comes
  ///   twice; `.exists`, `.notFound`, `.notARun`, `.storage`. Nothing is left at `destination` then.
  public static func merge(_ sources: [URL], into destination: URL) throws(RunDatabaseError) -> RunDatabase {
    var shards: [RunDatabase] = []
    for source in sources { shards.append(try RunDatabase(opening: source, readOnly: true)) }
    let configuration = try merged(shards, sources)
    // Written beside its place and moved there whole.
    let draft = destination.appendingPathExtension("merging")
    try? FileManager.default.removeItem(at: draft)
    guard !FileManager.default.fileExists(atPath: destination.path) else {
      throw RunDatabaseError(.exists, destination.path, "there is a run already; choose another path")
    }
    do throws(RunDatabaseError) {
      let joined = try RunDatabase(creating: draft, configuration: configuration)
      for shard in shards {
        try joined.note(proprioception: try shard.proprioception())
        for attempt in try shard.attempts() { try joined.record(attempt, steps: try shard.steps(of: attempt)) }
      }
      try joined.moveToOneFile()
    } catch {
      try? FileManager.default.removeItem(at: draft)
      throw error
    }
    do { try FileManager.default.moveItem(at: draft, to: destination) } catch {
      throw RunDatabaseError(.storage, destination.path, "cannot be written: \(SystemReason.text(of: error))")
    }
    return try RunDatabase(opening: destination)
  }

  /// The configuration of the whole run.
  private static func merged(_ shards: [RunDatabase], _ sources: [URL]) throws(RunDatabaseError) -> RunConfiguration {
    guard let first = shards.first else { throw RunDatabaseError(.notFound, "shards", "expected at least one shard") }
    var whole = first.configuration
    whole.shard = nil
    whole.episodes = []
    var indices: Set<Int> = []
    for (shard, source) in zip(shards, sources) {
      let configuration = shard.configuration
      guard configuration.subject == whole.subject else {
        throw RunDatabaseError(.mismatch, source.path, whole.subject.firstDifference(from: configuration.subject))
      }
      guard let part = configuration.shard, part.count == first.configuration.shard?.count else {
        throw RunDatabaseError(.mismatch, source.path, "expected a shard of the same run as \(sources[0].path)")
      }
      guard indices.insert(part.index).inserted else {
        throw RunDatabaseError(.mismatch, source.path, "shard \(part.index) of \(part.count) was given twice")
      }
      whole.episodes += configuration.episodes
    }
    let missing = (1...max(1, first.configuration.shard?.count ?? 1)).filter { !indices.contains($0) }
    guard missing.isEmpty else {
      throw RunDatabaseError(
        .mismatch, "shards", "expected shards \(missing.map(String.init).joined(separator: ", ")) too")
    }
    return whole
  }
}

extension RunConfiguration.Subject {
  /// Says in a sentence where two subjects differ.
  public func firstDifference(from other: RunConfiguration.Subject) -> String {
    let pairs: [(name: String, one: String, other: String)] = [
      ("suite", suite, other.suite), ("suite's text", suiteDigest, other.suiteDigest),
      ("policy", policy, other.policy), ("policy digest", policyDigest, other.policyDigest), ("mode", mode, other.mode),
      ("added delay", "\(addedDelay) ms", "\(other.addedDelay) ms"), ("weights", weights, other.weights),
      (
        "step limit", "\(stepLimit.map(String.init) ?? "the simulator's")",
        "\(other.stepLimit.map(String.init) ?? "the simulator's")"
      ),
    ]
    guard let difference = pairs.first(where: { $0.one != $0.other }) else { return "the configurations agree" }
    return "expected the \(difference.name) \(difference.one), found \(difference.other)"
  }
}
