import RobotInterface
import Synchronization
import WebServer

/// A foreign format over websockets as a wire of the daemon: a connection is a session, greeted when it opens and given up when it ends.
final class WebListener<Dialect: WebDialect>: RobotListener {
  /// Messages of a client that wait for its greeting to be answered.
  private static var maximumHeld: Int { 8 }
  /// Observations of a client that wait for an answer.
  private static var maximumOpen: Int { 16 }
  /// Events that one call looks at, so that clients who say nothing of use keep nobody waiting.
  private static var eventsPerCall: Int { 32 }

  private struct Client {
    var connection: WebConnection
    var session: ConnectionSession
    var dialect: Dialect
    var isGreeted = false
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
    var arrivals: [Arrival] = []
  }

  let name = Dialect.name
  let address: String
  private let server: WebServer
  private let wake: @Sendable () -> Void
  private let observer: (any MessageObserver)?
  private let makeDialect: @Sendable () -> Dialect
  private let state = Mutex(State())

  /// Listens.
  ///
  /// - Parameters:
  ///   - dialect: of one more client.
  init(
    at address: WebAddress, on loop: WebLoop, for setting: ListenerSetting,
    dialect: @escaping @Sendable () -> Dialect
  ) throws(RobotError) {
    wake = setting.wake
    observer = setting.observer
    makeDialect = dialect
    let service = WebService(routes: ["/healthz": { _ in WebResponse("OK\n") }])
    var limits = WebLimits()
    limits.messageBytes = setting.maximumMessageBytes
    do throws(WebServerError) {
      server = try WebServer(at: address, service, limits: limits, wake: setting.wake, on: loop)
    } catch {
      throw RobotError(.internal, error.subject, error.message)
    }
    self.address = "\(Dialect.name)://\(server.address)"
  }

  func next() throws(RobotError) -> Arrival? {
    for _ in 0..<Self.eventsPerCall {
      if let arrival = state.withLock({ $0.arrivals.isEmpty ? nil : $0.arrivals.removeFirst() }) {
        if case .request(_, .success(let request), let time) = arrival {
          observer?.received(request, as: nil, at: time)
        }
        return arrival
      }
      guard let (event, arrivedAt) = server.nextWithTime() else { return nil }
      take(event, at: arrivedAt)
    }
    wake()
    return nil
  }

  func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    let delivery = send(reply, to: route)
    observer?.sent(reply, as: nil, isDelivered: delivery == .sent)
    return delivery
  }

  func stopped(session: String) {
    state.withLock { state in
      for (number, client) in state.clients where client.session.name == session {
        state.clients[number]?.dialect.stop()
      }
    }
  }

  private func send(_ reply: ReplyMessage, to route: Route) -> Delivery {
    guard let number = UInt64(route) else { return .gone }
    let now = MonotonicClock.nanoseconds()
    let answer = state.withLock { state -> Answer? in
      guard var client = state.clients[number], let question = client.session.take(reply) else { return nil }
      var messages: [WebMessage] = [], closing: Closing?
      switch question {
      case .greeting:
        if case .capabilities = reply.body {
          client.isGreeted = true
          messages = client.dialect.greeting(client.session.name)
        } else if case .error(let error) = reply.body {
          closing = Closing(code: 1013, reason: error.message)
        }
      case .observation(let mark): messages = client.dialect.answer(reply.body, to: mark, at: now)
      case .beginning, .farewell: break
      }
      let held = client.isGreeted ? client.held : []
      if client.isGreeted { client.held = [] }
      state.clients[number] = client
      for (message, arrivedAt) in held where closing == nil {
        messages += Self.read(message, number, &state, at: arrivedAt) { closing = $0 }
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

  // MARK: Events

  private func take(_ event: WebEvent, at now: UInt64) {
    switch event {
    case .opened(let connection, _):
      state.withLock { state in
        state.last += 1
        var client = Client(
          connection: connection, session: ConnectionSession(wire: Dialect.name, number: state.last),
          dialect: makeDialect())
        state.arrivals.append(
          .request(Route(state.last), .success(client.session.greet(Dialect.clientName, at: now)), arrivedAt: now))
        state.numbers[connection] = state.last
        state.clients[state.last] = client
      }
    case .message(let connection, let message):
      var closing: Closing?
      let messages = state.withLock { state -> [WebMessage] in
        guard let number = state.numbers[connection] else { return [] }
        return Self.read(message, number, &state, at: now) { closing = $0 }
      }
      for message in messages { server.send(message, to: connection) }
      if let closing { server.close(connection, code: closing.code, reason: closing.reason) }
    case .closed(let connection, _):
      state.withLock { state in
        guard let number = state.numbers.removeValue(forKey: connection),
          var client = state.clients.removeValue(forKey: number)
        else { return }
        state.arrivals.append(.gone(Route(number)))
        state.arrivals.append(.request(Route(number), .success(client.session.end()), arrivedAt: now))
      }
    }
  }

  /// Turns a message into requests.
  ///
  /// - Parameter now: when it arrived, however long ago.
  /// - Returns: what the client is told at once.
  private static func read(
    _ message: WebMessage, _ number: UInt64, _ state: inout State, at now: UInt64, close: (Closing) -> Void
  ) -> [WebMessage] {
    guard var client = state.clients[number] else { return [] }
    defer { state.clients[number] = client }
    guard client.isGreeted else {
      if client.held.count < maximumHeld {
        client.held.append((message, now))
      } else {
        close(Closing(code: 1013, reason: "the policy is still warming up; try again later"))
      }
      return []
    }
    switch client.dialect.read(message, of: client.session.name, at: now) {
    case .answer(let messages): return messages
    case .close(let code, let reason):
      close(Closing(code: code, reason: reason))
      return []
    case .beginning:
      state.arrivals.append(.request(Route(number), .success(client.session.begin()), arrivedAt: now))
      return []
    case .observation(let seen):
      guard client.session.openQuestions < maximumOpen else {
        let error = RobotError(.overloaded, "observation", "too many observations wait for an answer; wait for one")
        return client.dialect.answer(.error(error), to: seen.mark, at: now)
      }
      if seen.beginsEpisode {
        state.arrivals.append(.request(Route(number), .success(client.session.begin()), arrivedAt: now))
      }
      let request = client.session.observe(
        seen.frames, seen.state, seen.instruction, mark: seen.mark, executed: seen.executed, clock: seen.clock, at: now)
      do throws(RobotError) { try request.validate() } catch {
        client.session.withdraw(request)
        return client.dialect.answer(.error(error), to: seen.mark, at: now)
      }
      state.arrivals.append(.request(Route(number), .success(request), arrivedAt: now))
      return []
    }
  }
}

extension Route {
  fileprivate init(_ number: UInt64) {
    self.init(connection: withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) })
  }
}

extension UInt64 {
  fileprivate init?(_ route: Route) {
    guard route.connection.count == 8 else { return nil }
    self = route.connection.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
