import ControlDaemon
import Dispatch
import Foundation
import RobotInterface
import RobotLink
import Synchronization
import Testing

@Suite("What one client sends is bounded, and delays nobody's next step")
struct FairnessTests {
  @Test func `the next job goes between two messages`() throws {
    let box = FakeWire.Box(), policy = FakePolicy()
    let daemon = try RunningDaemon(policy, others: [box.maker()])
    defer { daemon.stop() }
    let wire = box.wires[0]
    wire.ask(.hello(clientName: "", clientVersion: ""))
    guard case .capabilities(let capabilities) = try wire.reply().reply.body else {
      Issue.record("no capabilities")
      return
    }
    policy.hold(true)
    // The second message is not here before the first one's step has begun: a daemon that reads everything first would wait for ever.
    let hasBegun = Mutex(true)
    wire.beforeNext { [base = wire.taken] taken in
      guard taken == base + 1, policy.seen.isEmpty else { return }
      hasBegun.withLock { $0 = policy.isInStep() }
    }
    for sequence in UInt64(1)...12 {
      wire.ask(.observation(.sample(sequence)), id: sequence, token: capabilities.sessionToken)
    }
    #expect(daemon.wait { $0.superseded == 10 })
    #expect(hasBegun.withLock { $0 })
    #expect(policy.seen.map(\.sequence) == [1])
    policy.hold(false)
    policy.release.signal()
    #expect(daemon.wait { $0.chunks == 2 })
    #expect(policy.seen.map(\.sequence) == [1, 12])
  }

  @Test func `the limit of a message follows the cameras`() throws {
    let cameras = FakePolicy().capabilities
    var options = DaemonOptions()
    let pictures = 256 * 256 * 3
    #expect(options.messageLimit(of: cameras, canGenerate: false) == UInt64(2 * pictures + 128 << 10))
    #expect(options.messageLimit(of: cameras, canGenerate: true) == 1 << 20)
    var hearing = cameras
    hearing.audio = .init(name: "instruction", maximumDuration: 4, replacesInstruction: true)
    let sound = 4 * 48_000 * 2 * 3
    #expect(options.messageLimit(of: hearing, canGenerate: false) == UInt64(2 * pictures + sound + (128 << 10)))
    hearing.audio?.maximumDuration = 1e300
    #expect(options.messageLimit(of: hearing, canGenerate: false) == UInt64(2 * pictures + (8 << 20) + (128 << 10)))
    var none = cameras
    none.cameras = []
    #expect(options.messageLimit(of: none, canGenerate: true) == UInt64(ProtocolLimits.maximumMessageBytes))
    var huge = cameras
    huge.cameras = [.init(name: "a", width: .max, height: .max, verticalFieldOfView: nil, input: .image)]
    #expect(options.messageLimit(of: huge, canGenerate: false) == UInt64(ProtocolLimits.maximumMessageBytes))
    var declared = cameras
    declared.limits.maximumMessageBytes = 5000
    #expect(options.messageLimit(of: declared, canGenerate: true) == 5000)
    options.maximumMessageBytes = 7000
    #expect(options.messageLimit(of: declared, canGenerate: true) == 7000)
  }

  @Test func `a robot is told the limit, and its client keeps to it`() throws {
    let daemon = try RunningDaemon(FakePolicy(maximumMessageBytes: 10_000))
    defer { daemon.stop() }
    let robot = try daemon.client()
    #expect(try robot.hello(clientName: "", clientVersion: "").limits.maximumMessageBytes == 10_000)
    let error = #expect(throws: ClientError.self) { try robot.act(on: .sample(1, bytes: 200_000)) }
    guard case .invalidRequest(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.code == .tooLarge)
    // It was not sent, so the connection stands.
    _ = try robot.act(on: .sample(2))
  }
}
