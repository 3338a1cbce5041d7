import ModelBenchmark
import ProtobufCodec
import RobotInterface
import RobotLink
public import UnifiedIO

/// Measures the daemon without a model: a camera picture there, commands back, beside a bare echo of as many bytes each way.
public struct DaemonBenchmark {
  private let picture: [UInt8]
  private let width: Int
  private let height: Int
  private let steps: Int

  /// - Parameters:
  ///   - picture: a JPEG file.
  ///   - steps: round trips that count, after 50 that do not.
  /// - Throws: ``ModelError`` when the picture cannot be read.
  public init(picture: [UInt8], steps: Int) throws(ModelError) {
    let image = try Image.decode(picture)
    (width, height) = (image.width, image.height)
    self.picture = picture
    self.steps = max(1, steps)
  }

  /// What the daemon is to serve.
  public var policy: PicturePolicy { PicturePolicy(width: width, height: height) }

  private func observation(_ sequence: UInt64) -> Observation {
    let now = MonotonicClock.nanoseconds()
    return Observation(
      sequence: sequence, capturedAt: now, sentAt: now,
      frames: [CameraFrame(camera: "camera", encoding: .jpeg, width: width, height: height, data: picture)],
      proprioception: [0.1, 0.6, 0.2, 0.5], instruction: "Push the drawer until it is closed.")
  }

  /// A client of one daemon and what it has measured.
  private struct Subject {
    var name: String
    var robot: RobotClient
    var trips = StageSamples()

    init(_ name: String, at endpoint: String) throws {
      self.name = name
      robot = try RobotClient(endpoint: endpoint, sessionID: "bench")
      _ = try robot.hello(clientName: "uio2 bench", clientVersion: "")
    }

    mutating func fly(_ seen: Observation, counts: Bool) throws {
      let clock = ContinuousClock(), start = clock.now
      let chunk = try robot.act(on: seen)
      let whole = clock.now - start
      guard counts else { return }
      trips.add(whole, to: .whole)
      for (stage, name) in [(Stage.queue, StageSamples.Stage.queue), (.decode, .imageDecode), (.post, .post)] {
        trips.add(.nanoseconds(Int64(clamping: chunk.timings[stage])), to: name)
      }
      trips.add(max(.zero, whole - .nanoseconds(Int64(clamping: chunk.timings.total))), to: .wire)
    }
  }

  /// Asks the daemons and the echo by turns, so that whatever else the machine does meets all of them.
  ///
  /// - Parameters:
  ///   - daemons: what each is called, and where it serves ``policy``.
  ///   - echo: a free address of the same kind.
  /// - Throws: ``ClientError`` or ``RobotError`` when one of them does not answer.
  public func run(daemons: [(name: String, endpoint: String)], echo: String) throws -> DaemonReport {
    var subjects = try daemons.map { try Subject($0.name, at: $0.endpoint) }
    var replies: [ActionChunk] = []
    for subject in subjects { replies.append(try subject.robot.act(on: observation(1))) }
    guard let first = replies.first else { return DaemonReport(requestBytes: 0, replyBytes: 0, cases: []) }
    let request = try RequestMessage(
      requestID: 1, sessionID: "bench", sessionToken: subjects[0].robot.sessionToken, body: .observation(observation(1))
    ).encoded()
    let reply = try ReplyMessage(requestID: 1, sessionID: "bench", body: .actionChunk(first)).encoded()
    let server = try BareEcho(endpoint: echo, answer: reply)
    defer { server.stop() }
    var bare = try BareClient(endpoint: echo), echoes = StageSamples()
    for step in 0..<steps + 50 {
      for place in subjects.indices {
        try subjects[place].fly(observation(UInt64(step + 2)), counts: step >= 50)
      }
      let echo = try ContinuousClock().measure { try bare.roundTrip(request) }
      if step >= 50 { echoes.add(echo, to: .whole) }
    }
    let flown = subjects.map { subject in
      BenchmarkReport.Case(
        name: "\(width)x\(height) JPEG to \(first.actions.count) commands, \(subject.name)", encoderTokens: 0,
        samples: subject.trips)
    }
    return DaemonReport(
      requestBytes: request.count, replyBytes: reply.count,
      cases: flown + [
        .init(name: "bare ZeroMQ echo of as many bytes", encoderTokens: 0, samples: echoes)
      ])
  }
}
