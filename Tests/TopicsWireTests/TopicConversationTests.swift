import RobotInterface
import Testing
import Topics
import TopicsWire

/// A camera and an arm that publish, a daemon that answers, and time, all in a test's hand.
private struct Rig {
  static let ms: UInt64 = 1_000_000
  var conversation: TopicConversation
  var now: UInt64 = 1_000_000_000
  private var sequences: [String: UInt64] = [:]
  private(set) var requests: [RequestMessage] = []
  var published: [ReplyMessage] = []
  private(set) var notes: [String] = []

  init() throws {
    let place = try Endpoint("tcp://127.0.0.1:5561", for: .connect)
    let settings = TopicSettings(
      instruction: "Open the door.", maximumSkew: 60 * Self.ms,
      sources: [
        .init(
          TopicSource("eye", maximumAge: 100 * Self.ms, frozenAfter: 300 * Self.ms), .camera("front"), at: place),
        .init(TopicSource("joints", maximumAge: 100 * Self.ms), .arm, at: place),
      ])
    conversation = TopicConversation(settings, token: Array(repeating: 7, count: 16), life: 3)
  }

  /// A source says something now.
  mutating func say(
    _ name: String, picture: UInt8? = nil, life: UInt8 = 1, sequence: UInt64? = nil, consumed: Int = 0,
    echo: UInt64? = nil
  ) throws {
    let number = sequence ?? (sequences[name] ?? 0) + 1
    sequences[name] = number
    let isCamera = name == "eye"
    let frame = CameraFrame(
      camera: name, encoding: .rgb8, width: 1, height: 1,
      data: Array(repeating: picture ?? UInt8(truncatingIfNeeded: number), count: 3))
    let observation = Observation(
      sequence: number, capturedAt: now, sentAt: now, frames: isCamera ? [frame] : [],
      proprioception: isCamera ? [] : [0.25, 0.5], instruction: "", actionsConsumed: consumed,
      echo: echo.map { ClockEcho(replySentAt: $0, replyReceivedAt: $0) })
    let request = RequestMessage(
      requestID: number, sessionID: name, sessionToken: Array(repeating: life, count: 16),
      body: .observation(observation))
    let source = try #require(conversation.source(of: name))
    let message = try TopicMessage(request, from: source)
    requests += conversation.take(message, at: now)
  }

  mutating func tick() {
    let turn = conversation.tick(at: now)
    requests += turn.requests
    published += turn.published
    notes += turn.notes
  }

  mutating func stop(byArm cause: String) {
    let turn = conversation.stop(byArm: cause)
    requests += turn.requests
    published += turn.published
  }

  mutating func answer(_ body: ReplyMessage.Body, to request: UInt64) {
    let turn = conversation.take(
      ReplyMessage(requestID: request, sessionID: "arm", sentAt: now + 5, body: body), at: now)
    requests += turn.requests
    published += turn.published
    notes += turn.notes
  }

