/// Something that a policy says, or leaves open, and that is hardly meant for a robot.
public struct PolicyDoubt: Sendable, Hashable {
  /// What it is about, in a word or two.
  public var area: String
  /// What was found.
  public var text: String
  /// What to do about it.
  public var advice: String
}

extension Capabilities {
  /// Control rates that robots have, Hz.
  static let usualRates = 0.1...1_000
  /// Nanoseconds: what a robot in motion does not outlast.
  static let longestAge: UInt64 = 10_000_000_000

  /// What is to be said about the policy before a robot is flown with it. A policy that only says what to pick and place leaves motion, and so
  /// time, to its robot.
  public var doubts: [PolicyDoubt] {
    var doubts: [PolicyDoubt] = []
    func add(_ area: String, _ text: String, _ advice: String) {
      doubts.append(PolicyDoubt(area: area, text: text, advice: advice))
    }
    if isUnlimited {
      add(
        "limits", "the policy declares no limits: nothing but the range of its actions bounds a robot",
        "say limits in policy.json before a real arm moves")
    } else if !unlimitedDimensions.isEmpty {
      add(
        "limits",
        "the policy declares no limits for \(unlimitedDimensions.joined(separator: ", ")): nothing but their range bounds them",
        "say limits of these in policy.json before a real arm moves")
    }
    if !cameras.isEmpty, limits.frozenCameraTimeout == nil {
      add("frozen", "frozen cameras are not noticed", "say control.frozen_camera_ms in policy.json")
    }
    guard actionMode != .pickAndPlace, !actions.isEmpty else { return doubts }
    let milliseconds = 1e-6
    if !Self.usualRates.contains(controlRate) {
      add(
        "rate",
        "\(controlRate.short) commands a second are hardly meant: a chunk lasts \((Double(chunkLength) / controlRate).short) s",
        "say in control.rate_hz how often the robot executes one command, in Hz")
    }
    switch limits.maximumObservationAge {
    case nil:
      add("age", "observations of any age are answered", "say control.maximum_observation_age_ms in policy.json")
    case .some(let age) where age > Self.longestAge:
      add(
        "age", "observations of \((Double(age) * 1e-9).short) s are still answered",
        "say in control.maximum_observation_age_ms how old they may be, in milliseconds")
    default: break
    }
    guard let deadline else { return doubts }
    if Double(deadline) * 1e-9 * controlRate < 1 {
      add(
        "deadline",
        "commands are valid for \((Double(deadline) * milliseconds).short) ms, which is less than one lasts at \(controlRate.short) Hz",
        "a longer control.deadline_ms, or a higher control.rate_hz")
    } else if deadline > Self.longestAge {
      add(
        "deadline", "commands may still begin \((Double(deadline) * 1e-9).short) s after their observation",
        "say in control.deadline_ms how long they are worth executing, in milliseconds")
    }
    return doubts
  }
}

extension Double {
  /// As people would write it: three digits, without zeros at the end.
  fileprivate var short: String {
    guard isFinite, self != 0 else { return "\(self)" }
    var scale = 1.0
    while abs(self) * scale < 100, scale < 1e9 { scale *= 10 }
    let rounded = (self * scale).rounded() / scale
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
  }
}
