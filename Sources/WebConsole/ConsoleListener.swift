import Dispatch
import Foundation
import RobotInterface
import Synchronization
import WebServer

/// A console as a wire of the daemon: what its pages ask for comes in like any robot's request, and the answers go back to the page.
///
/// Pages are served by a thread of their own, so that the daemon's does nothing for them but hand on a stop.
final class ConsoleListener: RobotListener {
  private struct Page {
    var screen: Screen
    var peer: PeerIdentity?
  }

  /// A request of a page that was not answered yet.
  private struct Question {
    var connection: WebConnection
    var kind: ConsoleRequest.Kind
    var session: String
  }

  private struct State {
    /// The next one last.
    var arrivals: [Arrival] = []
    var questions: [UInt64: Question] = [:]
    var last: UInt64 = 0
    var answers: [(WebConnection, ConsoleAnswer)] = []
    /// Who stopped everybody, and so stops newcomers.
    var stopper: PeerIdentity?
    var isEnding = false
  }

  /// Answers of pages that are waited for; who asks more is not heard until some have come.
  private static let maximumQuestions = 65_536 + 256

  let name = "console"
  let address: String
  private let server: WebServer
  private let feed: ConsoleFeed
  private let setting: ListenerSetting
  private let options: WebConsole.Options
  private let state = Mutex(State())
  private let news: DispatchSemaphore
  private let ended = DispatchSemaphore(value: 0)

  init(
    at address: WebAddress, on loop: WebLoop, _ feed: ConsoleFeed, _ options: WebConsole.Options,
    for setting: ListenerSetting
  ) throws(RobotError) {
    let news = DispatchSemaphore(value: 0)
    self.news = news
    self.feed = feed
    self.setting = setting
    self.options = options
    var limits = WebLimits()
    limits.connections = 64
    limits.messageBytes = ConsoleRequest.maximumBytes
    limits.bufferedBytes = 4 << 20
    limits.unsentBytes = 2 << 20
    do throws(WebServerError) {
      server = try WebServer(
        at: address, ConsolePage.service(options), limits: limits, wake: { news.signal() }, on: loop)
    } catch {
      throw RobotError(.internal, error.subject, error.message)
    }
    self.address = "console://\(server.address)"
    let thread = Thread { [self] in
      serve()
      ended.signal()
    }
    thread.name = "console"
    thread.start()
  }

  // MARK: The daemon's side

  func next() throws(RobotError) -> Arrival? {
    let newcomers = feed.takeNewcomers()
    let arrival = state.withLock { state -> Arrival? in
      for session in newcomers {
        state.last += 1
        state.arrivals.append(
          .request(
            Route(state.last, peer: state.stopper),
            .success(RequestMessage(requestID: state.last, sessionID: session, body: .stop(reason: Self.reason))),
            arrivedAt: MonotonicClock.nanoseconds()))
      }
      return state.arrivals.popLast()
    }
    if case .request(_, .success(let request), let time) = arrival {
      setting.observer?.received(request, as: nil, at: time)
    }
    return arrival
  }

  func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery {
    let isAsked = state.withLock { state -> Bool in
      guard let question = state.questions.removeValue(forKey: reply.requestID) else { return false }
      var answer = ConsoleAnswer(kind: question.kind.rawValue, session: question.session)
      if case .error(let error) = reply.body { answer.error = error.description }
      if question.kind == .admitNewcomers, answer.error == nil { feed.admitNewcomers() }
      // Of everybody only what went wrong is worth a line each.
      if question.kind != .stopEverybody || answer.error != nil { state.answers.append((question.connection, answer)) }
      return true
    }
    if isAsked { news.signal() }
    // A newcomer's stop, or that of a page that has gone, is done whoever hears of it.
    setting.observer?.sent(reply, as: nil, isDelivered: true)
    return .sent
  }

  var rejectedBytes: UInt64 { UInt64(clamping: server.statistics.rejectedBytes) }

  func shutDown(within grace: Duration) {
    state.withLock { $0.isEnding = true }
    news.signal()
    ended.wait()
    // Whoever asks again need not wait.
    ended.signal()
    server.shutDown(within: grace)
  }

  // MARK: The pages' side

  private static let reason = "stopped on the console"

