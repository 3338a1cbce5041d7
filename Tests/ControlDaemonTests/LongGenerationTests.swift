import ControlDaemon
import Foundation
import RobotInterface
import RobotLink
import Testing

/// A generation that would take minutes, tokens of 10 ms.
@Suite("A long generation tells how far it is, steps aside for robots, and ends when told to", .serialized)
struct LongGenerationTests {
  private let long = GenerationRequest(prompt: "cup", maximumTokens: 60_000, progressInterval: 1_000_000)

  private func daemon() throws -> RunningDaemon { try RunningDaemon(TalkingPolicy(tokenTime: 0.01)) }

  @Test func `progress grows until the answer`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let person = try daemon.client("person")
    var reports: [GenerationProgress] = []
    var request = long
    request.maximumTokens = 12
    #expect(try person.generate(request) { reports.append($0) }.text == "a cup")
    #expect(reports.map(\.tokens) == Array(1...12))
    #expect(reports.allSatisfy { $0.limit == 12 && $0.text.count == $0.tokens })
    #expect(reports.dropFirst().allSatisfy { $0.tokensPerSecond != nil })
  }

  @Test func `who does not ask for progress gets one reply`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let person = try daemon.client("person")
    var request = long
    (request.maximumTokens, request.progressInterval) = (5, nil)
    let id = try person.send(.generate(request))
    let reply = try person.receive()
    #expect(reply.requestID == id)
    #expect(reply.body.isFinal)
  }

  @Test func `a cancel ends it within a token, with what was said so far`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let person = try daemon.client("person")
    var said = 0
    var begin: ContinuousClock.Instant?
    let result = try person.generate(long) {
      said = $0.tokens
    } isCancelled: {
      guard said >= 3 else { return false }
      begin = begin ?? .now
      return true
    }
    let took = try #require(begin).duration(to: .now)
    #expect(result.finishReason == .cancelled)
    #expect(result.tokens.count >= 3)
    #expect(result.text.count == result.tokens.count)
    // A token of 10 ms, and whatever else this machine does; the whole would be ten minutes.
    #expect(took < .seconds(10), "\(took)")
    #expect(try person.generate(GenerationRequest(prompt: "cup")).text == "a cup", "the next question is answered")
  }

  @Test func `another connection of the session cancels, another session does not`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let person = try daemon.client("person")
    let id = try person.send(.generate(long))
    #expect(try !person.receive().body.isFinal)
    let thief = try daemon.client("thief")
    #expect(refusal { () throws(ClientError) in try thief.cancel(requestID: id) }?.code == .unknownRequest)
    try daemon.client("person").cancel(requestID: id)
    var last = try person.receive()
    while !last.body.isFinal { last = try person.receive() }
    guard case .generation(let result) = last.body else {
      Issue.record("\(last)")
      return
    }
    #expect(result.finishReason == .cancelled)
  }

  @Test func `a client whose time runs out takes its question back`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let impatient = try daemon.client("impatient", timeout: .milliseconds(100))
    var request = long
    request.progressInterval = nil
    #expect(throws: ClientError.timedOut(after: .milliseconds(100))) { try impatient.generate(request) }
    #expect(daemon.wait { $0.generations == 1 })
  }

  @Test func `a client that dies leaves the model to others`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    do {
      let doomed = try daemon.client("doomed")
      _ = try doomed.send(.generate(long))
      #expect(try !doomed.receive().body.isFinal)
    }
    #expect(try daemon.client("heir").generate(GenerationRequest(prompt: "cup")).text == "a cup")
  }

  @Test func `a robot waits for one token at most, and the generation goes on`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let person = try daemon.client("person")
    _ = try person.send(.generate(long))
    #expect(try !person.receive().body.isFinal)
    let robot = try daemon.client("robot")
    var durations: [Duration] = []
    for sequence in UInt64(1)...20 {
      let begin = ContinuousClock.now
      _ = try robot.act(on: .sample(sequence))
      durations.append(begin.duration(to: .now))
    }
    // The median, because the machine may be busy with other things; without stepping aside it would be ten minutes.
    let median = durations.sorted()[10]
    #expect(median < .seconds(2), "\(median)")
    var tokens = 0
    while tokens < 10, case .progress(let progress) = try person.receive().body { tokens = progress.tokens }
    #expect(tokens >= 10)
    #expect(daemon.daemon.metrics.chunks == 20)
  }

  @Test func `robots that wait together wait for the same token`() throws {
    let daemon = try RunningDaemon(TalkingPolicy(tokenTime: 1))
    defer { daemon.stop() }
    let person = try daemon.client("person")
    _ = try person.send(.generate(long))
    #expect(try !person.receive().body.isFinal)
    let robots = try (0..<5).map { try daemon.client("robot \($0)") }
    for robot in robots { _ = try robot.send(.observation(.sample(1))) }
    let begin = ContinuousClock.now
    for robot in robots { #expect(try robot.receive().body.isFinal) }
    let took = begin.duration(to: .now)
    // One token of a second, or a part of another; not five.
    #expect(took < .seconds(4), "\(took)")
  }

  @Test func `a stop of its session ends it`() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let person = try daemon.client("person")
    _ = try person.send(.generate(long))
    #expect(try !person.receive().body.isFinal)
    try daemon.client("person").stop(reason: "")
    #expect(daemon.wait { $0.generations == 1 })
  }

  @Test func `a shutdown answers it and does not wait for its end`() throws {
    let daemon = try daemon()
    let person = try daemon.client("person")
    _ = try person.send(.generate(long))
    #expect(try !person.receive().body.isFinal)
    let begin = ContinuousClock.now
    #expect(daemon.stop() == nil)
    #expect(begin.duration(to: .now) < .seconds(5))
    var last = try person.receive()
    while !last.body.isFinal { last = try person.receive() }
    guard case .error(let error) = last.body else {
      Issue.record("\(last)")
      return
    }
    #expect(error.code == .shuttingDown)
  }
}
