import Diagnosis
import Foundation
import Logging
import MCAP
import ProtobufCodec
import Recording
import RobotInterface
import TestSupport
import Testing

/// What a recording tells of cameras and states.
@Suite struct CameraChecksTests {
  /// A robot that looks ten times a second.
  private struct Robot {
    var camera = "front"
    var side = 8
    var state = [0.0]
    /// From this step on the picture stays.
    var frozenFrom = Int.max
    var moves = true
    var period: UInt64 = 100_000_000
    var age: UInt64 = 20_000_000
    var refusedFrom = Int.max
    var refusal = RobotError(.staleObservation, "observation", "too old")
    /// From `frozenFrom` on as many old pictures come in turn.
    var buffers = 1
    /// Whether each picture is a file with a comment of its own.
    var comments = false
  }

  private func findings(of robot: Robot, steps: Int = 20, policy: Capabilities? = nil) throws -> [Finding] {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "a.mcap").path
      let recorder = try Recorder(
        path, facts: RecordingFacts(policyName: "toy", policyDigest: "abc"),
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
      var number: UInt64 = 0
      func exchange(_ body: RequestMessage.Body, _ answer: ReplyMessage.Body?) throws {
        number += 1
        let now = MonotonicClock.nanoseconds()
        let request = RequestMessage(requestID: number, sessionID: "arm", body: body)
        recorder.received(request, as: try request.encoded(), at: now)
        guard let answer else { return }
        let reply = ReplyMessage(requestID: number, sessionID: "arm", sentAt: now, body: answer)
        recorder.sent(reply, as: try reply.encoded(), isDelivered: true)
      }
      try exchange(
        .hello(clientName: "test", clientVersion: "1"), .capabilities(PolicyAndDaemonChecksTests.capabilities))
      for step in 0..<steps {
        let shade = UInt8(step < robot.frozenFrom ? step : robot.frozenFrom + step % robot.buffers),
          at = 1 + UInt64(step) * robot.period
        var frame = CameraFrame(
          camera: robot.camera, encoding: .rgb8, width: robot.side, height: robot.side,
          data: [UInt8](repeating: shade, count: robot.side * robot.side * 3))
        if robot.comments {
          // Start, a comment that counts, rows, and the end of a JPEG file.
          (frame.encoding, frame.data) = (
            .jpeg, [0xFF, 0xD8, 0xFF, 0xFE, 0, 3, UInt8(step), 0xFF, 0xDA, 0, 4, 0, 0, shade, 0xFF, 0xD9]
          )
        }
        let state = robot.state.map { $0 + (robot.moves ? Double(step) * 1e-3 : 0) }
        let seen = Observation(
          sequence: UInt64(step + 1), capturedAt: at, sentAt: at + robot.age, frames: [frame], proprioception: state,
          instruction: "Go.")
        try exchange(.observation(seen), step < robot.refusedFrom ? nil : .error(robot.refusal))
      }
      _ = recorder.close()
      return CameraChecks.findings(try CameraLog(path), policy: policy)
    }
  }

  private func levels(_ findings: [Finding], _ area: String) -> [Finding.Level] {
    findings.filter { $0.area == area }.map(\.level)
  }

  @Test func `a robot as the policy wants it is ok`() throws {
    let found = try findings(of: Robot())
    #expect(found.allSatisfy { $0.level == .ok }, "\(found)")
    #expect(found.map(\.area) == ["cameras", "state", "rate"])
    #expect(found.last?.text.contains("10.0 observations a second, 20 ms old") == true, "\(found)")
  }

  @Test func `a picture that stays while the robot moves fails`() throws {
    #expect(levels(try findings(of: Robot(frozenFrom: 5)), "cameras") == [.fail])
    // 0.4 s is less than the policy's 0.5 s, and a robot that rests sees the same.
    #expect(levels(try findings(of: Robot(frozenFrom: 15)), "cameras") == [.ok])
    #expect(levels(try findings(of: Robot(frozenFrom: 5, moves: false)), "cameras") == [.ok])
  }

  @Test func `old buffers in turn and other files of one picture are a frozen picture`() throws {
    #expect(levels(try findings(of: Robot(frozenFrom: 5, buffers: 2)), "cameras") == [.fail])
    #expect(levels(try findings(of: Robot(frozenFrom: 5, comments: true)), "cameras") == [.fail])
    #expect(levels(try findings(of: Robot(comments: true)), "cameras") == [.ok])
  }

  @Test func `a camera that the daemon refused as frozen is not called alive`() throws {
    let refusal = RobotError(.frozenCamera, "observation.frames[0]", "front has shown the same picture")
    let found = try findings(of: Robot(refusedFrom: 15, refusal: refusal))
    #expect(levels(found, "cameras") == [.fail])
    #expect(found.contains { $0.text.contains("refused 5 times as frozen") }, "\(found)")
  }

  @Test func `an empty file is no recording`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "empty.mcap")
      try Data().write(to: file)
      let error = #expect(throws: MCAPError.self) { try CameraLog(file.path) }
      #expect(error?.message.contains("is empty") == true)
    }
  }

  @Test func `a camera of another name or size is named`() throws {
    let other = try findings(of: Robot(camera: "side"))
    #expect(levels(other, "cameras") == [.fail, .warn])
    #expect(other.first?.text.contains("“front”") == true)
    #expect(levels(try findings(of: Robot(side: 16)), "cameras") == [.warn])
  }

  @Test func `a state of other numbers or outside of its range fails`() throws {
    #expect(levels(try findings(of: Robot(state: [0, 0])), "state") == [.fail])
    let outside = try findings(of: Robot(state: [1.5]))
    #expect(levels(outside, "state") == [.fail])
    #expect(outside.contains { $0.text.contains("measures x outside") })
    // Within the tolerance.
    #expect(levels(try findings(of: Robot(state: [1.05])), "state") == [.ok])
  }

  @Test func `slow and old observations are warned of`() throws {
    // Chunks of two at 10 Hz ask for five a second.
    #expect(levels(try findings(of: Robot(period: 400_000_000)), "rate") == [.warn])
    #expect(levels(try findings(of: Robot(age: 250_000_000)), "rate") == [.warn])
    #expect(levels(try findings(of: Robot(refusedFrom: 15)), "refused") == [.warn])
  }

  @Test func `another policy may be named`() throws {
    var policy = PolicyAndDaemonChecksTests.capabilities
    policy.cameras[0].name = "wrist"
    let found = try findings(of: Robot(), policy: policy)
    #expect(found.contains { $0.level == .fail && $0.text.contains("“wrist”") })
  }
}
