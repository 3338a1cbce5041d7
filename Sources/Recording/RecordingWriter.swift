import Foundation
import MCAP
import RobotInterface
import ProtobufCodec

/// Turns what a daemon reads and says into the messages of a file: our own as they travelled, and beside them what viewers show.
struct RecordingWriter<Sink: MCAPSink> {
  /// Sessions that viewers are shown, and cameras of each. All messages are recorded; but whoever opens sessions all day shall not fill
  /// the file with channels.
  private static var maximumSessions: Int { 64 }
  private static var maximumCameras: Int { 16 }

  private struct SessionChannels {
    var cameras: [String: MCAPWriter<Sink>.ChannelID] = [:]
    var state: MCAPWriter<Sink>.ChannelID?
    var pose: MCAPWriter<Sink>.ChannelID?
    var command: MCAPWriter<Sink>.ChannelID?
  }

  private var writer: MCAPWriter<Sink>
  private let clockOffset: UInt64
  private var veil = TokenVeil()
  private var capabilities: Capabilities?
  private var sessions: [String: SessionChannels] = [:]
  private let encoder: JSONEncoder
  private let request, reply, undelivered, episode, losses, log: MCAPWriter<Sink>.ChannelID

  /// Begins a file.
  ///
  /// - Parameter operatorToken: recorded as what stands for it; empty: there is none.
  init(to sink: Sink, facts: RecordingFacts, operatorToken: [UInt8], options: MCAPWriter<Sink>.Options)
    throws(MCAPError)
  {
    var writer = try MCAPWriter(to: sink, library: "uio2 \(facts.version)", options: options)
    request = try writer.add(Topics.request)
    reply = try writer.add(Topics.reply)
    undelivered = try writer.add(Topics.undelivered)
    episode = try writer.add(Topics.episode)
    losses = try writer.add(Topics.losses)
    log = try writer.add(Topics.log)
    var facts = facts
    facts.operatorToken = veil.veiled(operatorToken)
    try writer.write(metadata: RecordingFacts.name, facts.values)
    clockOffset = facts.clockOffset
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    self.writer = writer
  }

  /// Bytes of messages that would be lost if the process ended now.
  var pendingBytes: Int { writer.pendingBytes }
  /// Bytes written so far.
  var writtenBytes: UInt64 { writer.writtenBytes }

  /// Writes the chunk that is being filled.
  mutating func flush() throws(MCAPError) { try writer.flush() }

  /// Ends the file.
  mutating func close() throws(MCAPError) { try writer.close() }

  /// Records one thing.
  mutating func write(_ entry: RecordingEntry) throws(MCAPError) {
    let time = entry.time &+ clockOffset
    switch entry {
    case .request(let message, let bytes, _): try write(message, bytes, at: time)
    case .reply(let message, let bytes, let isDelivered): try write(message, bytes, isDelivered, at: time)
    case .episode(let mark, _):
      try write(json: mark, to: episode, at: time)
      try say(.info, Self.words(mark), mark.session, at: time)
    case .losses(let loss):
      try write(json: loss, to: losses, at: time)
      try say(.warning, "\(loss.messages) messages are missing in the recording: \(loss.reason.rawValue)", "", at: time)
    }
  }

  // MARK: Messages

  private mutating func write(_ message: RequestMessage, _ bytes: [UInt8]?, at time: UInt64) throws(MCAPError) {
    guard let bytes = bytes ?? (try? message.encoded()) else { return }
    try write(veil.veil(request: bytes), to: request, at: time)
    switch message.body {
    case .observation(let observation): try show(observation, of: message.sessionID, at: time)
    case .stop(let reason): try say(.warning, "stop: \(reason)", message.sessionID, at: time)
    case .resume, .resumeUnknown: try say(.warning, "resume", message.sessionID, at: time)
    case .hello(let name, let version, _): try say(.info, "hello from \(name) \(version)", message.sessionID, at: time)
    case .reset: try say(.info, "a new episode", message.sessionID, at: time)
    case .release: try say(.info, "the session is given up", message.sessionID, at: time)
    case .generate, .cancel: break
    }
  }

  private mutating func write(
    _ message: ReplyMessage, _ bytes: [UInt8]?, _ isDelivered: Bool, at time: UInt64
  ) throws(MCAPError) {
    guard let bytes = bytes ?? (try? message.encoded()) else { return }
    try write(veil.veil(reply: bytes), to: isDelivered ? reply : undelivered, at: time)
    switch message.body {
    case .capabilities(let capabilities): self.capabilities = capabilities
    case .actionChunk(let chunk): try show(chunk, of: message.sessionID, at: time)
    case .error(let error): try say(.error, "\(error)", message.sessionID, at: time)
    case .acknowledgement, .generation, .progress: break
    }
    if !isDelivered { try say(.error, "a reply could not be delivered", message.sessionID, at: time) }
  }

  // MARK: For viewers

