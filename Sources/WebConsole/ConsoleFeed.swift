public import RobotInterface
import Synchronization

/// What consoles show, taken from the messages of all wires as they pass. Bounded: of most sessions only the name is kept.
///
/// A message counts once its answer has shown that its sender may send it, so that nobody can put a picture into another's session.
public final class ConsoleFeed: MessageObserver {
  /// How much is kept.
  public struct Limits: Sendable {
    /// Sessions that are shown; those that got no commands, and then those that were silent for longest, give way.
    public var sessions = 64
    /// Sessions whose name is known, so that stopping everybody stops them too.
    public var names = 65_536
    /// Bytes of pictures, those of requests without an answer included.
    public var pictureBytes = 64 << 20
    /// Requests without an answer that are remembered.
    public var requests = 1024

    /// The limits above.
    public init() {}
  }

  private struct Key: Hashable {
    var session: String
    var request: UInt64
  }

  private enum Question {
    case observation(Observation, arrivedAt: UInt64)
    case stop(String)
    case generation(GenerationRequest)
  }

  private struct State {
    var sessions: [String: WatchedSession] = [:]
    var names: Set<String> = []
    var questions: [Key: Question] = [:]
    var questionBytes = 0
    /// Whether whoever comes is stopped.
    var stopsNewcomers = false
    var newcomers: [String] = []
    var wake: (@Sendable () -> Void)?
  }

  private let limits: Limits
  private let state = Mutex(State())

  /// Keeps what passes from now on.
  public init(limits: Limits = Limits()) { self.limits = limits }

  // MARK: What passes

  /// Remembers what was asked.
  public func received(_ request: RequestMessage, as bytes: [UInt8]?, at time: UInt64) {
    let wake = state.withLock { state -> (@Sendable () -> Void)? in
      let key = Key(session: request.sessionID, request: request.requestID)
      switch request.body {
      case .observation(let observation):
        ask(.observation(observation, arrivedAt: time), key, &state)
      case .stop(let reason): ask(.stop(reason), key, &state)
      case .generate(let generation): ask(.generation(generation), key, &state)
      case .hello: break
      case .reset, .resume, .resumeUnknown, .release, .cancel: return nil
      }
      guard state.stopsNewcomers, Self.isRobot(request.body), !state.names.contains(request.sessionID) else {
        return nil
      }
      keepName(request.sessionID, &state)
      state.newcomers.append(request.sessionID)
      return state.wake
    }
    wake?()
  }

  private static func isRobot(_ body: RequestMessage.Body) -> Bool {
    switch body {
    case .hello, .observation: true
    default: false
    }
  }

  /// The first of two with the same number counts; the other is answered first if it is a stranger's, and then neither is shown.
  private func ask(_ question: Question, _ key: Key, _ state: inout State) {
    let size = Self.bytes(question)
    guard state.questions[key] == nil, state.questions.count < limits.requests,
      state.questionBytes + size <= limits.pictureBytes / 2
    else { return }
    state.questions[key] = question
    state.questionBytes += size
  }

  private static func bytes(_ question: Question) -> Int {
    switch question {
    case .observation(let observation, _): observation.frames.reduce(0) { $0 + $1.data.count }
    case .generation(let request): request.images.reduce(0) { $0 + $1.data.count } + request.audio.count
    case .stop: 0
    }
  }

