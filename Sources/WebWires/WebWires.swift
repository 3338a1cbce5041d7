public import AccessKeys
import MessagePack
public import OpenPI
public import RobotInterface
public import VLAEval
public import WebServer

/// The wires of other people's clients, over HTTP and websockets. All of a process share one thread.
public final class WebWires: Sendable {
  private let loop = WebLoop()
  private let allowsOtherMachines: Bool
  private let gate: TokenGate

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - allowsOtherMachines: whether an address may be bound that other machines can reach although nobody is authenticated.
  ///   - keys: whose tokens let in (`Authorization: Bearer TOKEN`, or `Api-Key TOKEN`); everybody else is answered 401. `nil`: anybody may come.
  public init(allowsOtherMachines: Bool = false, keys: KeyRing? = nil) {
    self.allowsOtherMachines = allowsOtherMachines || keys != nil
    gate = TokenGate(keys: keys)
  }

  /// Ends the thread, after the daemon that uses it. To be called once.
  public func shutDown() { loop.shutDown() }

  /// openpi's clients: `WebsocketClientPolicy` and what is built on it.
  ///
  /// - Parameters:
  ///   - endpoint: host and port.
  ///   - keys: which key of an observation is what; `nil`: openpi's own naming.
  ///   - clock: `.simulated` when every client's world stands still until it has its answer, which the format cannot say.
  ///   - chunks: `.finished` when every client has ended with its last chunk when it asks again.
  public func openPI(
    at endpoint: Endpoint, keys: OpenPIKeys? = nil, clock: RobotClock = .monotonic,
    chunks: ChunkExecution = .overlapping
  ) -> ListenerMaker {
    { [self] (setting) throws(RobotError) in
      let capabilities = setting.capabilities, wire = OpenPIDialect.name
      try checkNumbers(capabilities, wire)
      let names = capabilities.cameras.map(\.name)
      let keys = keys ?? OpenPIKeys(camerasNamed: names, hasState: !capabilities.proprioception.isEmpty)
      try checkCameras(keys.cameras.map(\.name), names, wire)
      try checkKeys(
        keys.cameras.map(\.key) + keys.state + [keys.prompt], reserved: ["reset"], wire,
        state: keys.state, isRead: !capabilities.proprioception.isEmpty)
      let codec = OpenPICodec(keys: keys, limits: Self.limits(setting))
      return try WebListener(at: address(endpoint), on: loop, for: setting, gate) {
        OpenPIDialect(capabilities, codec, clock, chunks)
      }
    }
  }

  /// Harnesses of vla-eval.
  ///
  /// - Parameters:
  ///   - endpoint: host and port.
  ///   - keys: which key of an observation is what; `nil`: what vla-eval recommends.
  public func vlaEval(at endpoint: Endpoint, keys: VLAKeys? = nil) -> ListenerMaker {
    { [self] (setting) throws(RobotError) in
      let capabilities = setting.capabilities, wire = VLAEvalDialect.name
      try checkNumbers(capabilities, wire)
      let names = capabilities.cameras.map(\.name)
      let keys = keys ?? VLAKeys(camerasNamed: names, hasState: !capabilities.proprioception.isEmpty)
      try checkCameras(keys.cameras.map(\.name), names, wire)
      // Pictures have a map of their own.
      try checkKeys(keys.cameras.map(\.key), reserved: [], wire)
      try checkKeys(
        keys.state + [keys.instruction], reserved: ["images"], wire, state: keys.state,
        isRead: !capabilities.proprioception.isEmpty)
      let codec = VLACodec(keys: keys, limits: Self.limits(setting))
      return try WebListener(at: address(endpoint), on: loop, for: setting, gate) {
        VLAEvalDialect(capabilities, codec)
      }
    }
  }

  /// What a message of a robot may have. Pictures are single values, so that only a state written as a list has many.
  private static func limits(_ setting: ListenerSetting) -> MessagePackLimits {
    MessagePackLimits(bytes: setting.maximumMessageBytes, values: 8_192)
  }

  /// An address that only answers requests: no robot comes in on it.
  ///
  /// - Parameters:
  ///   - endpoint: host and port.
  ///   - routes: `GET` by path; the closures run on the thread of the servers and must be quick.
  ///   - open: paths that need no token.
  public func http(
    at endpoint: Endpoint, routes: [String: @Sendable (WebRequest) -> WebResponse], open: Set<String> = []
  ) -> ListenerMaker {
    var guarded = routes
    for (path, route) in routes where !open.contains(path) {
      guarded[path] = { [gate] request in gate.refusal(of: request) ?? route(request) }
    }
    return { [self, guarded] (setting) throws(RobotError) in
      try HTTPListener(at: address(endpoint), on: loop, service: WebService(routes: guarded, socketPath: nil))
    }
  }

  /// - Throws: `.unsupported` for a policy that these formats have no words for.
  private func checkNumbers(_ capabilities: Capabilities, _ wire: String) throws(RobotError) {
    guard !capabilities.actions.isEmpty, capabilities.actionMode != .pickAndPlace else {
      throw RobotError(
        .unsupported, wire,
        "\(wire) carries numbers only, and this policy's actions are more, or none; leave the wire out")
    }
  }

  /// - Throws: `.malformed` when a mapping leaves a camera out or names another.
  private func checkCameras(_ found: [String], _ expected: [String], _ wire: String) throws(RobotError) {
    guard Set(found) == Set(expected), found.count == expected.count else {
      throw RobotError(
        .malformed, "\(wire).cameras",
        "expected each of \(expected.joined(separator: ", ")) once, found \(found.joined(separator: ", "))")
    }
  }

  /// - Throws: `.malformed` when a key is empty, stands for two things, or means something else on this wire; or when the state has no key
  ///   although the policy reads one.
  private func checkKeys(
    _ keys: [String], reserved: Set<String>, _ wire: String, state: [String] = [], isRead: Bool = false
  ) throws(RobotError) {
    var seen = reserved
    for key in keys {
      guard !key.isEmpty else { throw RobotError(.malformed, "\(wire).keys", "a key is empty") }
      guard seen.insert(key).inserted else {
        let found = reserved.contains(key) ? "which means something else on this wire" : "which stands for two things"
        throw RobotError(.malformed, "\(wire).keys", "expected each key once, found \(key), \(found)")
      }
    }
    guard !isRead || !state.isEmpty else {
      throw RobotError(.malformed, "\(wire).state", "expected a key: the policy reads the robot's state")
    }
  }

  private func address(_ endpoint: Endpoint) throws(RobotError) -> WebAddress {
    try WebAddress.permitted(endpoint, otherMachines: allowsOtherMachines)
  }
}

/// Answers requests; brings nothing.
private final class HTTPListener: RobotListener {
  let name = "http"
  let address: String
  private let server: WebServer

  init(at address: WebAddress, on loop: WebLoop, service: WebService) throws(RobotError) {
    do throws(WebServerError) { server = try WebServer(at: address, service, on: loop) } catch {
      throw RobotError(.internal, error.subject, error.message)
    }
    self.address = "http://\(server.address)"
  }

  func next() throws(RobotError) -> Arrival? { nil }
  func deliver(_ reply: ReplyMessage, to route: Route) throws(RobotError) -> Delivery { .gone }
  func shutDown(within grace: Duration) { server.shutDown(within: grace) }
}
