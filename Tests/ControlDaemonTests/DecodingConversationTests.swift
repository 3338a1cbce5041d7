import ControlDaemon
import Foundation
import RobotInterface
import RobotLink
import RobotPolicy
import Synchronization
import Testing

@Suite("A picture that takes long to decode keeps nobody else waiting", .serialized)
struct DecodingConversationTests {
  private func question(_ prompt: String, slow: Bool) -> GenerationRequest {
    var frame = Observation.sample(1).frames[0]
    frame.data = [slow ? 1 : 0]
    return GenerationRequest(prompt: prompt, images: [frame])
  }

  @Test func `robots are served beside a slow picture of another one`() throws {
    let policy = DecodingPolicy(), daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let slow = try daemon.client("slow")
    let id = try slow.send(.observation(.slow(1)))
    #expect(policy.isDecoding())
    let robots = try (0..<3).map { try daemon.client("robot \($0)") }
    for sequence in UInt64(2)...20 { for robot in robots { _ = try robot.act(on: .sample(sequence)) } }
    policy.release()
    let reply = try slow.receive()
    #expect(reply.requestID == id)
    guard case .actionChunk = reply.body else {
      Issue.record("\(reply)")
      return
    }
  }

  @Test func `robots and questions without pictures are served beside a slow question`() throws {
    let policy = DecodingPolicy(), daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let person = try daemon.client("person"), other = try daemon.client("other"), robot = try daemon.client("robot")
    let id = try person.send(.generate(question("slow", slow: true)))
    #expect(policy.isDecoding())
    for sequence in UInt64(1)...20 { _ = try robot.act(on: .sample(sequence)) }
    #expect(try other.generate(GenerationRequest(prompt: "cup")).text == "cup")
    policy.release()
    let reply = try person.receive()
    #expect(reply.requestID == id)
    guard case .generation(let result) = reply.body else {
      Issue.record("\(reply)")
      return
    }
    #expect(result.text == "slow")
  }

  @Test func `a picture that may be decoded is, also when a thread has something else to go on with`() throws {
    let policy = DecodingPolicy(), daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let first = try daemon.client("first"), second = try daemon.client("second")
    var long = question("long", slow: true)
    long.maximumTokens = 65_536
    _ = try first.send(.generate(long))
    #expect(policy.isDecoding())
    // One such picture at a time: the second waits, and the threads sleep.
    _ = try second.send(.generate(question("short", slow: true)))
    #expect(daemon.wait { $0.requests == 4 })
    policy.release()
    // Whoever has decoded the first goes on with its answer, which does not end.
    #expect(policy.isDecoding(), "nobody was woken for the second picture")
    _ = try first.send(.stop(reason: ""))
  }

  @Test func `an observation that is superseded before it is decoded is never decoded`() throws {
    let policy = DecodingPolicy(), daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    _ = try robot.send(.observation(.slow(1)))
    #expect(policy.isDecoding())
    for sequence in UInt64(2)...4 { _ = try robot.send(.observation(.sample(sequence))) }
    for _ in 2...3 {
      guard case .error(let error) = try robot.receive().body else {
        Issue.record("no refusal")
        continue
      }
      #expect(error.code == .superseded)
    }
    policy.release()
    for _ in 0..<2 { #expect(try robot.receive().body.isFinal) }
    #expect(policy.decoded == [1, 4])
  }

  @Test func `a stop answers at once and ends the decoding`() throws {
    let policy = DecodingPolicy(), daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let robot = try daemon.client()
    _ = try robot.send(.observation(.slow(1)))
    #expect(policy.isDecoding())
    #expect(try daemon.client().stop(reason: ""))
    guard case .error(let error) = try robot.receive().body else {
      Issue.record("no refusal")
      return
    }
    #expect(error.code == .stopped)
    // Nobody has released the picture: the next one of the session is decoded because that one was called off.
    try robot.resume()
    _ = try robot.act(on: .sample(2))
  }

  @Test(arguments: [false, true]) func `a cancel ends the decoding of a question`(byCancel: Bool) throws {
    let policy = DecodingPolicy(), daemon = try RunningDaemon(policy)
    defer { daemon.stop() }
    let person = try daemon.client("person")
    let id = try person.send(.generate(question("slow", slow: true)))
    #expect(policy.isDecoding())
    if byCancel {
      try daemon.client("person").cancel(requestID: id)
    } else {
      try daemon.client("person").stop(reason: "")
    }
    guard case .generation(let result) = try person.receive().body else {
      Issue.record("no generation")
      return
    }
    #expect(result.finishReason == .cancelled)
    // The only place for what is large is free again.
    #expect(try daemon.client("other").generate(question("quick", slow: false)).text == "quick")
  }

  @Test func `a shutdown waits for no picture`() throws {
    let policy = DecodingPolicy(), daemon = try RunningDaemon(policy)
    let robots = try (0..<5).map { try daemon.client("robot \($0)") }
    for robot in robots { _ = try robot.send(.observation(.slow(1))) }
    let person = try daemon.client("person")
    _ = try person.send(.generate(question("slow", slow: true)))
    #expect(policy.isDecoding())
    #expect(daemon.wait { $0.requests == 12 }, "six greetings, six requests")
    let begin = ContinuousClock.now
    #expect(daemon.stop() == nil)
    #expect(begin.duration(to: .now) < .seconds(10), "the pictures are decoded until they are called off")
    for client in robots + [person] {
      guard case .error(let error) = try client.receive().body else {
        Issue.record("no refusal")
        continue
      }
      #expect(error.code == .shuttingDown)
    }
  }

  @Test func `a question gets on beside robots that always wait`() throws {
    let daemon = try RunningDaemon(DecodingPolicy(stepTime: 0.005))
    defer { daemon.stop() }
    let isDone = Atomic(false)
    let ended = DispatchSemaphore(value: 0), robots = 3
    let served = Mutex([Int](repeating: 0, count: robots))
    for robot in 0..<robots {
      Thread.detachNewThread {
        let client = try? daemon.client("robot \(robot)")
        var sequence: UInt64 = 0
        while !isDone.load(ordering: .relaxed) {
          sequence += 1
          guard (try? client?.act(on: .sample(sequence))) != nil else { break }
          served.withLock { $0[robot] += 1 }
        }
        ended.signal()
      }
    }
    // Robots keep the policy busy before the question comes, and at every moment after.
    #expect(daemon.wait { $0.chunks > 20 })
    let text = try daemon.client("person").generate(GenerationRequest(prompt: "cup", maximumTokens: 50)).text
    let before = served.withLock { $0 }
    #expect(daemon.wait { $0.chunks > UInt64(before.reduce(0, +) + 20) }, "the robots are served as well")
    isDone.store(true, ordering: .relaxed)
    for _ in 0..<robots { ended.wait() }
    #expect(text == "cup")
    #expect(before.allSatisfy { $0 > 0 })
  }
}
