public import CoreMetrics
import RobotInterface

/// What can be chosen about a daemon; the policy brings everything else.
public struct DaemonOptions: Sendable {
  /// Sessions whose episodes are remembered at once, at least 1. A further one is refused with `overloaded` unless an idle one can give
  /// its place away.
  public var maximumSessions = 64
  /// How long a session must have been silent, with nothing under way, before another may take its place. Its episode's memory is then
  /// forgotten; its owner, its stop and its last sequence number are not.
  public var sessionIdleTime: Duration = .seconds(1)
  /// How long the session of a robot with a simulated clock keeps its place after its last commands, whatever its clock says: they stay valid
  /// while that stands still, and the daemon cannot see it. Once it has given its place away, it gets no commands until its clock is past
  /// those.
  public var simulatedStandstill: Duration = .seconds(10)
  /// Sessions whose owner, stop and last sequence number are remembered, more than ``maximumSessions``; about 700 bytes each. Half of them are
  /// for sessions that nobody owns. Of the others the oldest idle one is forgotten first, then the oldest stopped one. Once a stop was
  /// forgotten every session that is not known begins stopped, until the operator resumes unknown sessions.
  public var maximumKnownSessions = 65_536
  /// Whoever sends this token may reset and resume any session; `nil`: only its owner may.
  public var operatorToken: SessionToken?
  /// Whether only who has proven to hold a key may say anything: requests of a ``Route`` without a ``Route/peer`` are refused, stops too.
  public var requiresKeys = false
  /// Observations of different sessions that the policy answers together, at least 1, when so many wait: the work is shared, but the
  /// first waits for the last. Nobody is waited for.
  public var maximumBatch = 8
  /// Bytes of one request; `nil`: what the policy declares, else what its cameras need.
  ///
  /// A policy whose model can be asked reads questions of at least ``smallestQuestionLimit`` bytes. A larger picture or sound in a question
  /// needs a larger limit.
  public var maximumMessageBytes: Int?
  /// How much memory the daemon may use before it ends.
  public var memory = MemoryLimit.unlimited
  /// Where the daemon counts (docs/operation.md lists what); nowhere unless chosen.
  public var metrics: any MetricsFactory = NOOPMetricsHandler.instance
  /// Sees every message on whichever wire; `nil`: nobody does.
  public var observer: (any MessageObserver)?

  /// Asked once a second, on a thread that no robot waits for: why the daemon must end, if it must. It then ends as it does when its address
  /// is gone.
  public var hindrance: (@Sendable () -> RobotError?)?

  /// The defaults of each property.
  public init() {}

  /// Bytes of a question that the policy of a robot reads at least, where its model can be asked.
  static let smallestQuestionLimit = 1 << 20
  /// Bytes for everything in an observation but its pictures: an instruction of 64 KiB, measured values, names.
  static let otherBytes = 128 << 10

  /// Bytes of one request to a policy, at most ``ProtocolLimits/maximumMessageBytes`` where nobody has chosen.
  package func messageLimit(of capabilities: Capabilities, canGenerate: Bool) -> UInt64 {
    if let chosen = maximumMessageBytes { return UInt64(clamping: max(1, chosen)) }
    if let declared = capabilities.limits.maximumMessageBytes { return declared }
    // Without cameras it is no robot's policy, and people ask with whatever they have.
    guard !capabilities.cameras.isEmpty else { return UInt64(ProtocolLimits.maximumMessageBytes) }
    // Uncompressed, and as much again for the images of a prompt.
    let side = 0...ProtocolLimits.maximumImageSide
    let pictures = capabilities.cameras.reduce(0) { $0 + $1.width.clamped(to: side) * $1.height.clamped(to: side) * 3 }
    let sound = capabilities.audio.map { audioBytes(of: $0) } ?? 0
    let bytes = max(2 * pictures + sound + Self.otherBytes, canGenerate ? Self.smallestQuestionLimit : 0)
    return UInt64(min(bytes, ProtocolLimits.maximumMessageBytes))
  }
}

/// Of the longest sound that a policy hears, uncompressed, as a microphone gives it: 24-bit stereo at 48 kHz.
private func audioBytes(of audio: Capabilities.Audio) -> Int {
  let seconds = min(max(audio.maximumDuration, 0), 3_600)
  return min(Int(seconds * 48_000) * 2 * 3, ProtocolLimits.maximumAudioBytes)
}

extension Int {
  fileprivate func clamped(to range: ClosedRange<Int>) -> Int {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
