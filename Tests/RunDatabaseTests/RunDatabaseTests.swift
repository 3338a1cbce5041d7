import Foundation
import RunDatabase
import Testing

/// A folder that goes with its owner.
private final class Folder {
  let url = FileManager.default.temporaryDirectory.appending(path: "uio2-runs-\(UUID().uuidString)")
  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }
  func file(_ name: String) -> URL { url.appending(path: name) }
}

private func configuration(
  seeds: [Int] = [0, 1, 2], shard: RunConfiguration.Shard? = nil, policyDigest: String = "ab12", first: Int = 0,
  version: String = "0.1.0"
) -> RunConfiguration {
  RunConfiguration(
    subject: .init(suite: "toy", suiteDigest: "cd34", policy: "mt5", policyDigest: policyDigest),
    seeds: .init(first: first, count: 4), episodes: seeds.map { .init(task: "push-v3", group: "easy", seed: $0) },
    shard: shard,
    versions: ["uio2": version], machine: "two cores", command: "uio2 evaluate toy")
}

private func attempt(
  _ seed: Int, number: Int = 1, state: EpisodeRecord.State = .finished, success: Bool = true
) -> EpisodeRecord {
  EpisodeRecord(
    episode: .init(task: "push-v3", group: "easy", seed: seed), attempt: number, state: state, worker: 1,
    successAtAnyStep: success, successAtEnd: false, steps: 71, stepsToSuccess: success ? 70 : nil, wallSeconds: 1.25)
}

private let steps = [
  StepRecord(
    step: 0, period: 12.5, latency: ["round_trip": 7.5], proprioception: [0.1, 0.6], tokens: [1, 200, 3],
    confidence: 0.75,
    commands: [[0.01, -0.0, 0.003, 1]],
    limited: 5, reward: 0.1, success: false),
  StepRecord(step: 4, success: true),
]

@Suite("A run's record")
struct RunDatabaseTests {
  @Test func `what was written is read, by another process too`() throws {
    let folder = try Folder()
    let database = try RunDatabase(creating: folder.file("run.db"), configuration: configuration())
    try database.record(attempt(1), steps: steps)
    let other = try RunDatabase(opening: folder.file("run.db"), readOnly: true)
    #expect(other.configuration == configuration())
    #expect(try other.attempts() == [attempt(1)])
    #expect(try other.steps(of: attempt(1)) == steps)
    #expect(try other.remaining().map(\.episode.seed) == [0, 2])
  }

  @Test func `every command that worked on a run is known`() throws {
    let folder = try Folder()
    let place = folder.file("run.db")
    let database = try RunDatabase(creating: place, configuration: configuration())
    #expect(try database.sessions().map(\.command) == ["uio2 evaluate toy"])
    let later = Date(timeIntervalSinceNow: 60)
    var elsewhere = configuration()
    (elsewhere.command, elsewhere.machine) = ("uio2 evaluate toy --resume", "three cores")
    try database.record(RunSession(elsewhere, started: later))
    let sessions = try RunDatabase(opening: place, readOnly: true).sessions()
    #expect(sessions.map(\.command) == ["uio2 evaluate toy", "uio2 evaluate toy --resume"])
    #expect(sessions.map(\.machine) == ["two cores", "three cores"] && sessions[1].versions == ["uio2": "0.1.0"])
    #expect(abs(sessions[1].date.timeIntervalSince(later)) < 0.001)
  }

  @Test func `a run of a program that did not write its commands is read and gone on with`() throws {
    let folder = try Folder()
    let place = folder.file("run.db")
    try RunDatabase(creating: place, configuration: configuration()).close()
    let sqlite = Process()
    sqlite.executableURL = URL(filePath: "/usr/bin/env")
    sqlite.arguments = [
      "python3", "-c",
      "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DROP TABLE session'); c.commit()",
      place.path,
    ]
    try sqlite.run()
    sqlite.waitUntilExit()
    #expect(sqlite.terminationStatus == 0)
    #expect(try RunDatabase(opening: place, readOnly: true).sessions().map(\.command) == ["uio2 evaluate toy"])
    let database = try RunDatabase(opening: place)
    try database.record(RunSession(configuration()))
    #expect(try database.sessions().map(\.command) == ["uio2 evaluate toy", "uio2 evaluate toy"])
  }

  @Test func `subjects differ in each thing that outcomes follow from`() {
    let one = configuration().subject
    var other = one
    #expect(one.differences(from: other).isEmpty)
    (other.weights, other.activations, other.addedDelay) = ("int8", "f32", 50)
    #expect(one.differences(from: other).map(\.name) == ["added delay", "weights", "activations"])
    #expect(one.firstDifference(from: other) == "expected the added delay 0.0 ms, found 50.0 ms")
    other.addedDelay = 0
    #expect(one.firstDifference(from: other) == "expected the weights not said, found int8")
  }

