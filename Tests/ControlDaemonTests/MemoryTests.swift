import ControlDaemon
import Foundation
import RobotInterface
import RobotLink
import Synchronization
import TestSupport
import Testing

@Suite("A daemon that needs too much memory says so and ends")
struct MemoryTests {
  @Test func `the ceiling is what a warm policy uses, twice its weights, and a margin`() {
    let usage = MemoryUsage(resident: 500, own: 300)
    #expect(MemoryLimit.derived.ceiling(warm: usage) == 300 + 2 * 500 + MemoryLimit.margin)
    #expect(MemoryLimit.bytes(7).ceiling(warm: usage) == 7)
    #expect(MemoryLimit.unlimited.ceiling(warm: usage) == nil)
  }

  @Test func `it looks now and then, and only once it knows the ceiling`() throws {
    let own = Mutex(100)
    var watch = MemoryWatch(.derived) { MemoryUsage(resident: 200, own: own.withLock { $0 }) }
    own.withLock { $0 = .max / 2 }
    var errors = [watch.excess(at: 0)]
    own.withLock { $0 = 100 }
    watch.becomeReady()
    let ceiling = try #require(watch.ceiling)
    errors.append(watch.excess(at: 1_000_000_000))
    own.withLock { $0 = ceiling + 1 }
    // Not yet.
    errors.append(watch.excess(at: 1_000_000_001))
    errors.append(watch.excess(at: 2_000_000_000))
    #expect(errors.map { $0?.code } == [nil, nil, nil, .shuttingDown])
    #expect(errors[3]?.message.contains("MiB") == true)
  }

  @Test func `without a limit nobody looks`() {
    var watch = MemoryWatch(.unlimited) {
      Issue.record("looked")
      return nil
    }
    let error = watch.excess(at: 1)
    #expect(error == nil)
    #expect(watch.interval == nil)
  }

  @Test func `the process's own memory`() throws {
    let before = try #require(MemoryUsage.now)
    #expect(before.own > 0)
    #expect(before.resident >= before.own)
    // Far more than what other tests give back meanwhile.
    let size = 1 << 30
    let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    defer { block.deallocate() }
    memset(block, 1, size)
    #expect(try #require(MemoryUsage.now).own > before.own + size / 2)
  }

  @Test func `a message without an end: the robots are told, then run ends`() throws {
    let usage = try #require(MemoryUsage.now)
    var options = DaemonOptions()
    options.memory = .bytes(usage.own + 64 << 20)
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy, options: options)
    guard case .tcp(_, let port?) = daemon.daemon.endpoint.place else { return }
    let robot = try daemon.client()
    policy.hold(true)
    _ = try robot.send(.observation(.sample(1)))
    #expect(policy.isInStep())

    let hostile = try RawPeer(port: port)
    try hostile.shakeHands()
    let frames = [UInt8](repeating: 0, count: 2 << 16).enumerated().map { $0.offset % 2 == 0 ? UInt8(1) : 0 }
    // Until the connection breaks: 128 KiB of empty frames cost some 4 MiB each time.
    var rounds = 0
    while (try? hostile.send(frames)) != nil, rounds < 4_000 { rounds += 1 }
    guard case .error(let error) = try robot.receive().body else {
      Issue.record("the robot was not told")
      return
    }
    #expect(error.code == .shuttingDown)
    policy.release.signal()
    #expect(daemon.stop()?.code == .shuttingDown)
  }
}
