import ControlDaemon
import Foundation
import ProtobufCodec
import Recording
import RecordingReplay
import RobotInterface
import RobotLink
import RobotPolicy
import TestSupport
import Testing

/// Recordings of clients that ask again before they have their answer, written by hand as a daemon would.
@Suite("A replay follows requests that overlap") struct ReplayOrderTests {
  /// What the daemon reads and says, each at its time.
  private struct Script {
    var recorder: Recorder
    let token: [UInt8] = Array(repeating: 7, count: 16)

    init(_ path: String) throws {
      recorder = try Recorder(path, facts: RecordingFacts(policyName: "a", policyDigest: "00"), logger: silence)
      ask(1, .hello(clientName: "test", clientVersion: "1"), at: 1)
      var capabilities = RememberingPolicy().capabilities
      capabilities.sessionToken = token
      say(1, .capabilities(capabilities), at: 2)
    }

    func ask(_ number: UInt64, _ body: RequestMessage.Body, at time: UInt64) {
      let request = RequestMessage(
        requestID: number, sessionID: "arm", sessionToken: number == 1 ? [] : token, body: body)
      recorder.received(request, as: nil, at: time)
    }

    /// Numbers of requests and observations are the same here.
    func observe(_ number: UInt64, at time: UInt64) { ask(number, .observation(.sample(number)), at: time) }

    func say(_ number: UInt64, _ body: ReplyMessage.Body, at time: UInt64) {
      let reply = ReplyMessage(requestID: number, sessionID: "arm", sentAt: time, body: body)
      recorder.sent(reply, as: nil, isDelivered: true)
    }

    /// What ``RememberingPolicy`` answers when so many chunks were sent before.
    func act(_ number: UInt64, past: Int, at time: UInt64) {
      let seen = Observation.sample(number)
      say(
        number,
        .actionChunk(
          ActionChunk(
            observationSequence: number, capturedAt: seen.capturedAt, validUntil: seen.capturedAt + 1_000_000_000,
            actions: [Action(values: [0.01 * Double(past)])], tokens: [Int32(number), Int32(past)], text: "",
            confidence: 0.5, timings: StageTimings(), policyDigest: "00")), at: time)
    }
  }

  private func report(_ write: (Script) throws -> Void) throws -> ReplayReport {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "a.mcap").path
      let script = try Script(path)
      try write(script)
      #expect(script.recorder.close().failure == nil)
      return try Replay(path).run(through: RememberingPolicy())
    }
  }

  private static let superseded = RobotError(.superseded, "request", "a newer request took its place")

  @Test func `one is computed, one decoded and one waits, and all are answered`() throws {
    let report = try report { script in
      for number in UInt64(2)...5 { script.observe(number, at: number * 100) }
      for number in UInt64(2)...5 { script.act(number, past: Int(number) - 2, at: 1000 + number * 100) }
    }
    #expect(report.first == nil)
    #expect(report.observations == 4)
  }

  @Test func `an answer that leaves late is not taken for a displaced observation`() throws {
    let report = try report { script in
      script.observe(2, at: 100)
      script.observe(3, at: 110)
      // The second waits for the policy when two more come, of which only the last is served.
      script.observe(4, at: 120)
      script.observe(5, at: 130)
      script.say(4, .error(Self.superseded), at: 131)
      script.act(2, past: 0, at: 140)
      script.act(3, past: 1, at: 150)
      script.observe(6, at: 155)
      script.act(5, past: 2, at: 160)
      script.act(6, past: 3, at: 170)
    }
    #expect(report.first == nil)
    #expect(report.observations == 4)
  }

  @Test func `a session that was held back for its haste is not held back again`() throws {
    let report = try report { script in
      script.observe(2, at: 100)
      for number in UInt64(3)...20 {
        script.observe(number, at: 100 + number)
        if number > 3 { script.say(number - 1, .error(Self.superseded), at: 100 + number) }
      }
      script.act(2, past: 0, at: 200_000_000)
      script.act(20, past: 1, at: 200_000_001)
      script.observe(21, at: 200_000_002)
      script.act(21, past: 2, at: 200_000_003)
    }
    #expect(report.first == nil)
    #expect(report.observations == 3)
  }

  @Test func `an observation that is refused at once is not taken for one that waits`() throws {
    let report = try report { script in
      script.observe(2, at: 100)
      script.observe(3, at: 110)
      var bad = Observation.sample(4)
      // A clock that contradicts itself.
      (bad.clock, bad.sentAt) = (.monotonic, 1_000_000_000)
      bad.echo = ClockEcho(replySentAt: 2, replyReceivedAt: 10)
      script.ask(4, .observation(bad), at: 120)
      script.say(4, .error(RobotError(.staleObservation, "observation.sent_at", "no")), at: 121)
      script.observe(5, at: 130)
      script.say(3, .error(Self.superseded), at: 131)
      script.act(2, past: 0, at: 140)
      script.act(5, past: 1, at: 150)
    }
    #expect(report.first == nil)
    #expect(report.observations == 3)
  }

  @Test func `what was answered before a stop is answered before it again`() throws {
    let report = try report { script in
      script.ask(2, .observation(.sample(2, instruction: "fail")), at: 100)
      script.ask(3, .stop(reason: "enough"), at: 110)
      script.say(2, .error(RobotError(.invalidInstruction, "observation", "no")), at: 111)
      script.say(3, .acknowledgement(stopped: true), at: 112)
    }
    #expect(report.first == nil)
    #expect(report.observations == 1)
  }

  /// A client that gives up and says hello before it asks again: its next observation was made before it had the answer, which another
  /// reply in between does not change.
  @Test func `an act that timed out and was asked again`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "a.mcap").path
      let recorder = try Recorder(path, facts: RecordingFacts(policyName: "a", policyDigest: "00"), logger: silence)
      let policy = RememberingPolicy(held: 2, tellsPending: true)
      let daemon = try RecordedDaemon(policy, recorder)
      let arm = try daemon.client("arm")
      let first = try arm.act(on: .sample(1))
      _ = try arm.send(.observation(.sample(2)))
      #expect(policy.isInStep())
      _ = try arm.hello(clientName: "test", clientVersion: "1")
      let last = try arm.send(.observation(.sample(3)))
      let limit = ContinuousClock.now + .seconds(20)
      while daemon.daemon.metrics.requests < 5, ContinuousClock.now < limit { usleep(1_000) }
      policy.letGo()
      var pending: [Int32] = []
      while pending.isEmpty, ContinuousClock.now < limit {
        let reply = try arm.receive()
        if reply.requestID == last, case .actionChunk(let chunk) = reply.body { pending = chunk.tokens }
      }
      #expect(pending.count == 3 && pending.last != first.tokens.last, "it may be in either of two chunks: \(pending)")
      daemon.stop()
      #expect(recorder.close().failure == nil)
      let report = try Replay(path).run(through: RememberingPolicy(tellsPending: true))
      #expect(report.first == nil)
      #expect(report.observations == 3)
    }
  }
}