  @Test func `a lost attempt is kept and its episode remains`() throws {
    let folder = try Folder()
    let database = try RunDatabase(creating: folder.file("run.db"), configuration: configuration())
    try database.record(attempt(0, state: .lost), steps: [])
    #expect(try database.remaining().first?.lostAttempts == 1)
    try database.record(attempt(0, number: 2), steps: steps)
    #expect(try database.remaining().map(\.episode.seed) == [1, 2])
    #expect(try database.outcomes().map(\.attempt) == [2])
  }

  @Test func `what a process left that was killed while it made the run is no run, and in nobody's way`() throws {
    let folder = try Folder()
    let place = folder.file("run.db")
    try Data("half a database".utf8).write(to: folder.file("run.db.creating"))
    try Data("and its journal".utf8).write(to: folder.file("run.db.creating-journal"))
    let absent = #expect(throws: RunDatabaseError.self) { try RunDatabase(opening: place) }
    #expect(absent?.code == .notFound)
    _ = try RunDatabase(creating: place, configuration: configuration())
    #expect(try RunDatabase(opening: place, readOnly: true).remaining().count == 3)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(!names.contains { $0.contains("creating") })
  }

  @Test func `a run that has ended is one file, and stays one where it is read`() throws {
    let folder = try Folder()
    let place = folder.file("a b%20?#.db")
    let database = try RunDatabase(creating: place, configuration: configuration())
    try database.record(attempt(1), steps: steps)
    try database.close()
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.url.path) }
    #expect(try names() == [place.lastPathComponent])
    do {
      let reader = try RunDatabase(opening: place, readOnly: true)
      #expect(try reader.attempts() == [attempt(1)])
      #expect(try names() == [place.lastPathComponent])
    }
    // One whose writer went without closing it, so that its header still speaks of a log.
    do { _ = try RunDatabase(opening: place).attempts() }
    #expect(try Data(contentsOf: place)[18] == 2)
    #expect(try names() == [place.lastPathComponent])
    let reader = try RunDatabase(opening: place, readOnly: true)
    #expect(try reader.attempts() == [attempt(1)])
    #expect(try names() == [place.lastPathComponent])
    // It is gone on with as ever.
    try RunDatabase(opening: place).record(attempt(2), steps: [])
    #expect(try RunDatabase(opening: place, readOnly: true).remaining().map(\.episode.seed) == [0])
  }

  @Test func `a record that was removed or replaced while it was written is an error`() throws {
    let folder = try Folder()
    let place = folder.file("run.db")
    let database = try RunDatabase(creating: place, configuration: configuration())
    try database.requireInPlace()
    try FileManager.default.removeItem(at: place)
    #expect(throws: RunDatabaseError.self) { try database.requireInPlace() }
    try Data("another".utf8).write(to: place)
    let error = #expect(throws: RunDatabaseError.self) { try database.requireInPlace() }
    #expect(error?.code == .storage && error?.message.contains("removed or replaced") == true)
    try RunDatabase(inMemory: configuration()).requireInPlace()
  }

  @Test func `rows that no program of ours wrote are an error`() throws {
    let folder = try Folder()
    let database = try RunDatabase(creating: folder.file("run.db"), configuration: configuration())
    try database.record(attempt(1), steps: steps)
    for change in ["limited = -1", "limited = 99999999999", "tokens = '[\"a\"]'", "commands = 'x'"] {
      let sqlite = Process()
      sqlite.executableURL = URL(filePath: "/usr/bin/env")
      sqlite.arguments = [
        "python3", "-c",
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('UPDATE step SET ' + sys.argv[2]); c.commit()",
        folder.file("run.db").path, change,
      ]
      try sqlite.run()
      sqlite.waitUntilExit()
      #expect(sqlite.terminationStatus == 0)
      let error = #expect(throws: RunDatabaseError.self) { try database.steps(of: attempt(1)) }
      #expect(error?.code == .notARun, "\(error?.description ?? change)")
    }
  }

  @Test func `an episode has one outcome`() throws {
    let folder = try Folder()
    let database = try RunDatabase(creating: folder.file("run.db"), configuration: configuration())
    try database.record(attempt(0), steps: [])
    let again = #expect(throws: RunDatabaseError.self) { try database.record(attempt(0, number: 2), steps: []) }
    #expect(again?.code == .mismatch)
    let foreign = #expect(throws: RunDatabaseError.self) { try database.record(attempt(9), steps: []) }
    #expect(foreign?.code == .mismatch)
    #expect(try database.attempts().count == 1)
  }

  @Test func `files that are no runs are refused and stay as they were`() throws {
    let folder = try Folder()
    try Data("not a database, but long enough to be looked at".utf8).write(to: folder.file("notes.txt"))
    #expect(throws: RunDatabaseError.self) { try RunDatabase(opening: folder.file("notes.txt")) }
    #expect(try Data(contentsOf: folder.file("notes.txt")).count == 47)
    let absent = #expect(throws: RunDatabaseError.self) { try RunDatabase(opening: folder.file("absent.db")) }
    #expect(absent?.code == .notFound)
    #expect(!FileManager.default.fileExists(atPath: folder.file("absent.db").path))
    _ = try RunDatabase(creating: folder.file("run.db"), configuration: configuration())
    let second = #expect(throws: RunDatabaseError.self) {
      try RunDatabase(creating: folder.file("run.db"), configuration: configuration())
    }
    #expect(second?.code == .exists)
  }
}

