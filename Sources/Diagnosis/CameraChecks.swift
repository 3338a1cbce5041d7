import Foundation
public import RobotInterface

/// What a recording's cameras and states mean.
public enum CameraChecks {
  /// Nanoseconds for which a picture may stay where the policy does not say it.
  private static let longestFreeze: UInt64 = 500_000_000

  /// The line where there is no recording: the protocol tells a client nothing of other clients' cameras.
  public static let unknown = Finding.warn(
    "cameras", "not known: a daemon tells nobody of others' cameras",
    "record for a while (--record FILE of serve, rollout or an arm) and name the file with --recording")

  /// The lines about each session of a recording.
  ///
  /// - Parameter policy: that the robots are to be flown with; `nil`: the one that they were flown with.
  public static func findings(_ log: CameraLog, policy: Capabilities?) -> [Finding] {
    let sessions = log.sessions.filter { $0.value.gaps.count + $0.value.ages.count > 0 }
    guard !sessions.isEmpty else {
      return [.warn("cameras", "the recording holds no observation", "record while a robot asks")]
    }
    return sessions.sorted { $0.key < $1.key }.flatMap { name, session in
      let expected = policy ?? session.capabilities
      return cameras(session, name, expected)
        + [state(session, name, expected), times(session, name, expected)]
        .compactMap(\.self) + refusals(session, name)
    }
  }

  private static func cameras(
    _ session: CameraLog.Session, _ name: String, _ expected: Capabilities?
  ) -> [Finding] {
    var findings: [Finding] = []
    for camera in expected?.cameras ?? [] where session.cameras[camera.name] == nil {
      findings.append(
        .fail(
          "cameras", "\(name) sends no “\(camera.name)”, which the policy asks for",
          "mount it, or give a camera that name"))
    }
    for (camera, seen) in session.cameras.sorted(by: { $0.key < $1.key }) {
      let text = "\(name)/\(camera): \(seen.width)x\(seen.height), \(seen.count) pictures"
      let wanted = expected?.cameras.first { $0.name == camera }
      if seen.longestFreeze > expected?.limits.frozenCameraTimeout ?? longestFreeze {
        findings.append(
          .fail(
            "cameras",
            text + String(format: ", frozen for %.1f s while the robot moved", Double(seen.longestFreeze) * 1e-9),
            "look at its cable, driver and exposure; the daemon refuses such pictures where policy.json says frozen_camera_ms"
          ))
      } else if seen.refusals > 0 {
        findings.append(
          .fail(
            "cameras", text + ", refused \(seen.refusals) time\(seen.refusals == 1 ? "" : "s") as frozen",
            "look at its cable, driver and exposure"))
      } else if wanted == nil, expected != nil {
        findings.append(.warn("cameras", text, "the policy does not ask for it: it costs time alone"))
      } else if let wanted, (seen.width, seen.height) != (wanted.width, wanted.height) {
        findings.append(
          .warn("cameras", text, "the policy was made with \(wanted.width)x\(wanted.height): set the camera to that"))
      } else {
        findings.append(.ok("cameras", text + ", never frozen"))
      }
    }
    return findings
  }

  private static func state(
    _ session: CameraLog.Session, _ name: String, _ expected: Capabilities?
  ) -> Finding? {
    guard let expected else { return nil }
    let count = expected.proprioception.count
    guard session.stateCount == count else {
      return .fail(
        "state", "\(name) sends \(session.stateCount) numbers, the policy asks for \(count)",
        "send \(expected.proprioception.map(\.name).joined(separator: ", ")), in this order")
    }
    guard session.outside.isEmpty else {
      return .fail(
        "state", "\(name) measures \(session.outside.sorted().joined(separator: ", ")) outside of the policy's range",
        "compare units and zero with policy.json; its tolerance says how far outside is accepted")
    }
    return .ok("state", "\(name): \(count) numbers in their ranges")
  }

  private static func times(
    _ session: CameraLog.Session, _ name: String, _ expected: Capabilities?
  ) -> Finding? {
    let ages = session.ages.sorted(), gaps = session.gaps.sorted()
    guard let oldest = ages.last, !gaps.isEmpty, gaps[gaps.count / 2] > 0 else { return nil }
    let rate = 1e9 / Double(gaps[gaps.count / 2])
    let text =
      "\(name): "
      + String(
        format: "%.1f observations a second, %.0f ms old when they leave, %.0f at most", rate,
        Double(ages[ages.count / 2]) * 1e-6, Double(oldest) * 1e-6)
    if let limit = expected?.limits.maximumObservationAge, oldest > limit {
      return .warn(
        "rate", text,
        "older than \(limit / 1_000_000) ms is refused: less exposure, fewer buffers in the driver, smaller pictures")
    }
    guard let expected, expected.actionMode != .pickAndPlace else { return .ok("rate", text) }
    let least = expected.controlRate / Double(max(1, expected.chunkLength))
    guard rate < 0.9 * least else { return .ok("rate", text) }
    return .warn("rate", text, String(format: "chunks run out: at least %.1f a second keep the arm moving", least))
  }

  private static func refusals(_ session: CameraLog.Session, _ name: String) -> [Finding] {
    guard !session.refusals.isEmpty else { return [] }
    let worst = session.refusals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(3)
    let text = worst.map { "\($0.value) times \($0.key)" }.joined(separator: "; ")
    return [.warn("refused", "\(name): \(text)", "docs/wire.md says what each code asks of the robot")]
  }
}