  mutating func greet(isOwner: Bool = true) throws {
    tick()
    var capabilities = Capabilities(
      policyName: "p", policyDigest: "d", serverVersion: "1", cameras: [], proprioception: [], actions: [],
      actionFrame: "base", actionMode: .delta, hold: .zero, chunkLength: 2, controlRate: 10, limits: .init())
    capabilities.sessionToken = isOwner ? Array(repeating: 7, count: 16) : []
    answer(.capabilities(capabilities), to: try #require(requests.last).requestID)
  }

  /// The daemon has latched the stop that was asked for last.
  mutating func latch() throws {
    let stop = try #require(requests.last { if case .stop = $0.body { true } else { false } })
    published.append(conversation.void(isStopped: true))
    answer(.acknowledgement(stopped: true), to: stop.requestID)
  }

  /// Both publish, 50 ms pass, it is decided.
  mutating func step(echo: UInt64? = nil) throws {
    now += 50 * Self.ms
    try say("eye")
    try say("joints", echo: echo)
    tick()
  }

  func chunk(validFor milliseconds: UInt64 = 1) -> ReplyMessage.Body {
    .actionChunk(
      ActionChunk(
        observationSequence: 1, capturedAt: 1, validUntil: now + milliseconds * Self.ms, actions: [Action(values: [0])],
        tokens: [],
        text: "", confidence: 1, timings: StageTimings()))
  }

  var observations: [Observation] {
    requests.compactMap { if case .observation(let observation) = $0.body { observation } else { nil } }
  }
  var stops: [String] { requests.compactMap { if case .stop(let reason) = $0.body { reason } else { nil } } }
  var lastError: RobotError? {
    if case .error(let error) = published.last?.body { error } else { nil }
  }
  var chunks: Int { published.count { if case .actionChunk = $0.body { true } else { false } } }
}

@Suite("An arm whose parts publish") struct TopicConversationTests {
  @Test func `what they say is put together as one observation a period`() throws {
    var rig = try Rig()
    try rig.greet()
    #expect(rig.requests.map(\.body).contains(.reset))
    try rig.step()
    // Nothing new, nothing decided.
    rig.now += 10 * Rig.ms
    rig.tick()
    let seen = try #require(rig.observations.first)
    #expect(rig.observations.count == 1)
    #expect(seen.frames.map(\.camera) == ["front"] && seen.frames.first?.capturedAt == seen.capturedAt)
    #expect(seen.proprioception == [0.25, 0.5] && seen.instruction == "Open the door." && seen.sequence == 1)
    rig.answer(rig.chunk(), to: try #require(rig.requests.last).requestID)
    #expect(rig.chunks == 1)
  }

  @Test func `before all are there the arm is told to hold, by name, and nothing is stopped`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.say("joints")
    rig.tick()
    #expect(rig.lastError?.code == .missingCamera && rig.lastError?.subject == "eye")
    #expect(
      rig.stops.isEmpty
        && rig.notes == ["eye has not published yet; joints has not published yet", "eye has not published yet"])
  }

  @Test func `a camera that is late stops the arm by name, every period, and only a person lets it go on`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    let asked = try #require(rig.requests.last).requestID
    for _ in 0..<4 {
      rig.now += 50 * Rig.ms
      try rig.say("joints")
      rig.tick()
    }
    #expect(rig.stops.count == 1 && rig.stops.first?.contains("eye is late") == true)
    #expect(rig.lastError?.subject == "eye" && rig.lastError?.code == .staleObservation)
    // What was under way comes too late.
    rig.answer(rig.chunk(), to: asked)
    #expect(rig.chunks == 0)
    try rig.latch()

    try rig.step()
    #expect(rig.notes.last == "all sources are there again")
    let again = try #require(rig.requests.last).requestID
    rig.answer(.error(RobotError(.stopped, "session_id", "the session is stopped")), to: again)
    #expect(rig.lastError?.message.contains("eye is late") == true)
    rig.answer(rig.chunk(), to: again)
    #expect(rig.chunks == 0, "stopped")

    _ = rig.conversation.void(isStopped: false)
    try rig.step()
    rig.answer(rig.chunk(), to: try #require(rig.requests.last).requestID)
    #expect(rig.chunks == 1)
  }

