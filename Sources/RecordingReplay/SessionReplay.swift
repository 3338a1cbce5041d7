import ControlDaemon
import RobotInterface
import RobotPolicy

/// One session of a recording, played through a policy by the daemon's own rules and at the recorded times.
///
/// Whether an observation reached the policy, and before which other request, is told from the recording: by its answer.
struct SessionReplay {
  private let policy: any ObservationPolicy
  private var core: ControlCore
  /// An observation that the policy answered, before it has.
  private var waiting: UInt64?
  private var running: Outcome?
  private var replies: [UInt64: [ReplyMessage]] = [:]

  /// The one connection there is.
  private static let route = Route(connection: [])

  /// - Parameters:
  ///   - operatorToken: what stands for it in the recording; empty: there was none.
  ///   - time: nanoseconds on the recorded daemon's clock.
  init(_ policy: any ObservationPolicy, operatorToken: [UInt8], at time: UInt64) {
    self.policy = policy
    var options = DaemonOptions()
    options.operatorToken = SessionToken(chosen: operatorToken)
    core = ControlCore(capabilities: policy.capabilities, canGenerate: false, options: options)
    core.becomeReady(at: time)
  }

  /// Takes in a recorded request.
  ///
  /// - Parameter reachesPolicy: whether the recorded answer is one of the policy's.
  mutating func receive(_ request: RequestMessage, reachesPolicy: Bool, at time: UInt64) {
    // In the recording the policy had begun, or this request would have displaced it.
    if waiting != nil, running == nil { start(at: time) }
    core.receive(request, from: Self.route, at: time)
    if reachesPolicy { waiting = request.requestID }
    collect(at: time)
  }

  /// The answer to a request, as it leaves now; `nil`: there is none.
  mutating func reply(to requestID: UInt64, at time: UInt64) -> ReplyMessage? {
    if waiting == requestID, running == nil { start(at: time) }
    if let outcome = running.take() { core.finish(outcome, at: time) }
    collect(at: time)
    guard var found = replies[requestID], !found.isEmpty else { return nil }
    let reply = found.removeFirst()
    replies[requestID] = found.isEmpty ? nil : found
    return reply
  }

  private mutating func start(at time: UInt64) {
    waiting = nil
    guard let job = core.nextJob(at: time), case .act(var steps) = job.work else { return }
    let results = policy.act(on: &steps)
    running = Outcome(
      jobID: job.id, answer: .acted(zip(steps, results).map { .init(result: $1, context: $0.context) }))
  }

  private mutating func collect(at time: UInt64) {
    while let outgoing = core.nextReply(at: time) {
      replies[outgoing.reply.requestID, default: []].append(outgoing.reply)
    }
    _ = core.takeEvents()
  }
}