  private mutating func show(_ observation: Observation, of session: String, at time: UInt64) throws(MCAPError) {
    guard var channels = channels(of: session) else { return }
    defer { sessions[session] = channels }
    // When the picture was taken, as far as the robot's own clock tells.
    let age = observation.sentAt >= observation.capturedAt ? observation.sentAt - observation.capturedAt : 0
    let taken = time - min(time, age)
    for frame in observation.frames
    where channels.cameras[frame.camera] != nil || channels.cameras.count < Self.maximumCameras {
      let channel = try self.channel(channels.cameras[frame.camera], Topics.camera(frame, of: session))
      channels.cameras[frame.camera] = channel
      try write(FoxgloveMessages.image(frame, at: taken), to: channel, at: time)
    }
    let names = capabilities?.proprioception.map(\.name) ?? observation.proprioception.indices.map { "\($0)" }
    let state = try self.channel(channels.state, Topics.state(of: session))
    channels.state = state
    try write(FoxgloveMessages.jointStates(observation.proprioception, names: names, at: taken), to: state, at: time)
    guard let capabilities, let place = capabilities.place(in: observation.proprioception) else { return }
    let pose = try self.channel(channels.pose, Topics.pose(of: session))
    channels.pose = pose
    try write(FoxgloveMessages.pose(place, frame: capabilities.actionFrame, at: taken), to: pose, at: time)
  }

  private mutating func show(_ chunk: ActionChunk, of session: String, at time: UInt64) throws(MCAPError) {
    guard var channels = channels(of: session) else { return }
    let channel = try self.channel(channels.command, Topics.command(of: session))
    channels.command = channel
    sessions[session] = channels
    try write(json: ShownCommand(chunk, names: capabilities?.actions.map(\.name) ?? []), to: channel, at: time)
  }

  private mutating func channel(
    _ known: MCAPWriter<Sink>.ChannelID?, _ new: @autoclosure () -> MCAPChannel
  ) throws(MCAPError) -> MCAPWriter<Sink>.ChannelID {
    if let known { return known }
    return try writer.add(new())
  }

  private func channels(of session: String) -> SessionChannels? {
    sessions[session] ?? (sessions.count < Self.maximumSessions ? SessionChannels() : nil)
  }

  private mutating func say(
    _ level: FoxgloveMessages.Level, _ text: String, _ session: String, at time: UInt64
  ) throws(MCAPError) {
    try write(FoxgloveMessages.log(level, text, name: session, at: time), to: log, at: time)
  }

  private mutating func write(
    json value: some Encodable, to channel: MCAPWriter<Sink>.ChannelID, at time: UInt64
  ) throws(MCAPError) {
    // All that is recorded this way is finite numbers and text, so it has a JSON form.
    guard let data = try? encoder.encode(value) else { return }
    try write([UInt8](data), to: channel, at: time)
  }

  private mutating func write(
    _ bytes: [UInt8], to channel: MCAPWriter<Sink>.ChannelID, at time: UInt64
  ) throws(MCAPError) {
    try writer.write(MCAPMessage(logTime: time, data: bytes), to: channel)
  }

  private static func words(_ mark: EpisodeMark) -> String {
    let result = mark.success.map { $0 ? ": solved" : ": not solved" } ?? ""
    return "episode \(mark.event.rawValue): \(mark.task), seed \(mark.seed)\(result)"
  }
}

/// A chunk as viewers plot it.
private struct ShownCommand: Encodable {
  var sequence: UInt64
  /// Of the first action.
  var values: [String: Double]
  var actions: [[Double]]
  var limited: [UInt32]
  var confidence: Double
  var text: String
  var observationAge: Double
  var latency: [String: Double]

  enum CodingKeys: String, CodingKey {
    case sequence, values, actions, limited, confidence, text
    case observationAge = "observation_age_ms"
    case latency = "latency_ms"
  }

  init(_ chunk: ActionChunk, names: [String]) {
    sequence = chunk.observationSequence
    let first = chunk.actions.first?.values ?? []
    values = Dictionary(zip(names, first).map { ($0, $1) }) { first, _ in first }
    actions = chunk.actions.map(\.values)
    limited = chunk.actions.map(\.limited.rawValue)
    confidence = chunk.confidence
    text = chunk.text
    observationAge = Double(chunk.observationAge) / 1e6
    latency = Dictionary(chunk.timings.durations.map { ($0.key.name, Double($0.value) / 1e6) }) { first, _ in first
    }
  }
}

extension Capabilities {
  /// x, y and z in metres, where three numbers are named as such: `x`, `y`, `z`, or `tool_x`, `tool_y`, `tool_z`.
  fileprivate func place(in values: [Double]) -> [Double]? {
    guard
      let first = proprioception.firstIndex(where: { $0.unit == "m" && ($0.name == "x" || $0.name.hasSuffix("_x")) })
    else { return nil }
    let stem = proprioception[first].name.dropLast()
    let places = ["x", "y", "z"].compactMap { axis in
      proprioception.firstIndex { $0.unit == "m" && $0.name == stem + axis }
    }
    guard places.count == 3, places.allSatisfy(values.indices.contains) else { return nil }
    return places.map { values[$0] }
  }
}