  @Test func `a person who resumes while a camera is away has the arm stopped again`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    rig.now += 200 * Rig.ms
    rig.tick()
    try rig.latch()
    _ = rig.conversation.void(isStopped: false)
    rig.tick()
    #expect(rig.stops.count == 2)
  }

  @Test func `what lets the arm go before its stop has come is not believed`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    rig.conversation.disbelieve(TopicFault("eye", .backwards))
    rig.tick()
    // As of the reset at the beginning, or of somebody who resumed an earlier stop.
    #expect(rig.conversation.void(isStopped: false).body == .acknowledgement(stopped: true))
    try rig.step()
    #expect(rig.stops.count == 1)
    try rig.latch()
    rig.answer(.error(RobotError(.stopped, "session_id", "stopped")), to: try #require(rig.requests.last).requestID)
    #expect(rig.lastError?.message.contains("eye went back") == true)
  }

  @Test func `a camera that shows the same is frozen`() throws {
    var rig = try Rig()
    try rig.greet()
    for _ in 0..<10 {
      rig.now += 50 * Rig.ms
      try rig.say("eye", picture: 9)
      try rig.say("joints")
      rig.tick()
    }
    #expect(rig.stops.first?.contains("eye is frozen") == true)
    #expect(rig.lastError?.code == .frozenCamera && rig.lastError?.subject == "eye")
  }

  @Test func `a camera that the policy finds frozen stops the arm as well, by its source`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    let found = RobotError(.frozenCamera, "observation.frames[0]", "front has shown the same picture")
    rig.answer(.error(found), to: try #require(rig.requests.last).requestID)
    #expect(rig.lastError?.code == .frozenCamera && rig.stops == ["eye is frozen: front has shown the same picture"])
    #expect(rig.notes.last == rig.stops.last && rig.lastError?.message == rig.stops.last)
  }

  @Test(arguments: [
    (RobotError(.invalidImage, "observation.frames[0].width", "expected 128, found 64"), "eye"),
    (RobotError(.invalidProprioception, "observation.proprioception[1]", "9 is outside"), "joints"),
  ])
  func `what the policy does not take stops the arm, by its source`(_ error: RobotError, _ source: String) throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    rig.answer(.error(error), to: try #require(rig.requests.last).requestID)
    #expect(rig.stops == ["\(source) does not fit the policy: \(error.message)"])
    #expect(rig.lastError?.code == error.code && rig.lastError?.subject == error.subject)
  }

  @Test func `an arm that was stopped by a daemon before this one stays stopped until a person resumes it here`() throws
  {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    let asked = try #require(rig.requests.last).requestID
    rig.stop(byArm: "the camera is late")
    #expect(rig.stops == ["the camera is late"])
    // It says so until it hears that this daemon knows.
    rig.stop(byArm: "the camera is late")
    #expect(rig.stops.count == 1)
    rig.answer(rig.chunk(), to: asked)
    #expect(rig.chunks == 0)
    try rig.latch()
    let heard = rig.published.count
    rig.stop(byArm: "the camera is late")
    #expect(rig.stops.count == 1 && rig.published.dropFirst(heard).map(\.body) == [.acknowledgement(stopped: true)])
    _ = rig.conversation.void(isStopped: false)
    try rig.step()
    rig.answer(rig.chunk(), to: try #require(rig.requests.last).requestID)
    #expect(rig.chunks == 1)
  }

  @Test func `what an arm has heard from another daemon says nothing of the clocks`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step(echo: 900_000_000_000)
    #expect(rig.observations.last?.echo?.replySentAt == 1_000_000_005, "the greeting's")
  }

  @Test func `a session that somebody has released begins stopped`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    rig.answer(.error(RobotError(.notOwner, "session_id", "not yours")), to: try #require(rig.requests.last).requestID)
    rig.now += 5_000 * Rig.ms
    try rig.say("eye")
    try rig.say("joints")
    try rig.greet()
    #expect(rig.stops == ["the session was released"])
  }

  @Test func `it is known when a source will be late if nothing more comes`() throws {
    var rig = try Rig()
    try rig.greet()
    #expect(rig.conversation.nextFault == nil, "nothing moves yet")
    try rig.step()
    #expect(rig.conversation.nextFault == rig.now + 100 * Rig.ms)
    rig.now += 101 * Rig.ms
    rig.tick()
    #expect(rig.stops.first?.contains("eye is late") == true && rig.conversation.nextFault == nil)
  }

  @Test func `all that is said carries the process it is of`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    rig.answer(rig.chunk(), to: try #require(rig.requests.last).requestID)
    rig.now += 500 * Rig.ms
    rig.tick()
    #expect(rig.chunks == 1 && rig.lastError != nil)
    rig.published.append(rig.conversation.void(isStopped: true))
    #expect((rig.requests.map(\.requestID) + rig.published.map(\.requestID)).allSatisfy { $0 >> 32 == 3 })
  }

  @Test func `an arm is not said to have commands that it may still get`() throws {
    var rig = try Rig()
    try rig.greet()
    func echo() -> UInt64? { rig.observations.last?.echo?.replySentAt }
    // Nothing has come from the arm: the greeting says most of the clocks.
    try rig.step()
    #expect(echo() == 1_000_000_005)
    rig.answer(rig.chunk(validFor: 200), to: try #require(rig.requests.last).requestID)
    let chunk = try #require(rig.published.last).sentAt
    try rig.step(echo: chunk)
    #expect(echo() == chunk)
    // Its echo grows old, so the daemon is greeted, while other commands are on their way.
    for _ in 0..<120 { try rig.step(echo: chunk) }
    rig.answer(rig.chunk(validFor: 200), to: try #require(rig.requests.last).requestID)
    rig.answer(.acknowledgement(stopped: false), to: 0)
    try rig.step(echo: chunk)
    #expect(echo() == chunk)
    // Once they are past their deadline it does not matter.
    rig.now += 200 * Rig.ms
    try rig.step(echo: chunk)
    rig.answer(.acknowledgement(stopped: false), to: 0)
    try rig.step(echo: chunk)
    #expect(echo().map { $0 > chunk } == true)
  }

  @Test func `two processes with one name are found out; one that was restarted is let in`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    try rig.say("eye", life: 2, sequence: 1)
    rig.now += 50 * Rig.ms
    rig.tick()
    #expect(rig.stops.first == "eye is published by two processes at the same time")

    var other = try Rig()
    try other.greet()
    try other.step()
    other.now += 150 * Rig.ms
    try other.say("eye", life: 2, sequence: 1)
    try other.say("joints", life: 2, sequence: 1)
    let resets = other.requests.count { $0.body == .reset }
    other.tick()
    #expect(other.stops.isEmpty && other.observations.count == 2)
    #expect(resets == 2, "an arm that begins anew begins an episode")
  }

  @Test func `what cannot be believed is a fault at once`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    rig.conversation.disbelieve(TopicFault("eye", .unreadable("no message")))
    rig.now += 10 * Rig.ms
    rig.tick()
    #expect(rig.stops == ["eye cannot be read: no message"] && rig.lastError?.code == .malformed)
  }

  @Test func `an answer to before a stop or to an older observation is not published`() throws {
    var rig = try Rig()
    try rig.greet()
    try rig.step()
    let first = try #require(rig.requests.last).requestID
    try rig.step()
    let second = try #require(rig.requests.last).requestID
    rig.answer(rig.chunk(), to: second)
    rig.answer(rig.chunk(), to: first)
    #expect(rig.chunks == 1)
    try rig.step()
    let third = try #require(rig.requests.last).requestID
    #expect(rig.conversation.void(isStopped: false).body == .acknowledgement(stopped: false))
    rig.answer(rig.chunk(), to: third)
    #expect(rig.chunks == 1)
  }

  @Test func `an arm whose session is another's does not move`() throws {
    var rig = try Rig()
    try rig.greet(isOwner: false)
    try rig.step()
    #expect(rig.observations.isEmpty && rig.lastError?.code == .notOwner)
    #expect(rig.notes.contains { $0.contains("belongs to another client") })
    // It is asked for again, and said once.
    rig.now += 1_000 * Rig.ms
    try rig.greet(isOwner: false)
    #expect(rig.requests.count { if case .hello = $0.body { true } else { false } } == 2)
    #expect(rig.notes.count { $0.contains("belongs to another client") } == 1)
  }

  @Test func `a message is of the one part that its source has`() throws {
    let place = try Endpoint("tcp://127.0.0.1:5561", for: .connect)
    let camera = TopicSettings.Source(TopicSource("eye", maximumAge: 1), .camera("front"), at: place)
    let arm = TopicSettings.Source(TopicSource("joints", maximumAge: 1), .arm, at: place)
    let frame = CameraFrame(camera: "a", encoding: .rgb8, width: 1, height: 1, data: [1, 2, 3])
    func request(_ frames: [CameraFrame], token: [UInt8] = Array(repeating: 1, count: 16)) -> RequestMessage {
      RequestMessage(
        requestID: 1, sessionID: "s", sessionToken: token,
        body: .observation(
          Observation(sequence: 1, capturedAt: 1, sentAt: 1, frames: frames, proprioception: [], instruction: "")))
    }
    #expect(throws: TopicFault.self) { try TopicMessage(request([]), from: camera) }
    #expect(throws: TopicFault.self) { try TopicMessage(request([frame, frame]), from: camera) }
    #expect(throws: TopicFault.self) { try TopicMessage(request([frame]), from: arm) }
    #expect(throws: TopicFault.self) { try TopicMessage(request([frame], token: []), from: camera) }
    #expect(throws: TopicFault.self) {
      try TopicMessage(RequestMessage(requestID: 1, sessionID: "s", body: .reset), from: arm)
    }
    #expect(try TopicMessage(request([frame]), from: camera).source == "eye")
  }

  @Test func `the fingerprint tells any byte from any other`() {
    let bytes = (0..<43).map { UInt8($0) }
    let whole = TopicMessage.fingerprint(bytes)
    for place in bytes.indices {
      var other = bytes
      other[place] ^= 0x80
      #expect(TopicMessage.fingerprint(other) != whole, "\(place)")
    }
    #expect(TopicMessage.fingerprint(bytes + [0]) != whole && TopicMessage.fingerprint(bytes) == whole)
  }
}
