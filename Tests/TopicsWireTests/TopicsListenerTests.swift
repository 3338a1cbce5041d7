import Foundation
import ProtobufCodec
import RobotInterface
import Synchronization
import TestSupport
import Testing
import Topics
import TopicsWire
import ZeroMQTransport

/// Sees what a recorder and a log would.
private final class Watcher: MessageObserver {
  private let replies = Mutex<[(body: ReplyMessage.Body, isDelivered: Bool)]>([])
  private let lines = Mutex<[String]>([])

  var sent: [(body: ReplyMessage.Body, isDelivered: Bool)] { replies.withLock { $0 } }
  var notes: [String] { lines.withLock { $0 } }

  func note(_ line: String) { lines.withLock { $0.append(line) } }
  func received(_ request: RequestMessage, as bytes: [UInt8]?, at time: UInt64) {}
  func sent(_ reply: ReplyMessage, as bytes: [UInt8]?, isDelivered: Bool) {
    replies.withLock { $0.append((reply.body, isDelivered)) }
  }
}

/// A camera and an arm that publish, a listener whose daemon is the test, and whoever moves the arm.
private final class World {
  let listener: TopicsListener
  let watcher = Watcher()
  /// What the camera publishes in place of a picture.
  var junk: [UInt8]?
  /// Whether the camera publishes under the arm's name, too.
  var isMixed = false
  /// What the arm says of its stop.
  var stopReason: String?
  private(set) var requests: [RequestMessage] = []
  private(set) var published: [ReplyMessage] = []
  private var eye: TopicPublisher
  private var joints: TopicPublisher
  private var commands: TopicSubscriber
  private var sequence: UInt64 = 0
  private let wakeUp: WakeUp

  init(in folder: URL) throws {
    let places = try ["eye", "joints"].map { try Endpoint("ipc://\(folder.path)/\($0)", for: .listen) }
    eye = try TopicPublisher(at: places[0])
    joints = try TopicPublisher(at: places[1])
    let capabilities = Capabilities(
      policyName: "p", policyDigest: "d", serverVersion: "1",
      cameras: [.init(name: "front", width: 1, height: 1, verticalFieldOfView: nil, input: .image)], proprioception: [],
      actions: [], actionFrame: "base", actionMode: .delta, hold: .zero, chunkLength: 2, controlRate: 100,
      limits: .init())
    let patient: UInt64 = 60_000_000_000
    let settings = TopicSettings(
      maximumSkew: patient,
      sources: [
        .init(TopicSource("eye", maximumAge: patient), .camera("front"), at: places[0]),
        .init(TopicSource("joints", maximumAge: patient), .arm, at: places[1]),
      ])
    let wakeUp = try WakeUp()
    listener = try TopicsListener(
      at: try Endpoint("tcp://127.0.0.1:*", for: .listen), settings,
      for: ListenerSetting(
        capabilities: capabilities, maximumMessageBytes: 4096, observer: watcher, wake: { wakeUp.signal() }),
      note: { [watcher] in watcher.note($0) })
    self.wakeUp = wakeUp
    let place = listener.address.replacing("topics://", with: "tcp://")
    commands = try TopicSubscriber(
      ["arm"], at: try Endpoint(place, for: .connect), maximumBytes: 1 << 20, context: try ZeroMQContext())
  }