  private func serve() {
    var pages: [WebConnection: Page] = [:]
    let interval = Int(1e9 / options.rate)
    var due = DispatchTime.now()
    while true {
      _ = news.wait(timeout: pages.isEmpty ? .distantFuture : due)
      while let event = server.next() { take(event, &pages) }
      let (isEnding, answers) = state.withLock { state in
        defer { state.answers.removeAll() }
        return (state.isEnding, state.answers)
      }
      if isEnding { return }
      for (connection, answer) in answers { server.send(.text(answer.json), to: connection) }
      guard !pages.isEmpty, DispatchTime.now() >= due else { continue }
      due = .now() + .nanoseconds(interval)
      let watched = feed.watched(), now = MonotonicClock.nanoseconds()
      for connection in pages.keys {
        guard let message = pages[connection]?.screen.update(watched, at: now) else { continue }
        if server.send(message, to: connection) != .sent { pages[connection]?.screen.lose() }
      }
    }
  }

  private func take(_ event: WebEvent, _ pages: inout [WebConnection: Page]) {
    switch event {
    case .opened(let connection, let request):
      pages[connection] = Page(
        screen: Screen(setting.capabilities, options.projections), peer: options.identify(request))
      server.send(.text(greeting.json), to: connection)
    case .message(let connection, let message, _):
      guard let page = pages[connection] else { return }
      guard case .text(let text) = message,
        let request = ConsoleRequest(text: text)
      else { return server.close(connection, code: 1003, reason: "expected a request as JSON") }
      if request.kind == .drawn { pages[connection]?.screen.draw(request.update ?? 0) }
      handOn(request, of: connection, page.peer)
    case .closed(let connection, _):
      pages[connection] = nil
      state.withLock { state in
        state.questions = state.questions.filter { $0.value.connection != connection }
      }
    }
  }

  private var greeting: ConsoleGreeting {
    let capabilities = setting.capabilities
    return ConsoleGreeting(
      policy: capabilities.policyName, version: capabilities.serverVersion, digest: capabilities.policyDigest,
      actions: capabilities.actions.map { .init($0) }, state: capabilities.proprioception.map { .init($0) },
      cameras: capabilities.cameras.map(\.name), projected: options.projections.map(\.camera),
      hasOperator: options.hasOperator, rate: options.rate, controlRate: capabilities.controlRate,
      deadline: capabilities.deadline.map { Double($0) / 1e6 })
  }

  /// Turns what a page asks for into requests.
  private func handOn(_ request: ConsoleRequest, of connection: WebConnection, _ peer: PeerIdentity?) {
    let session = request.session ?? ""
    switch request.kind {
    case .drawn: break
    case .stop: ask([session], .stop(reason: Self.reason), request, connection, peer)
    case .stopEverybody:
      state.withLock { $0.stopper = peer }
      ask(
        feed.stopEverybody(wake: setting.wake), .stop(reason: Self.reason), request, connection, peer)
      server.send(.text(ConsoleAnswer(kind: request.kind.rawValue, session: "").json), to: connection)
    case .resume: ask([session], .resume, request, connection, peer)
    // In the name of any session.
    case .admitNewcomers: ask(["console"], .resumeUnknown, request, connection, peer)
    }
  }

  private func ask(
    _ sessions: [String], _ body: RequestMessage.Body, _ request: ConsoleRequest, _ connection: WebConnection,
    _ peer: PeerIdentity?
  ) {
    let token = request.tokenBytes ?? [], now = MonotonicClock.nanoseconds()
    var refused: RobotError?
    state.withLock { state in
      var arrivals: [Arrival] = []
      for session in sessions {
        let message = RequestMessage(
          requestID: state.last + 1, sessionID: session, sessionToken: token, body: body)
        do throws(RobotError) { try message.validate() } catch {
          refused = error
          continue
        }
        state.last += 1
        if state.questions.count < Self.maximumQuestions {
          state.questions[state.last] = Question(connection: connection, kind: request.kind, session: session)
        }
        arrivals.append(.request(Route(state.last, peer: peer), .success(message), arrivedAt: now))
      }
      // Taken from the end: these in their order, before what pages asked for later.
      state.arrivals.insert(contentsOf: arrivals.reversed(), at: 0)
    }
    setting.wake()
    if let refused {
      server.send(
        .text(
          ConsoleAnswer(kind: request.kind.rawValue, session: request.session ?? "", error: refused.description).json),
        to: connection)
    }
  }
}

extension Route {
  fileprivate init(_ request: UInt64, peer: PeerIdentity?) {
    self.init(connection: withUnsafeBytes(of: request.littleEndian) { [UInt8]($0) }, peer: peer)
  }
}
