import CZeroMQ
import Dispatch
import Foundation
import RobotInterface
import Synchronization
import Testing
import ZeroMQTransport

@Suite("An address belongs to one daemon at a time")
struct ListeningTests {
  /// Gives `body` a path for a socket in a folder that is removed afterwards.
  private func withPath(_ body: (String) throws -> Void) throws {
    // A socket's path holds about 100 bytes; a deep temporary folder would not fit.
    let folder = "/tmp/uio2-link-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder + "/d.sock")
  }

  private func files(beside path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: URL(filePath: path).deletingLastPathComponent().path).sorted()
  }

  /// Sends a message to `endpoint` and expects `router` to have it.
  private func expectReachable(_ router: inout RouterSocket, at endpoint: String) throws {
    var dealer = try ZeroMQSocket(.dealer, options: [(ZMQ_LINGER, 0)], maximumFrameBytes: -1)
    try dealer.connect(Endpoint(endpoint, for: .connect))
    #expect(try dealer.send([[7]]))
    guard case .message(let route, [7]) = try router.receive(timeout: .seconds(20)) else {
      Issue.record("\(endpoint) was not reached")
      return
    }
    #expect(try router.deliver([8], to: route) == .sent)
    #expect(try dealer.waitToReceive(timeout: .seconds(20), wakeUp: nil))
  }

  /// A socket that was bound to `path`, as a killed program leaves it, or as one that listens.
  private func bindPlainSocket(_ path: String, listens: Bool) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let status = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0)
    if listens { try #require(listen(descriptor, 1) == 0) }
    return descriptor
  }

  // MARK: Files

  @Test func `a live socket is not taken over`() throws {
    try withPath { path in
      var router = try RouterSocket(endpoint: "ipc://" + path)
      let error = #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: "ipc://" + path).endpoint }
      #expect(error?.message.hasPrefix("in use") == true)
      #expect(error?.subject == "ipc://" + path)
      try expectReachable(&router, at: "ipc://" + path)
    }
  }

  @Test func `another program's live socket is not taken over`() throws {
    try withPath { path in
      let other = try bindPlainSocket(path, listens: true)
      defer { close(other) }
      let error = #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: "ipc://" + path).endpoint }
      #expect(error?.message.hasPrefix("in use") == true)
      #expect(try files(beside: path) == ["d.sock"])
    }
  }

  @Test func `a file that is no socket stays as it is`() throws {
    try withPath { path in
      let notes = Data("notes".utf8)
      try notes.write(to: URL(filePath: path))
      let error = #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: "ipc://" + path).endpoint }
      #expect(error?.message.hasPrefix("exists and is not a socket") == true)
      #expect(try Data(contentsOf: URL(filePath: path)) == notes)
      #expect(try files(beside: path) == ["d.sock"])

      // A link is no socket either, whatever it points to.
      try FileManager.default.createSymbolicLink(atPath: path + ".link", withDestinationPath: path)
      #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: "ipc://" + path + ".link").endpoint }
      try FileManager.default.createDirectory(atPath: path + ".folder", withIntermediateDirectories: false)
      #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: "ipc://" + path + ".folder").endpoint }
      #expect(try files(beside: path) == ["d.sock", "d.sock.folder", "d.sock.link"])
    }
  }

  @Test func `a file that looks like a lock and is none stays as it is`() throws {
    try withPath { path in
      let lock = path + ".lock", content = Data("[[package]]".utf8)
      try content.write(to: URL(filePath: lock))
      let error = #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: "ipc://" + path).endpoint }
      #expect(error?.message.contains("\(lock) exists and is not a lock") == true)
      #expect(try Data(contentsOf: URL(filePath: lock)) == content)
      #expect(try files(beside: path) == ["d.sock.lock"])
      try FileManager.default.removeItem(atPath: lock)

      let others: [(String) throws -> Void] = [
        { try FileManager.default.createDirectory(atPath: $0, withIntermediateDirectories: false) },
        { try FileManager.default.createSymbolicLink(atPath: $0, withDestinationPath: path + ".elsewhere") },
        { #expect(mkfifo($0, 0o600) == 0) },
      ]
      for put in others {
        try put(lock)
        let error = #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: "ipc://" + path).endpoint }
        #expect(error?.message.contains("is not a lock") == true)
        #expect(try files(beside: path) == ["d.sock.lock"])
        try FileManager.default.removeItem(atPath: lock)
      }
    }
  }

  @Test func `a lock that somebody has written into stays`() throws {
    try withPath { path in
      let router = try RouterSocket(endpoint: "ipc://" + path)
      let notes = FileHandle(forWritingAtPath: path + ".lock")
      try notes?.write(contentsOf: Data("mine".utf8))
      try notes?.close()
      _ = consume router
      #expect(try files(beside: path) == ["d.sock.lock"])
    }
  }

  @Test func `what a killed daemon left is replaced`() throws {
    try withPath { path in
      close(try bindPlainSocket(path, listens: true))
      try Data().write(to: URL(filePath: path + ".lock"))
      var router = try RouterSocket(endpoint: "ipc://" + path)
      try expectReachable(&router, at: "ipc://" + path)
    }
  }

  @Test func `nothing stays behind, and the address is free again`() throws {
    try withPath { path in
      for _ in 0..<3 {
        var router = try RouterSocket(endpoint: "ipc://" + path)
        #expect(try files(beside: path) == ["d.sock", "d.sock.lock"])
        try expectReachable(&router, at: "ipc://" + path)
        _ = consume router
        #expect(try files(beside: path) == [])
      }
    }
  }

  @Test func `what somebody else put there meanwhile stays`() throws {
    try withPath { path in
      do {
        let router = try RouterSocket(endpoint: "ipc://" + path)
        try FileManager.default.removeItem(atPath: path)
        try Data("mine".utf8).write(to: URL(filePath: path))
        _ = router.endpoint
      }
      #expect(try files(beside: path) == ["d.sock"])
    }
  }

  @Test func `of those that begin at the same moment one gets the address`() throws {
    try withPath { path in
      for round in 0..<30 {
        // Of a killed one, every other time.
        if round % 2 == 0 { close(try bindPlainSocket(path, listens: true)) }
        let owners = Mutex(0)
        let refusals = Mutex<[RobotError]>([])
        let everyoneHasTried = DispatchSemaphore(value: 0)
        let contenders = 8
        for _ in 0..<contenders {
          Thread.detachNewThread {
            do throws(RobotError) {
              let router = try RouterSocket(endpoint: "ipc://" + path)
              owners.withLock { $0 += 1 }
              everyoneHasTried.signal()
              // Held until the others have tried.
              while owners.withLock({ $0 }) + refusals.withLock({ $0.count }) < contenders {
                Thread.sleep(forTimeInterval: 0.001)
              }
              _ = router.endpoint
            } catch {
              refusals.withLock { $0.append(error) }
              everyoneHasTried.signal()
            }
          }
        }
        for _ in 0..<contenders { everyoneHasTried.wait() }
        #expect(owners.withLock { $0 } == 1)
        #expect(refusals.withLock { $0.allSatisfy { $0.message.hasPrefix("in use") } })
        let deadline = ContinuousClock.now + .seconds(20)
        while try !files(beside: path).isEmpty, ContinuousClock.now < deadline { Thread.sleep(forTimeInterval: 0.001) }
      }
    }
  }

  @Test func `a folder that is not there is named`() throws {
    let error = #expect(throws: RobotError.self) {
      _ = try RouterSocket(endpoint: "ipc:///no/such/folder/socket").endpoint
    }
    #expect(error?.message.contains("/no/such/folder/socket.lock") == true)
  }

  // MARK: TCP

  @Test func `a port in use is refused`() throws {
    var router = try RouterSocket(endpoint: "tcp://127.0.0.1:*")
    let error = #expect(throws: RobotError.self) {
      _ = try RouterSocket(endpoint: router.endpoint).endpoint
    }
    #expect(error?.message.hasPrefix("in use") == true)
    try expectReachable(&router, at: router.endpoint.description)
  }

  @Test func `the port of closed connections is free at once`() throws {
    var first = try RouterSocket(endpoint: "tcp://127.0.0.1:*")
    let endpoint = first.endpoint
    try expectReachable(&first, at: endpoint.description)
    _ = consume first
    var second = try RouterSocket(endpoint: endpoint)
    try expectReachable(&second, at: endpoint.description)
  }

  @Test func `localhost is loopback, by its name and its numbers`() throws {
    var router = try RouterSocket(endpoint: "tcp://localhost:*")
    guard case .tcp(.localhost, let port?) = router.endpoint.place else {
      Issue.record("\(router.endpoint)")
      return
    }
    try expectReachable(&router, at: "tcp://localhost:\(port)")
    try expectReachable(&router, at: "tcp://127.0.0.1:\(port)")
    if Self.hasIPv6 { try expectReachable(&router, at: "tcp://[::1]:\(port)") }
  }

  private static let hasIPv6 = (try? RouterSocket(endpoint: "tcp://[::1]:*").endpoint) != nil

  @Test(.enabled(if: hasIPv6)) func `an IPv6 address`() throws {
    var router = try RouterSocket(endpoint: "tcp://[::1]:*")
    try expectReachable(&router, at: router.endpoint.description)
  }

  @Test func `an address that is not this machine's is refused in words`() throws {
    var options = RouterSocket.Options()
    options.allowsOtherMachines = true
    let error = #expect(throws: RobotError.self) {
      _ = try RouterSocket(endpoint: "tcp://192.0.2.1:5555", options: options).endpoint
    }
    #expect(error?.message.contains("no such address") == true)
  }

  @Test(arguments: ["tcp://*:*", "tcp://0.0.0.0:*", "tcp://[::]:*"])
  func `other machines only where that is meant`(endpoint: String) throws {
    let error = #expect(throws: RobotError.self) { _ = try RouterSocket(endpoint: endpoint).endpoint }
    #expect(error?.code == .unsupported)
    if endpoint.contains("["), !Self.hasIPv6 { return }
    var options = RouterSocket.Options()
    options.allowsOtherMachines = true
    var router = try RouterSocket(endpoint: endpoint, options: options)
    guard case .tcp(let host, let port?) = router.endpoint.place else { return }
    try expectReachable(&router, at: "tcp://\(host == .ipv6("::") ? "[::1]" : "127.0.0.1"):\(port)")
  }
}
