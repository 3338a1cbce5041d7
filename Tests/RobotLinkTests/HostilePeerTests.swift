import CZeroMQ
import Foundation
import RobotInterface
import RobotLink
import TestSupport
import Testing
import ZeroMQTransport

@Suite("No peer ends the process, takes another's replies or keeps the others waiting")
struct HostilePeerTests {
  private func port(of router: borrowing RouterSocket) throws -> UInt16 {
    guard case .tcp(_, let port?) = router.endpoint.place else { throw RobotError(.internal, "test", "no port") }
    return port
  }

  // MARK: Names

  /// What `rand()` gives first and second when nobody has seeded it, which libzmq makes its first name of.
  private static let unseeded: UInt32 = 1_804_289_383

  private static func name(_ number: UInt32) -> [UInt8] {
    [0] + withUnsafeBytes(of: number.bigEndian) { [UInt8]($0) }
  }

  @Test func `a peer with the next name in turn does not end the process`() async {
    await #expect(processExitsWith: .success) {
      // Of a process that has done nothing else.
      var router = try RouterSocket(endpoint: "tcp://127.0.0.1:*")
      guard case .tcp(_, let port?) = router.endpoint.place else { return }
      var named: [RawPeer] = []
      for offset in UInt32(0)..<4 {
        let peer = try RawPeer(port: port)
        try peer.shakeHands(name: HostilePeerTests.name(HostilePeerTests.unseeded &+ offset))
        try peer.send(RawPeer.frame([1]))
        _ = try router.receive(timeout: .seconds(20))
        named.append(peer)
      }
      for _ in 0..<4 {
        let nameless = try RawPeer(port: port)
        try nameless.shakeHands()
        try nameless.send(RawPeer.frame([2]))
        guard case .message(_, [2])? = try router.receive(timeout: .seconds(20)) else { exit(1) }
      }
    }
  }

  @Test func `a peer of another's name gets none of its replies`() throws {
    var router = try RouterSocket(endpoint: "tcp://127.0.0.1:*")
    let robot = try RawPeer(port: port(of: router))
    try robot.shakeHands(name: Array("arm".utf8))
    try robot.send(RawPeer.frame([1]))
    guard case .message(let route, [1]) = try router.receive(timeout: .seconds(20)) else {
      Issue.record("no message")
      return
    }
    #expect(route.identity == Array("arm".utf8))

    let thief = try RawPeer(port: port(of: router))
    try thief.shakeHands(name: Array("arm".utf8))
    try thief.send(RawPeer.frame([2]))
    // A third one's message comes after the thief has been looked at.
    let other = try RawPeer(port: port(of: router))
    try other.shakeHands()
    try other.send(RawPeer.frame([3]))
    guard case .message(_, [3]) = try router.receive(timeout: .seconds(20)) else {
      Issue.record("the thief was heard")
      return
    }
    #expect(try router.deliver([9], to: route) == .sent)
    #expect(try robot.receiveFrame() == [9])
  }

  // MARK: Resets

  @Test func `no heartbeats, whose timer ends the process after a reset; the system's own probes instead`() throws {
    var router = try RouterSocket(endpoint: "tcp://127.0.0.1:*")
    #expect(try router.option(ZMQ_HEARTBEAT_IVL) == 0)
    #expect(try router.option(ZMQ_TCP_KEEPALIVE) == 1)
    let peer = try RawPeer(port: port(of: router))
    // More than the high-water mark, so that libzmq has stopped reading when the reset comes.
    try peer.shakeHands()
    for _ in 0..<60 { try peer.send(RawPeer.frame([5])) }
    peer.reset()
    let honest = try RawPeer(port: port(of: router))
    try honest.shakeHands()
    try honest.send(RawPeer.frame([6]))
    var heard = 0
    while let incoming = try router.receive(timeout: .seconds(20)) {
      if case .message(_, [6]) = incoming { return }
      heard += 1
      try #require(heard <= 60)
    }
    Issue.record("the honest peer was not heard")
  }

  @Test func `peers that leave in the middle of a handshake`() throws {
    var router = try RouterSocket(endpoint: "tcp://127.0.0.1:*")
    for round in 0..<200 {
      let peer = try RawPeer(port: port(of: router))
      switch round % 4 {
      case 0: break
      case 1: try peer.send([0xFF, 0, 0])
      case 2: try peer.send([UInt8](repeating: 0xFF, count: 64))
      default: try peer.shakeHands()
      }
      peer.reset()
    }
    let honest = try RawPeer(port: port(of: router))
    try honest.shakeHands()
    try honest.send(RawPeer.frame([6]))
    guard case .message(_, [6]) = try router.receive(timeout: .seconds(20)) else {
      Issue.record("the honest peer was not heard")
      return
    }
  }

  // MARK: Large messages

  @Test func `a message of many frames is taken off in parts`() throws {
    var router = try RouterSocket(endpoint: "tcp://127.0.0.1:*")
    let peer = try RawPeer(port: port(of: router))
    try peer.shakeHands()
    let frames = 20 * ZeroMQSocket.framesPerCall
    try peer.send((1..<frames).flatMap { _ in RawPeer.frame([], more: true) } + RawPeer.frame([1]))
    try peer.send(RawPeer.frame([2]))
    // Until it has come.
    #expect(try router.waitToReceive(timeout: .seconds(20)))
    var turns = 0
    while true {
      turns += 1
      guard let incoming = try router.receive(timeout: .zero) else { continue }
      guard case .malformed(_, let error) = incoming else {
        Issue.record("\(incoming)")
        return
      }
      #expect(error.code == .malformed)
      break
    }
    #expect(turns >= 20)
    guard case .message(_, [2]) = try router.receive(timeout: .seconds(20)) else {
      Issue.record("the next message is not whole")
      return
    }
  }

  @Test func `what is too large, or not the last frame, is not copied`() throws {
    let context = try ZeroMQContext()
    var receiver = try ZeroMQSocket(.dealer, context: context, options: [], maximumFrameBytes: -1)
    try receiver.bind(inProcess: "inproc://test")
    var sender = try ZeroMQSocket(.dealer, context: context, options: [(ZMQ_LINGER, 0)], maximumFrameBytes: -1)
    try sender.connect(inProcess: "inproc://test")
    let large = [UInt8](repeating: 1, count: 100_000)
    #expect(try sender.send([large, large]))
    #expect(try sender.send([large]))
    #expect(try receiver.waitToReceive(timeout: .seconds(20), wakeUp: nil))
    var frames = try #require(try receiver.receive(maximumBytes: 200_000))
    #expect(frames.map(\.size) == [100_000, 100_000])
    #expect(frames.map(\.bytes.count) == [ZeroMQSocket.prefixBytes, 100_000])
    frames = try #require(try receiver.receive(maximumBytes: 99_999))
    #expect(frames.map(\.bytes.count) == [ZeroMQSocket.prefixBytes])
  }

  @Test func `limits follow the size of a message`() {
    var options = RouterSocket.Options()
    options.maximumMessageBytes = 1000
    #expect(options.hardLimit == 4000)
    options.maximumMessageBytes = 16 << 20
    #expect(options.hardLimit == 32 << 20)
    options.maximumMessageBytes = .max
    #expect(options.hardLimit == .max)
    options.maximumMessageBytes = 0
    #expect(options.hardLimit == 4)
  }

  // MARK: Connections

  @Test func `one address has so many connections, and another one when one ends`() throws {
    var options = RouterSocket.Options()
    options.maximumConnectionsPerAddress = 3
    var router = try RouterSocket(endpoint: "tcp://127.0.0.1:*", options: options)
    var peers: [RawPeer] = []
    for _ in 0..<3 {
      let peer = try RawPeer(port: port(of: router))
      #expect(try peer.shakeHands() == "READY")
      peers.append(peer)
    }
    #expect(try RawPeer(port: port(of: router)).shakeHands() == "ERROR 400")
    // Those who are in stay in.
    try peers[0].send(RawPeer.frame([1]))
    guard case .message(_, [1]) = try router.receive(timeout: .seconds(20)) else {
      Issue.record("no message")
      return
    }
    peers.removeLast()
    let deadline = ContinuousClock.now + .seconds(20)
    while try RawPeer(port: port(of: router)).shakeHands() != "READY" {
      try #require(ContinuousClock.now < deadline)
      Thread.sleep(forTimeInterval: 0.01)
    }
  }

  @Test func `another address of the loopback has no connections of its own`() throws {
    var options = RouterSocket.Options()
    options.maximumConnectionsPerAddress = 3
    let router = try RouterSocket(endpoint: "tcp://127.0.0.1:*", options: options)
    var peers: [RawPeer] = []
    for number in 1...3 {
      let peer = try RawPeer(port: port(of: router), source: "127.0.0.\(number)")
      #expect(try peer.shakeHands() == "READY")
      peers.append(peer)
    }
    #expect(try RawPeer(port: port(of: router), source: "127.0.0.4").shakeHands() == "ERROR 400")
  }

  @Test func `a socket that cannot be made leaves no descriptor open`() async {
    await #expect(processExitsWith: .success) {
      // Without the timers that the system's libraries open when they first need them.
      func open() -> Set<Int32> {
        Set(
          (0..<1024).filter { descriptor in
            let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
            return link.map { $0 != "anon_inode:[timerfd]" && !$0.hasPrefix("/proc/") } ?? false
          })
      }
      // libzmq closes what belongs to a socket on a thread of its own.
      func closesAllBut(_ some: Set<Int32>) -> Bool {
        let end = ContinuousClock.now + .seconds(10)
        while open() != some, ContinuousClock.now < end { sched_yield() }
        return open() == some
      }
      let before = open()
      let taken: Set<Int32>
      do {
        let router = try RouterSocket(endpoint: "tcp://127.0.0.1:*")
        taken = open().subtracting(before)
        _ = router.endpoint
      }
      guard closesAllBut(before), let least = taken.min(), let most = taken.max() else { exit(3) }
      var limit = rlimit()
      getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
      // One less each time, until one is missing: the last are those of the connections' handler, which is made when the address is bound.
      var isMade = true, allowed = most + 1
      while isMade, allowed > least {
        allowed -= 1
        limit.rlim_cur = rlim_t(allowed)
        setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
        isMade = (try? RouterSocket(endpoint: "tcp://127.0.0.1:*").endpoint) != nil
        limit.rlim_cur = limit.rlim_max
        setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
      }
      guard !isMade else { exit(4) }
      exit(closesAllBut(before) ? 0 : 5)
    }
  }

  @Test func `ipc addresses have no such limit`() throws {
    var options = RouterSocket.Options()
    options.maximumConnectionsPerAddress = 1
    let endpoint = try Endpoint("ipc:///tmp/uio2-many-\(ProcessInfo.processInfo.processIdentifier)", for: .listen)
    var router = try RouterSocket(endpoint: endpoint, options: options)
    var clients: [RobotClient] = []
    for number in 0..<8 {
      let client = try RobotClient(endpoint: endpoint, sessionID: "robot \(number)")
      _ = try client.send(.reset)
      clients.append(client)
      guard case .message = try router.receive(timeout: .seconds(20)) else {
        Issue.record("client \(number) was not heard")
        return
      }
    }
  }

  @Test func `the limit of descriptors is raised as far as it goes`() throws {
    let limit = try #require(DescriptorLimit.raise())
    var now = rlimit()
    getrlimit(Int32(RLIMIT_NOFILE.rawValue), &now)
    #expect(UInt64(now.rlim_cur) == limit)
    #expect(limit >= min(DescriptorLimit.wanted, UInt64(now.rlim_max)))
  }
}
