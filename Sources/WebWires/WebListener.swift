import AccessKeys
import RobotInterface
import Synchronization
import WebServer

/// A foreign format over websockets as a wire of the daemon: a connection is a session, greeted when it opens and given up when it ends.
final class WebListener<Dialect: WebDialect>: RobotListener {
  /// Messages of a client that wait for its greeting to be answered.
  private static var maximumHeld: Int { 8 }
  /// Observations of a client that wait for an answer.
  private static var maximumOpen: Int { 16 }
  /// Nanoseconds after which a call looks at no further event, so that clients who say nothing of use keep nobody waiting.
  private static var patience: UInt64 { 1_000_000 }

  private struct Client {
    var connection: WebConnection
    var session: ConnectionSession
    var dialect: Dialect
    /// Whose token it came with; `nil` where nobody is authenticated.
    var holder: KeyFolder.Holder?
    var key: String { holder?.identity.name ?? "" }
    var isGreeted = false
    /// With when they came.
    var held: [(message: WebMessage, arrivedAt: UInt64)] = []
  }

  /// Why a connection ends.
  private struct Closing {
    var code: Int
    var reason: String
  }

  /// What a reply means for a client.
  private struct Answer {
    var connection: WebConnection
    var messages: [WebMessage]
    var closing: Closing?
  }

  private struct State {
    var clients: [UInt64: Client] = [:]
    var numbers: [WebConnection: UInt64] = [:]
    var last: UInt64 = 0
    /// Of the keys, when the clients were last looked at.
    var generation = 0
    var arrivals: [Arrival] = []
    /// By the name of the client's key, empty where nobody has one: what one key has stopped or left is no other's.
    var names: [String: SessionNames] = [:]
    /// Of messages that could not be read.
    var rejectedBytes: UInt64 = 0
  }

  let name = Dialect.name
  let address: String
  private let server: WebServer
  private let wake: @Sendable () -> Void
  private let observer: (any MessageObserver)?
  private let gate: TokenGate
  private let makeDialect: @Sendable () -> Dialect
  private let state = Mutex(State())

  /// Listens.
  ///
  /// - Parameters:
  ///   - gate: decides who may come in.
  ///   - dialect: of one more client.
  init(
    at address: WebAddress, on loop: WebLoop, for setting: ListenerSetting, _ gate: TokenGate,
    dialect: @escaping @Sendable () -> Dialect
  ) throws(RobotError) {
    wake = setting.wake
    observer = setting.observer
    makeDialect = dialect
    self.gate = gate
    let service = WebService(
      routes: ["/healthz": { _ in WebResponse("OK\n") }], refuseSocket: { gate.refusal(of: $0) })
    var limits = WebLimits()
    limits.messageBytes = setting.maximumMessageBytes
    do throws(WebServerError) {
      server = try WebServer(at: address, service, limits: limits, wake: setting.wake, on: loop)
    } catch {
      throw RobotError(.internal, error.subject, error.message)
    }
    self.address = "\(Dialect.name)://\(server.address)"
  }

  var rejectedBytes: UInt64 { state.withLock { $0.rejectedBytes } + UInt64(clamping: server.statistics.rejectedBytes) }

  func next() throws(RobotError) -> Arrival? {
    closeWhoHasLostTheKey()
    let begin = MonotonicClock.nanoseconds()
    while true {
      if let arrival = state.withLock({ $0.arrivals.isEmpty ? nil : $0.arrivals.removeFirst() }) {
        if case .request(_, .success(let request), let time) = arrival {
          observer?.received(request, as: nil, at: time)
        }
        return arrival
      }
      guard let event = server.next() else { return nil }
      take(event, at: MonotonicClock.nanoseconds())
      guard MonotonicClock.nanoseconds() - begin < Self.patience else { break }
    }
    wake()
    return nil
  }