@Suite("Shards become one run")
struct MergeTests {
  private func shard(
    _ index: Int, of count: Int = 2, in folder: Folder, policyDigest: String = "ab12", first: Int = 0,
    seeds: [Int]? = nil, numpy: String = "2", version: String = "0.1.0"
  ) throws -> URL {
    let url = folder.file("\(UUID().uuidString).db")
    let database = try RunDatabase(
      creating: url,
      configuration: configuration(
        seeds: seeds ?? [index - 1, index - 1 + count], shard: .init(index: index, count: count),
        policyDigest: policyDigest, first: first, version: version))
    try database.record(
      WorkerRecord(
        worker: 0, policy: "mt5", policyDigest: policyDigest,
        simulator: Simulator(
          name: "toy", python: "3.\(index)", modules: [.init(name: "numpy", version: numpy, pinned: nil, path: "/x")])))
    try database.record(attempt(index - 1, state: .lost), steps: [])
    try database.record(attempt(index - 1, number: 2), steps: steps)
    return url
  }

  @Test func `all attempts and steps arrive, and the file stands alone`() throws {
    let folder = try Folder()
    let merged = try RunDatabase.merge(
      [try shard(2, in: folder), try shard(1, in: folder)], into: folder.file("run.db"))
    #expect(merged.configuration.shard == nil)
    // In the order of the plan, whichever shard is named first.
    #expect(merged.configuration.episodes.map(\.seed) == [0, 1, 2, 3])
    #expect(try merged.attempts().map(\.episode.seed) == [0, 0, 1, 1])
    #expect(try merged.steps(of: attempt(0, number: 2)) == steps)
    #expect(try merged.remaining().map(\.episode.seed) == [2, 3])
    #expect(try merged.sources().map(\.shard?.index) == [1, 2])
    #expect(try merged.sessions().count == 2, "the commands of the shards, and of nothing else")
    #expect(try merged.workers().map(\.simulator?.python) == ["3.2", "3.1"])
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(!files.contains { $0.contains("merging") })
  }

  @Test func `shards that do not belong together are refused, and nothing is written`() throws {
    let folder = try Folder()
    let one = try shard(1, in: folder)
    let other = try shard(2, in: folder, policyDigest: "ffff")
    for sources in [[one], [one, one], [one, other], []] {
      let error = #expect(throws: RunDatabaseError.self) {
        try RunDatabase.merge(sources, into: folder.file("run.db"))
      }
      #expect(error?.code == (sources.isEmpty ? .notFound : .mismatch))
    }
    let difference = #expect(throws: RunDatabaseError.self) {
      try RunDatabase.merge([one, other], into: folder.file("run.db"))
    }
    #expect(difference?.message == "expected the policy digest ab12, found ffff")
    let whole = folder.file("whole.db")
    try RunDatabase(creating: whole, configuration: configuration()).close()
    for sources in [[whole], [one, whole], [whole, one]] {
      let error = #expect(throws: RunDatabaseError.self) { try RunDatabase.requireShards(sources) }
      #expect(error?.subject == whole.path && error?.message == "is a whole run and no shard of one (--shard i/n)")
    }
    for (foreign, words) in [
      (try shard(2, in: folder, first: 100), "expected 4 episodes of each task from seed 0"),
      (try shard(2, in: folder, numpy: "3"), "expected numpy 2, found 3"),
      (try shard(2, in: folder, version: "0.2.0"), "expected uio2 0.1.0, found 0.2.0"),
      (try shard(2, in: folder, seeds: [1, 3, 5]), "parts of one plan"),
      (try shard(2, in: folder, seeds: [1, 0]), "each episode in one shard"),
    ] {
      let error = #expect(throws: RunDatabaseError.self) {
        try RunDatabase.merge([one, foreign], into: folder.file("below/run.db"))
      }
      #expect(error?.code == .mismatch && error?.message.contains(words) == true, "\(error?.description ?? "")")
      #expect(!FileManager.default.fileExists(atPath: folder.file("below").path))
      #expect(throws: RunDatabaseError.self) { try RunDatabase.requireShards([one, foreign]) }
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("run.db").path))
  }
}
