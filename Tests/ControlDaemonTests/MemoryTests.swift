import ControlDaemon
import Dispatch
import Foundation
import RobotInterface
import RobotLink
import Synchronization
import TestSupport
import Testing
import UnifiedIO

@Suite("A daemon that needs too much memory says so and ends")
struct MemoryTests {
  private static let margin = MemoryLimit.margin

  @Test func `the ceiling is what the process holds, room to work, and a margin`() {
    #expect(MemoryLimit.derived.ceiling(holding: 300, workingMemory: 50, of: nil) == 350 + Self.margin)
    #expect(MemoryLimit.bytes(7).ceiling(holding: 300, workingMemory: 50, of: nil) == 7)
    #expect(MemoryLimit.unlimited.ceiling(holding: 300, workingMemory: 50, of: nil) == nil)
  }

  @Test func `a large model does not get three times its size, nor more than the machine has`() throws {
    let own = 14 << 30, working = 5 << 30
    #expect(
      MemoryLimit.derived.ceiling(holding: own, workingMemory: working, of: 64 << 30) == own + working + Self.margin)
    let ceiling = try #require(MemoryLimit.derived.ceiling(holding: own, workingMemory: working, of: 16 << 30))
    #expect(ceiling > own && ceiling < 16 << 30)
    // A policy that needs more than there is still starts.
    let tight = try #require(MemoryLimit.derived.ceiling(holding: own, workingMemory: .max, of: own))
    #expect(tight == own)
  }

  @Test func `a model's working memory are the caches of its longest answers`() throws {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let config = fixtures.appending(path: "UnifiedIOTests/Fixtures/tiny-a/config.json")
    let configuration = try Configuration(contentsOf: config)
    let transformer = configuration.transformer
    let position = transformer.embeddingSize * transformer.decoderLayers * 8
    #expect(configuration.cacheBytes(sequences: 2, tokens: 3, examples: 1, encoded: 5) == 11 * position)
    let more = configuration.workingMemory(sequences: 16) - configuration.workingMemory(sequences: 1)
    #expect(more >= 15 * transformer.maximumTargetText * position)
    #expect(configuration.workingMemory(sequences: .max) == .max)
  }

  @Test func `it looks now and then, from before anybody can connect, and nobody raises the ceiling`() throws {
    let own = Mutex(100)
    var watch = try MemoryWatch(.derived, workingMemory: 50) { own.withLock { $0 } }
    let ceiling = try #require(watch.ceiling)
    var errors = [watch.excess(at: 0)]
    own.withLock { $0 = ceiling + 1 }
    // Not yet.
    errors.append(watch.excess(at: 1))
    errors.append(watch.excess(at: 1_000_000_000))
    #expect(errors.map { $0?.code } == [nil, nil, .shuttingDown])
    #expect(errors[2]?.message.contains("MiB") == true)
    #expect(watch.ceiling == ceiling)
  }

  @Test func `memory that cannot be measured is no reason to go on`() throws {
    let own = Mutex<Int?>(nil)
    #expect(throws: RobotError.self) { try MemoryWatch(.derived, workingMemory: 0) { own.withLock { $0 } } }
    own.withLock { $0 = 1 }
    var watch = try MemoryWatch(.derived, workingMemory: 0) { own.withLock { $0 } }
    own.withLock { $0 = nil }
    #expect(watch.excess(at: 1)?.code == .shuttingDown)
  }

  @Test func `without a limit nobody looks`() throws {
    var watch = try MemoryWatch(.unlimited, workingMemory: 0) {
      Issue.record("looked")
      return nil
    }
    let error = watch.excess(at: 1)
    #expect(error == nil)
    #expect(watch.interval == nil)
  }

  @Test func `the process's own memory`() throws {
    let meter = try #require(MemoryMeter())
    let before = try #require(meter.own)
    #expect(before > 0)
    // Far more than what other tests give back meanwhile.
    let size = 1 << 30
    let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    defer { block.deallocate() }
    memset(block, 1, size)
    #expect(try #require(meter.own) > before + size / 2)
  }

  @Test func `a process whose descriptors have run out still looks`() async {
    await #expect(processExitsWith: .success) {
      guard let meter = MemoryMeter() else { exit(1) }
      var limit = rlimit(rlim_cur: 0, rlim_max: 0)
      getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
      limit.rlim_cur = 0
      setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
      exit(open("/dev/null", O_RDONLY) < 0 && meter.own ?? 0 > 0 ? 0 : 2)
    }
  }

  // The other wire cuts such a client off.
  @Test(.enabled(if: RunningDaemon.Wire.chosen == .zeromq))
  func `memory that is filled while the policy warms up counts`() throws {
    let own = try #require(MemoryMeter()?.own)
    var options = DaemonOptions()
    options.memory = .bytes(own + 64 << 20)
    let isWarm = DispatchSemaphore(value: 0)
    let policy = FakePolicy(warmUp: { isWarm.wait() })
    let daemon = try RunningDaemon(policy, options: options)
    guard case .tcp(_, let port?) = daemon.endpoint.place else { return }
    let hostile = try RawPeer(port: port)
    try hostile.shakeHands()
    let frames = [UInt8](repeating: 0, count: 2 << 16).enumerated().map { $0.offset % 2 == 0 ? UInt8(1) : 0 }
    var rounds = 0
    while (try? hostile.send(frames)) != nil, rounds < 4_000 { rounds += 1 }
    isWarm.signal()
    #expect(daemon.stop()?.code == .shuttingDown)
  }

  // The other wire cuts such a client off.
  @Test(.enabled(if: RunningDaemon.Wire.chosen == .zeromq))
  func `a message without an end: the robots are told, then run ends`() throws {
    let own = try #require(MemoryMeter()?.own)
    var options = DaemonOptions()
    options.memory = .bytes(own + 64 << 20)
    let policy = FakePolicy()
    let daemon = try RunningDaemon(policy, options: options)
    guard case .tcp(_, let port?) = daemon.endpoint.place else { return }
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
