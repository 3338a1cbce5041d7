import AccessKeys
import Foundation
import MessagePack
import OpenPI
import RobotInterface
import TestSupport
import Testing
import WebServer
import WebWires

@Suite("Over HTTP a token is the key")
struct TokenTests {
  private func with(
    wire: (WebWires) -> ListenerMaker, _ body: (WiredDaemon, KeyFolder, KeyRing) throws -> Void
  ) throws {
    try withTemporaryFolder { place in
      let folder = KeyFolder(path: place.appending(path: "keys").path)
      for name in ["arm", "other"] { try folder.make(name, .robot) }
      let ring = try KeyRing(folder)
      let daemon = try WiredDaemon(keys: ring, wire: wire)
      defer { daemon.stop() }
      try body(daemon, folder, ring)
    }
  }

  private func openpi(_ wires: WebWires) -> ListenerMaker {
    wires.openPI(at: Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: nil)))
  }

  private func header(_ folder: KeyFolder, _ name: String = "arm", _ scheme: String = "Api-Key") throws -> String {
    "Authorization: \(scheme) \(try ClientKey.token(of: folder.privateFile(name)))"
  }

  private func observation() throws -> [UInt8] {
    let state = try NumericArray([0.25, 0.5], shape: [2]).messagePack(.openpi)
    return try MessagePackValue.map(
      MessagePackMap([
        .init(.text("observation/image"), try Picture.openpi), .init(.text("observation/state"), state),
        .init(.text("prompt"), .text("push")),
      ])
    ).encoded()
  }

  private func answer(_ daemon: WiredDaemon, _ request: String) throws -> String {
    let client = try daemon.rawClient()
    try client.send(request)
    return try client.receiveAll()
  }

  @Test func `a robot with a token flies, and one without is answered 401`() throws {
    try with(wire: openpi) { daemon, folder, ring in
      for headers in [[], ["Authorization: Api-Key wrong"], ["Authorization: Basic \(try header(folder))"]] {
        let answer = try answer(daemon, RawClient.handshake(headers))
        #expect(answer.hasPrefix("HTTP/1.1 401 "), "\(headers)")
        #expect(answer.contains("WWW-Authenticate: Bearer"))
      }
      #expect(ring.refusals == [.noToken: 2, .unknownToken: 1])
      for scheme in ["Api-Key", "Bearer"] {
        let client = try daemon.socket([try header(folder, "arm", scheme)])
        _ = try client.receiveFrame()
        try client.send(RawClient.frame(RawClient.binary, try observation()))
        #expect(try client.receiveFrame().opcode == RawClient.binary)
      }
      #expect(daemon.policy.seen.count == 2)
    }
  }

  @Test func `vla-eval's harness is asked for one as well`() throws {
    try with(wire: { $0.vlaEval(at: Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: nil))) }) { daemon, folder, _ in
      #expect(try answer(daemon, RawClient.handshake()).hasPrefix("HTTP/1.1 401 "))
      let client = try daemon.socket([try header(folder)])
      #expect(daemon.asked(1) == ["hello"])
      withExtendedLifetime(client) {}
    }
  }

  @Test func `a key that is taken away closes its connections, and no others`() throws {
    try with(wire: openpi) { daemon, folder, ring in
      let arm = try daemon.socket([try header(folder)]), other = try daemon.socket([try header(folder, "other")])
      for client in [arm, other] {
        _ = try client.receiveFrame()
        try client.send(RawClient.frame(RawClient.binary, try observation()))
        #expect(try client.receiveFrame().opcode == RawClient.binary)
      }
      try FileManager.default.removeItem(atPath: folder.publicFile("arm"))
      daemon.endKeys(ring.reload().removed)
      let last = try arm.receiveFrame()
      #expect(last.opcode == RawClient.close && last.code == 1008)
      #expect(try answer(daemon, RawClient.handshake([try header(folder)])).hasPrefix("HTTP/1.1 401 "))
      try other.send(RawClient.frame(RawClient.binary, try observation()))
      #expect(try other.receiveFrame().opcode == RawClient.binary)
      #expect(daemon.policy.seen.count == 3)
    }
  }

  @Test func `metrics are for key holders, and whether it lives is for everybody`() throws {
    let routes: [String: @Sendable (WebRequest) -> WebResponse] = [
      "/metrics": { _ in WebResponse("figures\n") }, "/healthz": { _ in WebResponse("OK\n") },
    ]
    try with(wire: {
      $0.http(at: Endpoint(.tcp(host: .ipv4("127.0.0.1"), port: nil)), routes: routes, open: ["/healthz"])
    }) { daemon, folder, ring in
      let get = { (path: String, more: String) in "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(more)\r\n" }
      #expect(try answer(daemon, get("/healthz", "")).hasPrefix("HTTP/1.1 200 "))
      #expect(try answer(daemon, get("/metrics", "")).hasPrefix("HTTP/1.1 401 "))
      let shown = try answer(daemon, get("/metrics", try header(folder, "other", "Bearer") + "\r\n"))
      #expect(shown.hasPrefix("HTTP/1.1 200 ") && shown.hasSuffix("figures\n"))
      #expect(ring.refusals == [.noToken: 1])
    }
  }
}