  func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    let delivery = send(reply, to: route)
    observer?.sent(reply, as: nil, isDelivered: delivery == .sent)
    return delivery
  }

  func voidCommands(of session: String, isStopped: Bool) {
    let hasMore = state.withLock { state in
      for (number, client) in state.clients where client.session.name == session {
        state.clients[number]?.dialect.void()
        state.clients[number]?.session.void()
      }
      var hasMore = false
      for key in state.names.keys {
        guard let token = state.names[key]?.note(session, isStopped: isStopped) else { continue }
        var left = ConnectionSession(name: session, token: token)
        let owner = gate.keys == nil ? nil : PeerIdentity(name: key, role: .robot)
        state.arrivals.append(
          .request(Route(0, peer: owner), .success(left.end()), arrivedAt: MonotonicClock.nanoseconds()))
        hasMore = true
      }
      return hasMore
    }
    if hasMore { wake() }
  }

  private func send(_ reply: ReplyMessage, to route: Route) -> Delivery {
    guard let number = UInt64(route) else { return .gone }
    // Whose key was taken away gets nothing more.
    if let identity = route.peer, gate.keys?.holds(identity) == false { return .gone }
    let now = MonotonicClock.nanoseconds()
    let answer = state.withLock { state -> Answer? in
      guard var client = state.clients[number], let question = client.session.take(reply) else { return nil }
      var messages: [WebMessage] = [], closing: Closing?
      switch question {
      case .greeting:
        if case .capabilities(let capabilities) = reply.body, capabilities.sessionToken.isEmpty {
          state.names[client.key]?.disown(client.session.name)
          closing = Closing(
            code: 1008, reason: "the session \(client.session.name) belongs to another client; choose another name")
        } else if case .capabilities = reply.body {
          client.isGreeted = true
          messages = client.dialect.greeting(client.session.name)
        } else if case .error(let error) = reply.body {
          closing = Closing(code: 1013, reason: error.message)
        }
      case .observation(let mark): messages = client.dialect.answer(reply.body, to: mark, at: now)
      case .beginning, .stop, .farewell: break
      }
      let held = client.isGreeted ? client.held : []
      if client.isGreeted { client.held = [] }
      state.clients[number] = client
      for (message, arrivedAt) in held where closing == nil {
        messages += read(message, number, &state, arrivedAt: arrivedAt, at: now) { closing = $0 }
      }
      return Answer(connection: client.connection, messages: messages, closing: closing)
    }
    guard let answer else {
      // Nobody waits for the acknowledgement of a farewell.
      if case .acknowledgement = reply.body { return .sent }
      return .gone
    }
    var delivery = Delivery.sent
    for message in answer.messages {
      switch server.send(message, to: answer.connection) {
      case .sent: break
      case .full: delivery = .full
      case .gone: return .gone
      }
    }
    if let closing = answer.closing { server.close(answer.connection, code: closing.code, reason: closing.reason) }
    if state.withLock({ !$0.arrivals.isEmpty }) { wake() }
    return delivery
  }

  func shutDown(within grace: Duration) { server.shutDown(within: grace) }

  // MARK: Keys

  private static var keyIsGone: Closing { Closing(code: 1008, reason: "this key is not held any more") }

  /// After the keys were looked at again: connections stay, those who hold a key may not.
  private func closeWhoHasLostTheKey() {
    guard let keys = gate.keys else { return }
    let generation = keys.generation
    let lost = state.withLock { state -> [WebConnection] in
      guard state.generation != generation else { return [] }
      state.generation = generation
      return state.clients.values.filter { !gate.admits($0.holder) }.map(\.connection)
    }
    for connection in lost {
      keys.refuse(.removedKey, "")
      server.close(connection, code: Self.keyIsGone.code, reason: Self.keyIsGone.reason)
    }
  }

  /// The way back to a client.
  private func route(_ number: UInt64, _ client: Client?) -> Route {
    Route(number, peer: gate.identity(of: client?.holder))
  }

  // MARK: Events

  private func take(_ event: WebEvent, at now: UInt64) {
    switch event {
    case .opened(let connection, let request):
      let refusal = state.withLock { state -> RobotError? in
        do throws(RobotError) {
          try open(connection, request, &state, at: now)
          return nil
        } catch { return error }
      }
      if let refusal { server.close(connection, code: 1008, reason: refusal.message) }
    case .message(let connection, let message, let arrivedAt):
      var closing: Closing?
      let messages = state.withLock { state -> [WebMessage] in
        guard let number = state.numbers[connection] else { return [] }
        return read(message, number, &state, arrivedAt: arrivedAt, at: now) { closing = $0 }
      }
      for message in messages { server.send(message, to: connection) }
      if let closing { server.close(connection, code: closing.code, reason: closing.reason) }
    case .closed(let connection, _):
      state.withLock { state in
        guard let number = state.numbers.removeValue(forKey: connection),
          var client = state.clients.removeValue(forKey: number)
        else { return }
        let route = route(number, client)
        state.arrivals.append(.gone(route))
        let ending = state.names[client.key]?.close(client.session.name, client.session.token) ?? .release
        let farewell = ending == .keep ? client.session.leave() : client.session.end()
        state.arrivals.append(.request(route, .success(farewell), arrivedAt: now))
      }
    }
  }

  /// Makes a connection a session, which is greeted, and stopped before that where it has to be.
  private func open(
    _ connection: WebConnection, _ request: WebRequest, _ state: inout State, at now: UInt64
  ) throws(RobotError) {
    let number = state.last + 1, holder = gate.holder(of: request), key = holder?.identity.name ?? ""
    guard gate.admits(holder) else { throw RobotError(.notOwner, "key", Self.keyIsGone.reason) }
    let opening = try state.names[key, default: SessionNames(wire: Dialect.name)]
      .open(SessionNames.chosen(in: request), number: number)
    var session = ConnectionSession(name: opening.name, token: opening.token)
    var requests = opening.stopReason.map { [session.stop($0)] } ?? []
    requests.append(session.greet(Dialect.clientName, at: now))
    do throws(RobotError) { for request in requests { try request.validate() } } catch {
      _ = state.names[key]?.close(opening.name, opening.token)
      throw error
    }
    state.last = number
    let client = Client(connection: connection, session: session, dialect: makeDialect(), holder: holder)
    let route = route(number, client)
    state.arrivals += requests.map { .request(route, .success($0), arrivedAt: now) }
    state.numbers[connection] = number
    state.clients[number] = client
  }

  /// Turns a message into requests.
  ///
  /// - Returns: what the client is told at once.
  private func read(
    _ message: WebMessage, _ number: UInt64, _ state: inout State, arrivedAt: UInt64, at now: UInt64,
    close: (Closing) -> Void
  ) -> [WebMessage] {
    guard var client = state.clients[number] else { return [] }
    defer { state.clients[number] = client }
    guard gate.admits(client.holder) else {
      close(Self.keyIsGone)
      return []
    }
    let route = route(number, client)
    guard client.isGreeted else {
      if client.held.count < Self.maximumHeld {
        client.held.append((message, arrivedAt))
      } else {
        close(Closing(code: 1013, reason: "the policy is still warming up; try again later"))
      }
      return []
    }
    switch client.dialect.read(message, of: client.session.name, arrivedAt: arrivedAt, at: now) {
    case .answer(let messages): return messages
    case .refused(let messages):
      state.rejectedBytes += UInt64(message.count)
      return messages
    case .close(let code, let reason):
      state.rejectedBytes += UInt64(message.count)
      close(Closing(code: code, reason: reason))
      return []
    case .beginning:
      state.arrivals.append(.request(route, .success(client.session.begin()), arrivedAt: arrivedAt))
      return []
    case .observation(let seen):
      guard client.session.openQuestions < Self.maximumOpen else {
        let error = RobotError(.overloaded, "observation", "too many observations wait for an answer; wait for one")
        return client.dialect.answer(.error(error), to: seen.mark, at: now)
      }
      if seen.beginsEpisode {
        state.arrivals.append(.request(route, .success(client.session.begin()), arrivedAt: arrivedAt))
      }
      let request = client.session.observe(seen, arrivedAt: arrivedAt)
      do throws(RobotError) { try request.validate() } catch {
        state.rejectedBytes += UInt64(message.count)
        client.session.withdraw(request)
        return client.dialect.answer(.error(error), to: seen.mark, at: now)
      }
      state.arrivals.append(.request(route, .success(request), arrivedAt: arrivedAt))
      return []
    }
  }
}

extension Route {
  fileprivate init(_ number: UInt64, peer: PeerIdentity?) {
    self.init(connection: withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) }, peer: peer)
  }
}

extension UInt64 {
  fileprivate init?(_ route: Route) {
    guard route.connection.count == 8 else { return nil }
    self = route.connection.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