  /// All go on until something has become true.
  func pump(_ isOver: (World) -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while !isOver(self) {
      try #require(ContinuousClock.now < deadline, "\(requests.suffix(3)) \(published.suffix(3)) \(watcher.notes)")
      try publish()
      while case .request(_, .success(let request), _)? = try listener.next() { requests.append(request) }
      while let sample = try commands.next() {
        #expect(sample.topic == "arm")
        published.append(try ReplyMessage(decoding: try #require(sample.message)))
      }
      try commands.wait(timeout: .milliseconds(5), wakeUp: wakeUp)
    }
  }

  private func publish() throws {
    sequence += 1
    let picture = CameraFrame(
      camera: "any", encoding: .rgb8, width: 1, height: 1,
      data: [UInt8(truncatingIfNeeded: sequence), 0, 0])
    try eye.publish(try junk ?? part("eye", [picture], []), as: "eye")
    // Of a source that is elsewhere.
    if isMixed { try eye.publish([1, 2, 3], as: "joints") }
    if let stopReason {
      let stop = RequestMessage(
        requestID: sequence, sessionID: "joints", sessionToken: Array(repeating: 1, count: 16),
        body: .stop(reason: stopReason))
      try joints.publish(try stop.encoded(), as: "joints")
    }
    try joints.publish(try part("joints", [], [0.5]), as: "joints")
  }

  private func part(_ name: String, _ frames: [CameraFrame], _ state: [Double]) throws -> [UInt8] {
    let now = MachineClock.nanoseconds()
    return try RequestMessage(
      requestID: sequence, sessionID: name, sessionToken: Array(repeating: 1, count: 16),
      body: .observation(
        Observation(
          sequence: sequence, capturedAt: now, sentAt: now, frames: frames, proprioception: state, instruction: "go"))
    ).encoded()
  }

  /// Answers the last request of a kind.
  func answer(_ body: ReplyMessage.Body, to kind: (RequestMessage.Body) -> Bool) throws {
    let request = try #require(requests.last { kind($0.body) })
    let reply = ReplyMessage(
      requestID: request.requestID, sessionID: request.sessionID, sentAt: MachineClock.nanoseconds(), body: body)
    #expect(try listener.deliver(reply, to: Route(connection: [1])) == .sent)
  }

  /// The daemon takes the arm for its own, and the first observation comes.
  func begin() throws {
    try pump { $0.requests.contains { $0.body.isHello } }
    let hello = try #require(requests.first { $0.body.isHello })
    var capabilities = Capabilities(
      policyName: "p", policyDigest: "d", serverVersion: "1", cameras: [], proprioception: [], actions: [],
      actionFrame: "base", actionMode: .delta, hold: .zero, chunkLength: 2, controlRate: 100, limits: .init())
    capabilities.sessionToken = hello.sessionToken
    try answer(.capabilities(capabilities)) { $0.isHello }
    try pump { $0.requests.contains { $0.body.isObservation } }
  }

  var chunk: ReplyMessage.Body {
    .actionChunk(
      ActionChunk(
        observationSequence: 1, capturedAt: 1, validUntil: .max, actions: [Action(values: [0.25])], tokens: [],
        text: "", confidence: 1, timings: StageTimings()))
  }
}

extension RequestMessage.Body {
  fileprivate var isHello: Bool { if case .hello = self { true } else { false } }
  fileprivate var isObservation: Bool { if case .observation = self { true } else { false } }
  fileprivate var stopReason: String? { if case .stop(let reason) = self { reason } else { nil } }
}

extension ReplyMessage.Body {
  fileprivate var isChunk: Bool { if case .actionChunk = self { true } else { false } }
  fileprivate var error: RobotError? { if case .error(let error) = self { error } else { nil } }
}

@Suite("Sources over ZeroMQ", .timeLimit(.minutes(2))) struct TopicsListenerTests {
  private func withWorld(_ body: (World) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let world = try World(in: folder)
      defer { world.listener.shutDown(within: .milliseconds(100)) }
      try body(world)
    }
  }

  @Test func `what sources publish comes as one robot's observations, and its commands are published`() throws {
    try withWorld { world in
      try world.begin()
      let bodies = world.requests.map(\.body)
      #expect(bodies.first?.isHello == true && bodies.contains(.reset))
      guard case .observation(let seen)? = bodies.first(where: \.isObservation) else { return }
      #expect(seen.frames.map(\.camera) == ["front"] && seen.proprioception == [0.5] && seen.instruction == "go")
      // Whoever moves the arm may subscribe later.
      while !world.published.contains(where: \.body.isChunk) {
        let count = world.requests.count
        try world.pump { $0.requests.dropFirst(count).contains { $0.body.isObservation } }
        try world.answer(world.chunk) { $0.isObservation }
        try world.pump { _ in true }
      }
      #expect(world.published.last { $0.body.isChunk }?.body == world.chunk)
      #expect(world.watcher.sent.last?.isDelivered == true)
    }
  }

  @Test(arguments: [3, 5000])
  func `what cannot be read stops the arm, by the name of its source`(bytes: Int) throws {
    try withWorld { world in
      try world.begin()
      world.junk = Array(repeating: 0xFF, count: bytes)
      try world.pump { world in
        world.requests.contains { $0.body.stopReason?.contains("eye cannot be read") == true }
          && world.published.contains { $0.body.error?.subject == "eye" }
      }
      #expect(world.watcher.notes.contains { $0.contains("eye cannot be read") })
      // Commands of before are no longer the arm's, and no recording says that they were.
      try world.answer(world.chunk) { $0.isObservation }
      #expect(world.watcher.sent.last?.isDelivered == false)
    }
  }

  @Test func `nobody publishes for a source whose address is another`() throws {
    try withWorld { world in
      world.isMixed = true
      try world.begin()
      let count = world.requests.count
      try world.pump { $0.requests.count >= count + 10 }
      #expect(
        !world.requests.contains { $0.body.stopReason != nil }
          && world.watcher.notes.allSatisfy { !$0.contains("cannot be read") })
    }
  }