  /// Takes note of what was answered.
  public func sent(_ reply: ReplyMessage, as bytes: [UInt8]?, isDelivered: Bool) {
    guard reply.body.isFinal else { return }
    state.withLock { state in
      let question = state.questions.removeValue(forKey: Key(session: reply.sessionID, request: reply.requestID))
      if let question { state.questionBytes -= Self.bytes(question) }
      let now = reply.sentAt
      switch (reply.body, question) {
      case (.capabilities(let capabilities), _):
        // Strangers get no token.
        guard !capabilities.sessionToken.isEmpty else { return }
        change(reply.sessionID, at: now, &state) { $0.isReleased = false }
      case (.actionChunk(let chunk), .observation(let observation, let arrival)):
        change(reply.sessionID, at: now, &state) { session in
          session.see(observation, at: arrival)
          session.take(chunk, answering: arrival, at: now)
          (session.isStopped, session.isReleased) = (false, false)
        }
      case (.error(let error), .observation(let observation, let arrival)):
        guard error.code != .notOwner, error.code != .invalidSession else { return }
        change(reply.sessionID, at: now, &state) { session in
          session.refuse(error, at: now)
          if error.code == .stopped {
            session.isStopped = true
            session.see(observation, at: arrival)
          }
        }
      case (.generation(let result), .generation(let request)):
        guard let pointing = Pointing(request, result) else { return }
        change(reply.sessionID, at: now, &state) { $0.pointing = pointing }
      case (.acknowledgement(let isStopped), let question):
        // A name that was only ever stopped is no robot's yet.
        guard state.sessions[reply.sessionID] != nil else { return }
        state.sessions[reply.sessionID]?.isStopped = isStopped
        if case .stop(let reason) = question { state.sessions[reply.sessionID]?.stopReason = reason }
        if !isStopped { state.sessions[reply.sessionID]?.stopReason = "" }
      default: break
      }
    }
  }

  private func change(_ name: String, at now: UInt64, _ state: inout State, _ body: (inout WatchedSession) -> Void) {
    keepName(name, &state)
    var session = state.sessions[name] ?? WatchedSession(name, at: now)
    session.lastSeen = now
    body(&session)
    state.sessions[name] = session
    while state.sessions.count > max(1, limits.sessions), let least = Self.least(of: state, except: name) {
      state.sessions[least] = nil
    }
    var bytes = state.sessions.values.reduce(0) { $0 + $1.pictureBytes }
    while bytes > limits.pictureBytes / 2,
      let oldest = state.sessions.values.filter({ $0.pictureBytes > 0 && $0.name != name }).min(by: {
        $0.lastSeen < $1.lastSeen
      })
    {
      bytes -= oldest.pictureBytes
      state.sessions[oldest.name]?.dropPictures()
    }
  }

  private static func least(of state: State, except name: String) -> String? {
    state.sessions.values.lazy.filter { $0.name != name }.min {
      ($0.chunks > 0 ? 1 : 0, $0.lastSeen) < ($1.chunks > 0 ? 1 : 0, $1.lastSeen)
    }?.name
  }

  private func keepName(_ name: String, _ state: inout State) {
    guard state.names.insert(name).inserted, state.names.count > limits.names else { return }
    // Whoever is shown stays known; of the others half go, and are stopped anew if they come while everybody is stopped.
    let others = state.names.filter { state.sessions[$0] == nil && $0 != name }
    for other in others.prefix(max(1, others.count / 2)) { state.names.remove(other) }
  }

  // MARK: What is shown

  /// Those that are shown, those that got commands last first, and how many more are known.
  func watched() -> (sessions: [WatchedSession], others: Int, stopsNewcomers: Bool) {
    state.withLock { state in
      let sessions = state.sessions.values.sorted {
        ($0.chunks > 0 ? 0 : 1, $0.name) < ($1.chunks > 0 ? 0 : 1, $1.name)
      }
      return (sessions, state.names.count - sessions.count, state.stopsNewcomers)
    }
  }

  // MARK: Stopping everybody

  /// Whoever comes is stopped from now on.
  ///
  /// - Parameter wake: called when there is a newcomer, on the thread that serves robots.
  /// - Returns: everybody who is known, those that fly first.
  func stopEverybody(wake: @escaping @Sendable () -> Void) -> [String] {
    state.withLock { state in
      state.stopsNewcomers = true
      state.wake = wake
      let shown = state.sessions.values.sorted { $0.lastSeen > $1.lastSeen }.map(\.name)
      return shown + state.names.subtracting(shown)
    }
  }

  /// Those who came meanwhile, and have to be stopped.
  func takeNewcomers() -> [String] {
    state.withLock { state in
      defer { state.newcomers.removeAll() }
      return state.newcomers
    }
  }

  /// Whoever comes may begin again.
  func admitNewcomers() {
    state.withLock { $0.stopsNewcomers = false }
  }
}
