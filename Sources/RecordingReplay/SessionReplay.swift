import ControlDaemon
import RobotInterface
import RobotPolicy

/// One session of a recording, played through a policy by the daemon's own rules and at the recorded times.
///
/// Whether an observation reached the policy is told from the recording, by its answer. How far it had come when something else happened is
/// not recorded. So it goes on where something tells that it had: its answer left, or a newer observation came and did not displace it. What
/// an observation was to the policy hangs on the times at which messages came and left, and on nothing in between.
struct SessionReplay {
  /// An observation that reached the policy.
  private struct Answered {
    var id: UInt64
    var arrivedAt: UInt64
    /// What was recorded as its answer, if that is one.
    var error: RobotError?

    /// When it went on at the latest. That it was too old is found out again at the time at which it was said.
    func time(before now: UInt64) -> UInt64 { error?.code == .staleObservation ? now : arrivedAt }
  }

  private let policy: any ObservationPolicy
  private var core: ControlCore
  // Where observations that the policy answered have come to: one each, as in the daemon.
  private var undecoded: Answered?
  private var decoding: (request: Answered, order: UInt64)?
  private var decoded: Answered?
  private var acting: (request: Answered, outcome: Outcome)?

  /// The one connection there is.
  private static let route = Route(connection: [])

  /// - Parameters:
  ///   - operatorToken: what stands for it in the recording; empty: there was none.
  ///   - time: nanoseconds on the recorded daemon's clock.
  init(_ policy: any ObservationPolicy, operatorToken: [UInt8], at time: UInt64) {
    self.policy = policy
    var options = DaemonOptions()
    options.operatorToken = SessionToken(chosen: operatorToken)
    // Who had to wait for its pace has waited.
    core = ControlCore(
      capabilities: policy.capabilities, canGenerate: false, decodesAhead: true, holdsBack: false, options: options)
    core.becomeReady(at: time)
  }

  /// Takes in a recorded request, under a number that no other of the session has.
  ///
  /// - Parameters:
  ///   - reachesPolicy: whether the recorded answer is one of the policy's.
  ///   - error: that answer, if it is one.
  mutating func receive(_ request: RequestMessage, reachesPolicy: Bool, error: RobotError?, at time: UInt64) {
    switch request.body {
    // It would displace what waits.
    case .observation: decode(at: time)
    // What the policy answered, it had answered before.
    case .stop, .reset, .release: for answered in underWay { finish(answered.id, at: time) }
    default: break
    }
    core.receive(request, from: Self.route, at: time)
    _ = core.takeEvents()
    if reachesPolicy, core.hasUndecoded(request.requestID, of: request.sessionID) {
      undecoded = Answered(id: request.requestID, arrivedAt: time, error: error)
    }
  }

  /// The answer to a request, as it leaves now; `nil`: there is none.
  mutating func reply(to requestID: UInt64, at time: UInt64) -> ReplyMessage? {
    defer { _ = core.takeEvents() }
    if let older = underWay.first(where: { $0.id == requestID }), older.error?.code == .staleObservation {
      // Where commands do not leave, what was made after them is refused in the same words.
      for newer in underWay.drop(while: { $0.id != requestID }).dropFirst() {
        guard newer.error == older.error else { break }
        begin(newer.id, at: older.arrivedAt)
      }
    }
    finish(requestID, at: time)
    return core.takeReply(to: requestID, at: time)?.reply
  }

  // MARK: Steps

  /// The oldest first.
  private var underWay: [Answered] {
    [acting?.request, decoded, decoding?.request, undecoded].compactMap(\.self)
  }

  /// Brings an observation as far as its answer.
  private mutating func finish(_ id: UInt64, at time: UInt64) {
    begin(id, at: time)
    if acting?.request.id == id { finishStep(at: time) }
  }

  /// Brings an observation to the policy.
  private mutating func begin(_ id: UInt64, at time: UInt64) {
    if undecoded?.id == id { decode(at: time) }
    if decoding?.request.id == id { finishDecoding(at: time) }
    if decoded?.id == id { act(at: time) }
  }

  /// Goes on with the observation that waits to be decoded, and with whatever is in its way.
  private mutating func decode(at time: UInt64) {
    guard let request = undecoded.take() else { return }
    finishDecoding(at: time)
    if let order = core.nextDecoding(at: request.time(before: time)) { decoding = (request, order.id) }
  }

  private mutating func finishDecoding(at time: UInt64) {
    guard let (request, order) = decoding.take() else { return }
    act(at: time)
    // The policy reads the pictures itself, as it does where nothing was decoded ahead.
    core.finishDecoding(
      order, .failure(RobotError(.internal, "replay", "nothing is decoded ahead")), at: request.time(before: time))
    decoded = request
  }

  private mutating func act(at time: UInt64) {
    guard let request = decoded.take() else { return }
    finishStep(at: time)
    guard let job = core.nextJob(at: request.time(before: time)), case .act(var steps) = job.work else { return }
    let results = policy.act(on: &steps)
    let outcome = Outcome(
      jobID: job.id, answer: .acted(zip(steps, results).map { .init(result: $1, context: $0.context) }))
    acting = (request, outcome)
  }

  private mutating func finishStep(at time: UInt64) {
    guard let (_, outcome) = acting.take() else { return }
    core.finish(outcome, at: time)
  }
}
