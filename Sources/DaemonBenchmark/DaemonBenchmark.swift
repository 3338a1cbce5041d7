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

  /// Asks the daemon and the echo by turns, so that whatever else the machine does meets both.
  ///
  /// - Parameters:
  ///   - daemon: where a daemon serves ``policy``.
  ///   - echo: a free address of the same kind.
  /// - Throws: ``ClientError`` or ``RobotError`` when one of them does not answer.
  public func run(daemon: String, echo: String) throws -> DaemonReport {
    let robot = try RobotClient(endpoint: daemon, sessionID: "bench")
    _ = try robot.hello(clientName: "uio2 bench", clientVersion: "")
    let first = try robot.act(on: observation(1))
    let request = try RequestMessage(
      requestID: 1, sessionID: "bench", sessionToken: robot.sessionToken, body: .observation(observation(1))
    ).encoded()
    let reply = try ReplyMessage(requestID: 1, sessionID: "bench", body: .actionChunk(first)).encoded()
    let server = try BareEcho(endpoint: echo, answer: reply)
    defer { server.stop() }
    var bare = try BareClient(endpoint: echo)
    var trips = StageSamples(), echoes = StageSamples()
    for step in 0..<steps + 50 {
      let seen = observation(UInt64(step + 2))
      let clock = ContinuousClock(), start = clock.now
      let chunk = try robot.act(on: seen)
      let whole = clock.now - start
      let echo = try clock.measure { try bare.roundTrip(request) }
      guard step >= 50 else { continue }
      trips.add(whole, to: .whole)
      for (stage, name) in [(Stage.queue, StageSamples.Stage.queue), (.decode, .imageDecode), (.post, .post)] {
        trips.add(.nanoseconds(Int64(clamping: chunk.timings[stage])), to: name)
      }
      trips.add(max(.zero, whole - .nanoseconds(Int64(clamping: chunk.timings.total))), to: .wire)
      echoes.add(echo, to: .whole)
    }
    return DaemonReport(
      requestBytes: request.count, replyBytes: reply.count,
      cases: [
        .init(name: "\(width)x\(height) JPEG to \(first.actions.count) commands", encoderTokens: 0, samples: trips),
        .init(name: "bare ZeroMQ echo of as many bytes", encoderTokens: 0, samples: echoes),
      ])
  }
}
