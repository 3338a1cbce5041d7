import ControlDaemon
import RobotInterface
import Testing

@Suite("The core lets a key do what its role permits, and its owner what owners do")
struct ControlCoreKeyTests {
  private enum Who: CaseIterable { case nobody, owner, otherRobot, person }

  private static let token = [UInt8](1...16)

  private func core() -> ControlCore {
    var options = DaemonOptions()
    options.requiresKeys = true
    var core = ControlCore(
      capabilities: FakePolicy().capabilities, canGenerate: true, decodesAhead: false, options: options)
    core.becomeReady(at: 0)
    _ = ask(.hello(clientName: "", clientVersion: ""), .owner, &core)
    return core
  }

  private func route(_ who: Who) -> Route {
    let peer: PeerIdentity? =
      switch who {
      case .nobody: nil
      case .owner: PeerIdentity(name: "arm", role: .robot)
      case .otherRobot: PeerIdentity(name: "other", role: .robot)
      case .person: PeerIdentity(name: "ann", role: .operator)
      }
    return Route(connection: [1], peer: peer)
  }

  /// Everybody has the owner's token, as if it had been read somewhere.
  private func ask(
    _ body: RequestMessage.Body, _ who: Who, session: String = "arm", _ core: inout ControlCore
  ) -> ReplyMessage.Body? {
    core.receive(
      RequestMessage(requestID: 1, sessionID: session, sessionToken: Self.token, body: body), from: route(who), at: 1)
    return core.nextReply(at: 1)?.reply.body
  }

  private func isPermitted(_ body: RequestMessage.Body, _ who: Who) -> Bool {
    var core = core()
    guard case .error(let error) = ask(body, who, &core) else { return true }
    return error.code != .notOwner
  }

  @Test func `the table of roles`() {
    let question = GenerationRequest(prompt: "x")
    let table: [(body: RequestMessage.Body, permitted: [Who])] = [
      (.stop(reason: ""), [.owner, .otherRobot, .person]),
      (.hello(clientName: "", clientVersion: ""), [.owner, .otherRobot, .person]),
      (.observation(.sample(1)), [.owner]), (.reset, [.owner, .person]), (.release, [.owner, .person]),
      (.resume, [.person]), (.resumeUnknown, [.person]), (.cancel(requestID: 1), []), (.generate(question), []),
    ]
    for (body, permitted) in table {
      for who in Who.allCases {
        #expect(isPermitted(body, who) == permitted.contains(who), "\(who): \(body)")
      }
    }
    // The model is asked in sessions of one's own.
    var core = core()
    for (who, isAnswered) in [(Who.owner, false), (.person, true)] {
      let answer = ask(.generate(question), who, session: "question", &core)
      if case .error(let error) = answer {
        #expect(!isAnswered && error.code == .notOwner && error.subject == "key")
      } else {
        #expect(isAnswered)
      }
    }
  }

  @Test func `the same key without the token, and the same token without the key, are strangers`() {
    var core = core()
    guard case .capabilities(let strange) = ask(.hello(clientName: "", clientVersion: ""), .otherRobot, &core) else {
      Issue.record("no capabilities")
      return
    }
    #expect(strange.sessionToken.isEmpty)
    core.receive(
      RequestMessage(requestID: 1, sessionID: "arm", sessionToken: [UInt8](2...17), body: .reset), from: route(.owner),
      at: 1)
    guard case .error(let error) = core.nextReply(at: 1)?.reply.body else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .notOwner && error.subject == "session_token")
  }

  @Test func `a session that was given up is anybody's with a key`() {
    var core = core()
    _ = ask(.release, .owner, &core)
    guard case .capabilities(let found) = ask(.hello(clientName: "", clientVersion: ""), .otherRobot, &core) else {
      Issue.record("no capabilities")
      return
    }
    #expect(found.sessionToken == Self.token)
    guard case .error(let error) = ask(.reset, .owner, &core) else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .notOwner)
  }

  @Test func `a key that ends takes its observations with it, and denials are events`() {
    var core = core()
    core.receive(
      RequestMessage(requestID: 7, sessionID: "arm", sessionToken: Self.token, body: .observation(.sample(1))),
      from: route(.owner), at: 1)
    #expect(core.endKeys(["nobody"], at: 2).isEmpty)
    #expect(core.endKeys(["arm"], at: 2) == ["arm"])
    guard let reply = core.nextReply(at: 2)?.reply, case .error(let error) = reply.body else {
      Issue.record("not answered")
      return
    }
    #expect(reply.requestID == 7 && error.code == .stopped)
    #expect(core.nextJob(at: 2) == nil)
    _ = ask(.resume, .owner, &core)
    let denied = core.takeEvents().contains { event in
      if case .denied(key: "arm", _) = event.kind { true } else { false }
    }
    #expect(denied)
  }
}
