import Foundation
import ModelBenchmark
public import RobotInterface
public import RobotPolicy

/// How a policy stands to its robot and to the machine.
public enum PolicyChecks {
  /// How long the machine takes from pictures to commands.
  public struct Pace: Sendable, Hashable {
    /// Milliseconds.
    public var median: Double
    /// Milliseconds; the 99th percentile.
    public var p99: Double

    /// Collects the parts.
    public init(median: Double, p99: Double) {
      self.median = median
      self.p99 = p99
    }
  }

  /// The lines about what a policy asks of its robot, and what it watches.
  public static func findings(_ policy: Capabilities) -> [Finding] {
    let cameras = policy.cameras.map { "\($0.name) \($0.width)x\($0.height)" }.joined(separator: ", ")
    let measured = policy.proprioception.map { "\($0.name) (\($0.unit))" }.joined(separator: ", ")
    let rate = String(format: "%g", policy.controlRate)
    let mode = policy.actionMode?.rawValue ?? "no action mode", hold = policy.hold?.rawValue ?? "not said"
    var findings: [Finding] = [
      .ok("policy", "“\(policy.policyName)”, digest \(policy.policyDigest.prefix(12))…"),
      .ok("asks for", "cameras \(cameras.isEmpty ? "none" : cameras); state \(measured.isEmpty ? "none" : measured)"),
      .ok("commands", "\(mode), chunks of \(policy.chunkLength) at \(rate) Hz; without a fresh one: \(hold)"),
    ]
    if !policy.isUnlimited, policy.unlimitedDimensions.isEmpty { findings.append(.ok("limits", "declared")) }
    findings += policy.doubts.map { .warn($0.area, $0.text, $0.advice) }
    return findings
  }

  /// The line that holds the machine's pace against the policy's.
  ///
  /// - Parameter deadline: milliseconds after its observation within which an action may begin.
  public static func pace(_ pace: Pace, of policy: Capabilities, deadline: Double) -> Finding {
    let took = String(format: "%.1f ms from pictures to commands, %.1f at the 99th percentile", pace.median, pace.p99)
    if pace.p99 >= deadline {
      let text = took + String(format: ": after the deadline of %g ms", deadline)
      return .fail(
        "pace", text,
        "nearly every command would come too late: --weights int8, more processors, or a longer control.deadline_ms")
    }
    guard policy.actionMode != .pickAndPlace else { return .ok("pace", took) }
    let chunk = 1_000 * Double(policy.chunkLength) / policy.controlRate
    guard pace.p99 < chunk else {
      return .warn(
        "pace", took + String(format: "; a chunk lasts %.0f ms", chunk),
        "the arm waits between chunks: --weights int8, more processors, longer chunks or a lower control.rate_hz")
    }
    return .ok("pace", took + String(format: "; a chunk lasts %.0f ms, commands are valid for %g ms", chunk, deadline))
  }

  /// Measures the pace on invented pictures, for a few seconds.
  ///
  /// - Throws: what the policy throws.
  public static func measure(_ policy: UnifiedIOPolicy, _ specification: PolicySpecification) throws -> Pace? {
    func figures(_ steps: Int) throws -> Pace? {
      let result = try PolicyBenchmark(policy, specification: specification, steps: steps).run()
      return result.stages["whole"].map { Pace(median: $0.median, p99: $0.p99) }
    }
    let first = try figures(5)
    // Large models take seconds a step, and a few steps say enough of them.
    guard let first, first.median * 110 < 15_000 else { return first }
    return try figures(100)
  }
}
