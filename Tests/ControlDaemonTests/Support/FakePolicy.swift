import Dispatch
import RobotInterface
import RobotPolicy
import Synchronization

/// A policy without a model, which a test can hold in the middle of a step.
final class FakePolicy: ObservationPolicy {
  let capabilities: Capabilities
  /// Each signal lets one held step end.
  let release = DispatchSemaphore(value: 0)

  private let entered = DispatchSemaphore(value: 0)
  private let isHeld = Atomic(false)
  private let answer = Mutex<(@Sendable (Observation) throws(RobotError) -> ActionChunk)?>(nil)
  private let warmUpResult: @Sendable () throws(RobotError) -> Void
  private let log = Mutex<[Observation]>([])

  init(
    digest: String = "00", maximumAge: UInt64? = nil, maximumMessageBytes: UInt64? = nil, isUnlimited: Bool = false,
    unlimitedDimensions: [String] = [],
    warmUp: @escaping @Sendable () throws(RobotError) -> Void = {}
  ) {
    var limits = Capabilities.Limits()
    limits.maximumObservationAge = maximumAge
    limits.maximumMessageBytes = maximumMessageBytes
    capabilities = Capabilities(
      policyName: "fake", policyDigest: digest, serverVersion: "test",
      cameras: [.init(name: "front", width: 256, height: 256, verticalFieldOfView: nil, input: .image)],
      proprioception: ["x", "y"].map { .init(name: $0, unit: "m", minimum: -1, maximum: 1) },
      actions: [.init(name: "dx", unit: "m", minimum: -1, maximum: 1)], actionFrame: "base", actionMode: .delta,
      hold: .zero, chunkLength: 2, controlRate: 10, limits: limits, isUnlimited: isUnlimited,
      unlimitedDimensions: unlimitedDimensions)
    warmUpResult = warmUp
  }

  /// The observations that were worked on, in order.
  var seen: [Observation] { log.withLock { $0 } }

  /// Whether every step waits for ``release``.
  func hold(_ isHeld: Bool) { self.isHeld.store(isHeld, ordering: .sequentiallyConsistent) }

  /// Waits until a step has begun and is held.
  func isInStep() -> Bool { entered.wait(timeout: .now() + 20) == .success }

  /// Replaces the usual answer.
  func answer(_ answer: @escaping @Sendable (Observation) throws(RobotError) -> ActionChunk) {
    self.answer.withLock { $0 = answer }
  }

  func warmUp() throws(RobotError) { try warmUpResult() }

  func act(on observation: Observation, context: inout EpisodeContext) throws(RobotError) -> ActionChunk {
    log.withLock { $0.append(observation) }
    if isHeld.load(ordering: .sequentiallyConsistent) {
      entered.signal()
      release.wait()
    }
    if let answer = answer.withLock({ $0 }) { return try answer(observation) }
    guard observation.proprioception.count == 2 else {
      throw RobotError(.invalidProprioception, "observation.proprioception", "expected 2 numbers")
    }
    return Self.chunk(for: observation)
  }

  /// One small movement, limited in range.
  static func chunk(for observation: Observation, validFor validity: UInt64 = 1_000_000_000) -> ActionChunk {
    var timings = StageTimings()
    timings[.encode] = 1_000_000
    return ActionChunk(
      observationSequence: observation.sequence, capturedAt: observation.capturedAt,
      validUntil: observation.capturedAt &+ validity, actions: [Action(values: [0.5], limited: .range)],
      tokens: [4, 1],
      text: "4", confidence: 0.75, timings: timings)
  }
}
