import RobotInterface
import WebServer

/// What one page is shown: a value that turns what is watched into the next message. One message is under way at a time; what comes before the
/// page has drawn it is skipped, so that a slow page sees the newest and nothing queues up for it.
struct Screen: Sendable {
  /// Bytes of pictures in one message, after which no further one is begun.
  static let pictureBytes = 4 << 20
  /// Bytes a second of pictures.
  private static let bytesPerSecond = 20.0 * 1024 * 1024
  /// A robot that got commands this long ago flies.
  private static let flightTime: UInt64 = 2_000_000_000

  private let projections: [CameraProjection]
  private let path: CommandPath
  private(set) var last = 0
  private var drawn = 0
  private var skipped = 0
  /// Nanoseconds: before that nothing is sent, for the last message was large.
  private var pauseUntil: UInt64 = 0
  /// When the picture came that was shown last, of each session.
  private var shown: [String: UInt64] = [:]

  init(_ capabilities: Capabilities, _ projections: [CameraProjection]) {
    self.projections = projections
    path = CommandPath(capabilities)
  }

  /// The page has drawn an update.
  mutating func draw(_ update: Int) { drawn = max(drawn, min(update, last)) }

  /// The last update did not leave: the next one shows all pictures again.
  mutating func lose() {
    drawn = last
    shown = [:]
  }

  /// The next message; `nil`: the page is not ready for it.
  mutating func update(
    _ watched: (sessions: [WatchedSession], others: Int, stopsNewcomers: Bool), at now: UInt64
  ) -> WebMessage? {
    guard drawn == last, now >= pauseUntil else {
      skipped += 1
      return nil
    }
    last += 1
    var pictures: [UInt8] = []
    // Whose picture is oldest on the page comes first.
    let order = watched.sessions.indices.sorted {
      shown[watched.sessions[$0].name] ?? 0 < shown[watched.sessions[$1].name] ?? 0
    }
    var lines = watched.sessions.map { line(of: $0, at: now) }
    for place in order where pictures.count < Self.pictureBytes {
      let session = watched.sessions[place]
      guard let observation = session.observation, session.observedAt != shown[session.name] ?? 0 else { continue }
      shown[session.name] = session.observedAt
      for frame in observation.frames {
        lines[place].pictures.append(
          ConsoleUpdate.Picture(
            camera: frame.camera, encoding: frame.encoding.name, width: frame.width, height: frame.height,
            offset: pictures.count, count: frame.data.count))
        pictures += frame.data
      }
    }
    let names = Set(watched.sessions.map(\.name))
    shown = shown.filter { names.contains($0.key) }
    pauseUntil = now + UInt64(Double(pictures.count) / Self.bytesPerSecond * 1e9)
    let text = ConsoleUpdate(
      update: last, sessions: lines, others: watched.others, stopsNewcomers: watched.stopsNewcomers, skipped: skipped
    ).json
    let bytes = Array(text.utf8)
    let length = withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { [UInt8]($0) }
    return .binary(length + bytes + pictures)
  }

  private func line(of session: WatchedSession, at now: UInt64) -> ConsoleUpdate.Session {
    func age(_ time: UInt64) -> Double { milliseconds(now &- min(now, time)) }
    let observation = session.observation, chunk = session.chunk
    let state =
      session.isStopped
      ? "stopped"
      : session.isReleased
        ? "released"
        : session.chunks > 0 && now &- min(now, session.answeredAt) < Self.flightTime ? "flying" : "quiet"
    let paths = path.lines(from: observation?.proprioception ?? [], chunk?.actions ?? [])
    return ConsoleUpdate.Session(
      name: session.name, state: state, reason: session.stopReason, age: age(session.lastSeen),
      pictureAge: observation.map { _ in age(session.observedAt) }, sequence: observation?.sequence ?? 0,
      instruction: observation?.words ?? "", rate: session.rate(at: now),
      answer: chunk.map { _ in milliseconds(session.answerTime) },
      stages: chunk.map { chunk in Stage.allCases.map { milliseconds(chunk.timings[$0]) } } ?? [],
      chunks: session.chunks, limits: session.limitCounts, measured: observation?.proprioception ?? [],
      commands: (chunk?.actions ?? []).map {
        ConsoleUpdate.Command(values: $0.values, primitive: $0.primitive, limited: $0.limited.names)
      },
      confidence: chunk?.confidence,
      lines: projections.flatMap { projection in
        paths.map { path in
          ConsoleUpdate.Line(camera: projection.camera, points: path.compactMap { projection.place(of: $0) })
        }
      },
      point: session.pointing.map {
        ConsoleUpdate.Point(question: $0.question, camera: $0.camera, column: $0.column, row: $0.row)
      },
      error: session.error.map { ConsoleUpdate.Refusal(text: $0.description, age: age(session.errorAt)) },
      pictures: [])
  }

  private func milliseconds(_ nanoseconds: UInt64) -> Double { (Double(nanoseconds) / 1e4).rounded() / 100 }
}

extension Observation {
  /// The instruction, for people.
  fileprivate var words: String {
    let parts = promptParts.map { part in
      if case .text(let text) = part { text } else { "[picture]" }
    }
    let words = instruction.isEmpty ? parts.joined(separator: " ") : instruction
    return audio == nil ? words : words.isEmpty ? "[spoken]" : words + " [spoken]"
  }
}

extension CameraFrame.Encoding {
  fileprivate var name: String {
    switch self {
    case .rgb8: "rgb8"
    case .jpeg: "jpeg"
    case .png: "png"
    }
  }
}