  @Test func `an arm that says that it is stopped is stopped`() throws {
    try withWorld { world in
      try world.begin()
      world.stopReason = "the last daemon stopped it"
      try world.pump { world in world.requests.contains { $0.body.stopReason == "the last daemon stopped it" } }
    }
  }

  @Test func `a source may be no older than the policy allows`() throws {
    let place = try Endpoint("tcp://127.0.0.1:5561", for: .connect)
    let settings = TopicSettings(sources: [.init(TopicSource("joints", maximumAge: 600_000_000), .arm, at: place)])
    var capabilities = Capabilities(
      policyName: "p", policyDigest: "d", serverVersion: "1", cameras: [], proprioception: [], actions: [],
      actionFrame: "base", actionMode: .delta, hold: .zero, chunkLength: 2, controlRate: 100, limits: .init())
    try settings.check(for: capabilities)
    capabilities.limits.maximumObservationAge = 500_000_000
    let error = #expect(throws: RobotError.self) { try settings.check(for: capabilities) }
    #expect(error?.subject == "joints" && error?.message.contains("500 ms") == true)
  }

  @Test func `a stop that somebody else asked for is published`() throws {
    try withWorld { world in
      try world.begin()
      try world.pump { world in
        world.listener.voidCommands(of: "another", isStopped: true)
        world.listener.voidCommands(of: "arm", isStopped: true)
        return world.published.contains { $0.body == .acknowledgement(stopped: true) }
      }
    }
  }

  @Test func `an address of another machine is refused`() throws {
    let settings = TopicSettings(sources: [
      .init(TopicSource("joints", maximumAge: 1), .arm, at: try Endpoint("tcp://127.0.0.1:5561", for: .connect))
    ])
    let capabilities = Capabilities(
      policyName: "p", policyDigest: "d", serverVersion: "1", cameras: [], proprioception: [], actions: [],
      actionFrame: "base", actionMode: .delta, hold: .zero, chunkLength: 2, controlRate: 100, limits: .init())
    let setting = ListenerSetting(capabilities: capabilities, maximumMessageBytes: 4096, wake: {})
    for place in ["tcp://*:5560", "tcp://10.0.0.1:5560"] {
      #expect(throws: RobotError.self) {
        try TopicsListener(at: try Endpoint(place, for: .listen), settings, for: setting) { _ in }
      }
    }
  }
}
