import Foundation
import RobotInterface
import TestSupport
import Testing

@Suite("An address means what it says, or is refused")
struct EndpointTests {
  /// What the clients of this repository agree upon; `test_endpoint.py` reads the same file.
  private struct Addresses: Decodable {
    var connect: [String]
    var listenOnly: [String]
    var refused: [String]

    enum CodingKeys: String, CodingKey {
      case connect, refused
      case listenOnly = "listen_only"
    }

    static func shared() throws -> Addresses {
      let root = (0..<3).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
      return try JSONDecoder().decode(
        Addresses.self, from: Data(contentsOf: root.appending(path: "Envs/tests/addresses.json")))
    }
  }

  @Test func `the Python client and this one take the same addresses`() throws {
    let addresses = try Addresses.shared()
    for text in addresses.connect { #expect(try Endpoint(text, for: .connect).description == text) }
    for text in addresses.listenOnly + addresses.refused {
      #expect(throws: RobotError.self, "\(text)") { try Endpoint(text, for: .connect) }
    }
    for text in addresses.listenOnly { #expect(try Endpoint(text, for: .listen).description == text) }
    for text in addresses.refused { #expect(throws: RobotError.self, "\(text)") { try Endpoint(text, for: .listen) } }
    #expect(addresses.refused.count > 40 && addresses.connect.count > 10)
  }

  @Test(arguments: [
    ("tcp://127.0.0.1:5555", true), ("tcp://127.9.9.9:1", true), ("tcp://localhost:65535", true),
    ("tcp://[::1]:5555", true), ("tcp://[::ffff:127.0.0.1]:5555", true), ("ipc:///run/uio2.sock", true),
    ("ipc://here.sock", true), ("tcp://10.0.0.5:5555", false), ("tcp://[fe80::1%eth0]:5555", false),
    ("tcp://[2001:db8::1]:5555", false), ("tcp://1.127.0.0:80", false),
  ])
  func `good for both uses`(text: String, isLocal: Bool) throws {
    for use in [Endpoint.Use.listen, .connect] {
      let endpoint = try Endpoint(text, for: use)
      #expect(endpoint.description == text)
      #expect(endpoint.isLocal == isLocal)
    }
  }

  @Test(arguments: [
    "tcp://*:5555", "tcp://0.0.0.0:5555", "tcp://[::]:5555", "tcp://127.0.0.1:*", "tcp://localhost:*", "tcp://*:*",
  ])
  func `only to listen at`(text: String) throws {
    #expect(try Endpoint(text, for: .listen).description == text)
    #expect(throws: RobotError.self) { try Endpoint(text, for: .connect) }
  }

  @Test(arguments: ["tcp://robot-7.example.org:5555", "tcp://arm_2:80", "tcp://a1:80"])
  func `only to connect to`(text: String) throws {
    #expect(try Endpoint(text, for: .connect).description == text)
    #expect(throws: RobotError.self) { try Endpoint(text, for: .listen) }
  }

  /// ZeroMQ takes 99999 for 34463, -1 for 65535, and the transports below for ready.
  @Test(
    arguments: [
      "", "nonsense", "tcp:/127.0.0.1:1", "TCP://127.0.0.1:1", "inproc://x", "ws://127.0.0.1:80", "wss://h:80",
      "pgm://eth0;239.192.1.1:5555", "epgm://x:1", "udp://127.0.0.1:1", "vmci://1:2", "tipc://{1,2,3}", "unix:///tmp/x",
      "tcp://", "tcp://127.0.0.1", "tcp://:5555", "tcp://127.0.0.1:", "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536",
      "tcp://127.0.0.1:99999", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:+1", "tcp://127.0.0.1: 80", "tcp://127.0.0.1:8x",
      "tcp://127.0.0.1:80/", "tcp://127.0.0.1:080", "tcp://127.0.0.1:٨٠", "tcp://127.0.0.1:99999999999999999999",
      "tcp://127.1:80",
      "tcp://300.1.1.1:80", "tcp://1.2.3.4.5:80", "tcp://::1:5555", "tcp://[::1]", "tcp://[::1:5555", "tcp://[]:80",
      "tcp://[127.0.0.1]:80", "tcp://[::1%]:80", "tcp://a b:80", "tcp://-a:80", "tcp://user@host:80",
      "tcp://127.0.0.1:80;127.0.0.1:81", "tcp://127.0.0.1:80 ", " tcp://127.0.0.1:80",
      "ipc://", "ipc://*", "ipc://@abstract", "ipc:///tmp/", "ipc:///tmp/a\nb", "ipc:///tmp/a\0b",
      "ipc:///" + String(repeating: "a", count: Endpoint.maximumPathBytes),
    ])
  func `good for nothing`(text: String) throws {
    for use in [Endpoint.Use.listen, .connect] {
      let error = #expect(throws: RobotError.self) { try Endpoint(text, for: use) }
      #expect(error?.code == .malformed)
      #expect(error?.message.isEmpty == false)
      #expect(error?.subject == (text.isEmpty ? "address" : text))
    }
  }

  @Test func `a path as long as the system takes`() throws {
    let path = "/" + String(repeating: "a", count: Endpoint.maximumPathBytes - 1)
    #expect(try Endpoint("ipc://" + path, for: .listen).place == .ipc(path: path))
  }

  @Test func `a refusal says what to write instead`() {
    for (text, advice) in [
      ("tcp://127.0.0.1:99999", "1 to 65535"), ("tcp://::1:5555", "tcp://[::1]:5555"), ("ipc://@x", "give a path"),
      ("ws://127.0.0.1:80", "expected tcp://HOST:PORT or ipc://PATH"), ("tcp://eth0:80", "localhost, or *"),
    ] {
      let error = #expect(throws: RobotError.self) { try Endpoint(text, for: .listen) }
      #expect(error?.message.contains(advice) == true, "\(String(describing: error))")
    }
  }

  @Test func `localhost is looked for where daemons listen by default`() throws {
    #expect(try Endpoint("tcp://localhost:5555", for: .connect).connectable == "tcp://127.0.0.1:5555")
    #expect(try Endpoint("tcp://[::1]:5555", for: .connect).connectable == "tcp://[::1]:5555")
  }

  @Test(arguments: UInt64(0)..<4) func `whatever is accepted reads back as itself`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let beginnings = ["tcp://", "tcp://", "ipc://", "ws://", ""]
    let parts = [
      "127.0.0.1:", "[::1]:", "[::]:", "localhost:", "*", ":", "0", "5555", "65535", "65536", "/", "@", "a", ".", "-",
      "%",
      "é", "\u{0}", " ", "]", "[",
    ]
    var (accepted, acceptedTCP, refused) = (0, 0, 0)
    for _ in 0..<20_000 {
      let rest = (0..<Int.random(in: 1...4, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
      let text = (beginnings.randomElement(using: &random) ?? "") + rest.joined()
      for use in [Endpoint.Use.listen, .connect] {
        guard let endpoint = try? Endpoint(text, for: use) else {
          refused += 1
          continue
        }
        accepted += 1
        #expect(endpoint.description == text)
        #expect((try? Endpoint(endpoint.description, for: use)) == endpoint)
        if case .tcp = endpoint.place { acceptedTCP += 1 }
      }
    }
    #expect(accepted > 1_000)
    #expect(acceptedTCP > 50)
    #expect(refused > 1_000)
  }
}
