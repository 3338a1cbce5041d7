import Diagnosis
import RobotInterface
import Testing

/// A policy against the machine, and a daemon against a policy.
@Suite struct PolicyAndDaemonChecksTests {
  static var capabilities: Capabilities {
    var limits = Capabilities.Limits()
    limits.maximumObservationAge = 200_000_000
    limits.frozenCameraTimeout = 500_000_000
    return Capabilities(
      policyName: "toy", policyDigest: "abc", serverVersion: "1",
      cameras: [.init(name: "front", width: 8, height: 8, verticalFieldOfView: nil, input: .image)],
      proprioception: [.init(name: "x", unit: "m", minimum: -1, maximum: 1, tolerance: 0.1)],
      actions: [.init(name: "dx", unit: "m", minimum: -1, maximum: 1)], actionFrame: "base", actionMode: .delta,
      hold: .zero, chunkLength: 2, controlRate: 10, limits: limits)
  }

  @Test func `the pace is held against deadline and chunk`() {
    func level(_ p99: Double, deadline: Double = 300) -> Finding.Level {
      PolicyChecks.pace(.init(median: p99 / 2, p99: p99), of: Self.capabilities, deadline: deadline).level
    }
    #expect(level(50) == .ok)
    // Two commands at 10 Hz last 200 ms.
    #expect(level(220) == .warn)
    #expect(level(320) == .fail)
    var sentences = Self.capabilities
    sentences.actionMode = .pickAndPlace
    #expect(PolicyChecks.pace(.init(median: 1, p99: 250), of: sentences, deadline: 300).level == .ok)
  }

  @Test func `what a policy leaves open is a warning`() {
    func warned(_ change: (inout Capabilities) -> Void) -> [String] {
      var policy = Self.capabilities
      change(&policy)
      return PolicyChecks.findings(policy).filter { $0.level != .ok }.map(\.area)
    }
    #expect(warned { _ in } == [])
    #expect(warned { $0.isUnlimited = true } == ["limits"])
    #expect(warned { $0.unlimitedDimensions = ["dx"] } == ["limits"])
    #expect(warned { $0.limits.maximumObservationAge = nil } == ["age"])
    #expect(warned { $0.limits.frozenCameraTimeout = nil } == ["frozen"])
    #expect(warned { $0.controlRate = 0.001 } == ["rate"])
    #expect(warned { $0.controlRate = 5_000 } == ["rate"])
    #expect(warned { $0.limits.maximumObservationAge = 3_600_000_000_000 } == ["age"])
    #expect(warned { $0.deadline = 200_000_000 } == [])
    #expect(warned { $0.deadline = 20_000_000 } == ["deadline"], "one command lasts 100 ms")
    #expect(warned { $0.deadline = 3_600_000_000_000 } == ["deadline"])
    // Whoever is told what to pick and where to place it moves by itself.
    #expect(
      warned { ($0.actionMode, $0.controlRate, $0.limits.maximumObservationAge) = (.pickAndPlace, 0.05, nil) } == [])
  }

  @Test func `a daemon is to serve the policy that is meant`() {
    let facts = DaemonChecks.Facts(capabilities: Self.capabilities, roundTrips: [0.3, 0.2, 0.4])
    func level(_ digest: String?, version: String = "1") -> Finding.Level? {
      DaemonChecks.findings(facts, version: version, digest: digest).first { $0.area == "daemon" }?.level
    }
    #expect(level("abc") == .ok && level(nil) == .ok)
    #expect(level("xyz") == .fail)
    #expect(level("abc", version: "2") == .warn)
  }

  @Test func `a round trip is held against the control step`() {
    func level(_ trips: [Double]) -> Finding.Level? {
      DaemonChecks.findings(.init(capabilities: Self.capabilities, roundTrips: trips), version: "1", digest: nil)
        .first { $0.area == "round trip" }?.level
    }
    #expect(level([0.2, 0.3, 4]) == .ok)
    // A step takes 100 ms.
    #expect(level([0.2, 0.3, 80]) == .warn)
  }
}
