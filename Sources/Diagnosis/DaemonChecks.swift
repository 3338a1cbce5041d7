public import AccessKeys
import Foundation
public import RobotInterface
public import RobotLink

/// What a running daemon says, and how long it takes to say it.
public enum DaemonChecks {
  /// What was heard of a daemon.
  public struct Facts: Sendable, Hashable {
    /// Whom it serves.
    public var capabilities: Capabilities
    /// Milliseconds from a greeting to its answer, in order of size.
    public var roundTrips: [Double]

    /// Collects the parts.
    public init(capabilities: Capabilities, roundTrips: [Double]) {
      self.capabilities = capabilities
      self.roundTrips = roundTrips.sorted()
    }
  }

  /// Greets a daemon a hundred times, under a session of its own that it gives up again.
  ///
  /// - Throws: ``ClientError``: it does not answer within `timeout`.
  public static func measure(
    _ endpoint: Endpoint, key: ClientKey? = nil, version: String, timeout: Duration = .seconds(5)
  ) throws(ClientError) -> Facts {
    let session = "doctor-\(UInt64.random(in: .min ... .max))"
    let client = try RobotClient(endpoint: endpoint, sessionID: session, key: key, timeout: timeout)
    var capabilities = try client.hello(clientName: "uio2 doctor", clientVersion: version)
    capabilities.sessionToken = []
    var trips: [Double] = []
    for _ in 0..<100 {
      let start = ContinuousClock.now
      _ = try client.hello(clientName: "uio2 doctor", clientVersion: version)
      let taken = start.duration(to: .now).components
      trips.append(Double(taken.seconds) * 1e3 + Double(taken.attoseconds) * 1e-15)
    }
    try client.release()
    return Facts(capabilities: capabilities, roundTrips: trips)
  }

  /// The lines about a daemon.
  ///
  /// - Parameters:
  ///   - version: of this program.
  ///   - digest: of the policy that it should serve; `nil`: any.
  public static func findings(_ facts: Facts, version: String, digest: String?) -> [Finding] {
    let found = facts.capabilities
    let says = "serves “\(found.policyName)”, digest \(found.policyDigest.prefix(12))…, version \(found.serverVersion)"
    var findings: [Finding] = []
    if let digest, digest != found.policyDigest {
      findings.append(
        .fail(
          "daemon", says,
          "it is not the policy of --policy (digest \(digest.prefix(12))…): serve that one, or name the served one"))
    } else if found.serverVersion != version {
      findings.append(
        .warn("daemon", says, "this program is version \(version): start the daemon again with the same one"))
    } else {
      findings.append(.ok("daemon", says))
    }
    if let trips = roundTrip(facts) { findings.append(trips) }
    return findings
  }

  private static func roundTrip(_ facts: Facts) -> Finding? {
    guard let longest = facts.roundTrips.last else { return nil }
    let middle = facts.roundTrips[facts.roundTrips.count / 2]
    let p99 = facts.roundTrips[max(0, (facts.roundTrips.count * 99 + 99) / 100 - 1)]
    let text = String(format: "%.2f ms, %.2f at the 99th percentile, %.2f at most", middle, p99, longest)
    let step = facts.capabilities.controlRate > 0 ? 1_000 / facts.capabilities.controlRate : 50
    guard p99 > step / 2 else { return .ok("round trip", text) }
    return .warn(
      "round trip", text,
      String(
        format: "that is much of a control step (%.0f ms): a wired or local connection, and fewer other programs", step)
    )
  }

  /// The line in place of those about a daemon that does not answer.
  public static func failure(_ error: ClientError, at endpoint: Endpoint) -> Finding {
    if case .notAdmitted = error {
      return .fail("daemon", "\(endpoint): \(error.description)", "name a key of its folder with --key (uio2 keys)")
    }
    return .fail(
      "daemon", "\(endpoint): \(error.description)",
      "is it there? uio2 serve --bind \(endpoint) starts one; see its log")
  }
}
