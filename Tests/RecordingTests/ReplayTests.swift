import ControlDaemon
import Dispatch
import Foundation
import Recording
import RecordingReplay
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import Tensors
import TestSupport
import Testing
import UnifiedIO

@Suite struct ReplayTests {
  private func record(
    _ policy: any ObservationPolicy, in folder: URL, _ body: (RecordedDaemon) throws -> Void
  ) throws -> String {
    let path = folder.appending(path: "a.mcap").path
    let recorder = try Recorder(path, facts: RecordingFacts(policyName: "a", policyDigest: "00"), logger: silence)
    let daemon = try RecordedDaemon(policy, recorder)
    try body(daemon)
    daemon.stop()
    #expect(recorder.close().failure == nil)
    return path
  }

  /// Two sessions in turn, two episodes of one of them, a refusal and a stop.
  private func fly(_ daemon: RecordedDaemon) throws {
    let first = try daemon.client("first"), second = try daemon.client("second")
    for episode in 0..<2 {
      _ = try first.reset()
      for sequence in UInt64(1)...4 {
        _ = try first.act(on: .sample(sequence))
        if episode == 0 { _ = try second.act(on: .sample(sequence)) }
      }
    }
    #expect(throws: ClientError.self) { try second.act(on: .sample(5, instruction: "fail")) }
    _ = try second.act(on: .sample(6))
    _ = try second.stop(reason: "enough")
    #expect(throws: ClientError.self) { try second.act(on: .sample(7)) }
    _ = try second.resume()
    _ = try second.act(on: .sample(8))
  }

  @Test func aReplayGivesTheSameTokens() throws {
    try withTemporaryFolder { folder in
      let path = try record(RememberingPolicy(), in: folder, fly)
      let replay = try Replay(path)
      #expect(replay.facts?.policyName == "a")
      let report = try replay.run(through: RememberingPolicy())
      #expect(report.first == nil)
      #expect(report.different == 0)
      #expect(report.observations == 15 && report.sessions == 2 && report.episodes == 3)
      #expect(report.cutAt == nil && report.lost == 0)
    }
  }

  @Test func theFirstDifferenceIsShownWithItsFrame() throws {
    try withTemporaryFolder { folder in
      let path = try record(RememberingPolicy(), in: folder, fly)
      let report = try Replay(path).run(through: RememberingPolicy(strangeFrom: 3))
      let first = try #require(report.first)
      #expect(first.session == "first" && first.frame == 3 && first.episode == 1 && first.sequence == 3)
      #expect(first.field == "tokens" && first.recorded == "3 2" && first.replayed == "103 2")
      #expect(report.different == 8)
    }
  }

  @Test func anObservationThatWasDisplacedIsNotAnswered() throws {
    try withTemporaryFolder { folder in
      let policy = RememberingPolicy(held: 1)
      let path = try record(policy, in: folder) { daemon in
        let owner = try daemon.client("arm")
        // Clients count their requests from one: those of each begin elsewhere.
        let others = try (1...2).map { more in
          let client = try daemon.client("arm", token: owner.sessionToken)
          for _ in 0..<more { _ = try client.hello(clientName: "test", clientVersion: "1") }
          return client
        }
        let group = DispatchGroup()
        let outcomes = Mutex<[String]>([])
        func ask(_ client: RobotClient, _ sequence: UInt64) {
          group.enter()
          let box = Handed(client)
          Thread.detachNewThread {
            let words: String
            do { words = "\(try box.value.act(on: .sample(sequence)).tokens)" } catch { words = "refused" }
            outcomes.withLock { $0.append("\(sequence) \(words)") }
            group.leave()
          }
        }
        ask(owner, 1)
        #expect(policy.isInStep())
        ask(others[0], 2)
        // The second has arrived when the third displaces it.
        let limit = ContinuousClock.now + .seconds(20)
        while daemon.daemon.metrics.requests < 8, ContinuousClock.now < limit { usleep(1_000) }
        ask(others[1], 3)
        while daemon.daemon.metrics.superseded < 1, ContinuousClock.now < limit { usleep(1_000) }
        policy.letGo()
        #expect(group.wait(timeout: .now() + 20) == .success)
        #expect(outcomes.withLock { $0.sorted() } == ["1 [1, 0]", "2 refused", "3 [3, 1]"])
      }
      let report = try Replay(path).run(through: RememberingPolicy())
      #expect(report.first == nil)
      #expect(report.observations == 2)
    }
  }

  @Test func aRecordingThatWasCutIsReplayedUpToTheCut() throws {
    try withTemporaryFolder { folder in
      let path = try record(RememberingPolicy(), in: folder, fly)
      let bytes = try Data(contentsOf: URL(filePath: path))
      let cut = folder.appending(path: "cut.mcap")
      for share in 1...9 {
        try bytes.prefix(bytes.count * share / 10).write(to: cut)
        let report = try Replay(cut.path).run(through: RememberingPolicy())
        #expect(report.first == nil)
        #expect(report.cutAt != nil)
      }
    }
  }

  @Test func whatWasAppendedToARecordingIsSaidAndLeftOut() throws {
    try withTemporaryFolder { folder in
      let path = try record(RememberingPolicy(), in: folder, fly)
      let bytes = try Data(contentsOf: URL(filePath: path))
      let longer = folder.appending(path: "longer.mcap")
      for more in [Data("text".utf8), bytes] {
        try (bytes + more).write(to: longer)
        let report = try Replay(longer.path).run(through: RememberingPolicy())
        #expect(report.first == nil && report.observations == 15)
        #expect(report.cutAt == nil && report.endedAt == UInt64(bytes.count))
      }
    }
  }

  @Test func theShippedPolicySaysItAgainToTheBit() throws {
    let bundle = try PolicyBundle.load(from: BuiltProgram.repository.appending(path: "Policies/metaworld-mt5"))
    let policy = try UnifiedIOPolicy(bundle: bundle)
    let recorded = try RecordedObservations(of: bundle)
    try withTemporaryFolder { folder in
      let path = try record(policy, in: folder) { daemon in
        let client = try daemon.client("arm")
        for _ in 0..<2 {
          _ = try client.reset()
          for (place, observation) in recorded.observations.prefix(8).enumerated() {
            var next = observation
            next.sequence = UInt64(place + 1)
            next.capturedAt = UInt64(place + 1) * 80_000_000
            next.sentAt = next.capturedAt
            next.clock = .simulated
            _ = try client.act(on: next)
          }
        }
      }
      let report = try Replay(path).run(through: policy)
      #expect(report.first == nil)
      #expect(report.observations == 16 && report.episodes == 2)
      let coarse = try UnifiedIOPolicy(bundle: bundle, weights: .init(format: .int8))
      #expect(try Replay(path).run(through: coarse).observations == 16)
    }
  }
}

/// Hands a client to the one thread that uses it from then on.
private struct Handed<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
