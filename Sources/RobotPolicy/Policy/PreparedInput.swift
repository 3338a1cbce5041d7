public import RobotInterface
public import UnifiedIO

/// What a policy made of a request before the request's turn came. Only the policy that made it looks into it.
public struct PreparedInput: Sendable {
  /// The policy's own.
  public let content: any Sendable
  /// How long each stage of the preparation took.
  public let timings: StageTimings

  /// Wraps what a policy made.
  public init(_ content: some Sendable, timings: StageTimings = StageTimings()) {
    self.content = content
    self.timings = timings
  }
}

/// A policy that can decode an observation's pictures beside its own work.
///
/// Decoding is what outsiders can make expensive, so the daemon has it done on other threads: a picture that takes long keeps its own
/// robot waiting, not the others.
public protocol PreparingPolicy: ObservationPolicy {
  /// Decodes what the observation shows, as far as that needs no weights and no memory of the episode.
  ///
  /// It is called from several threads, also while ``ObservationPolicy/act(on:)`` runs. What cannot be read is no error here: the
  /// result says so to `act`, which refuses the step in its turn.
  ///
  /// - Parameter cancellation: ends the work early; the result is then not used.
  /// - Returns: goes into ``PolicyStep/prepared``.
  func prepare(_ observation: Observation, cancellation: Cancellation) -> PreparedInput
}

extension StageTimings {
  /// Adds every stage of `other`.
  mutating func add(_ other: StageTimings) {
    for (stage, duration) in other.durations { self[stage] += duration }
  }
}
