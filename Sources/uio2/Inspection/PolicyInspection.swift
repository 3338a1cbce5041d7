import Foundation
import RobotInterface
import RobotPolicy
import Reporting

/// A policy as its robots see it; property names are the keys of `uio2 inspect --json`.
struct PolicyInspection: Encodable {
  struct Camera: Encodable {
    var name: String
    var input: String
    var width: Int
    var height: Int
    var vertical_field_of_view_degrees: Double?
  }

  struct Audio: Encodable {
    var name: String
    var maximum_duration_s: Double
    var replaces_instruction: Bool
  }

  struct Quantity: Encodable {
    var name: String
    var unit: String
    var minimum: Double
    var maximum: Double
    var tolerance: Double?
  }

  struct DimensionLimits: Encodable {
    var name: String
    var position: [Double]?
    var maximum_rate_per_s: Double?
    var maximum_jump: Double?
  }

  struct Limits: Encodable {
    var workspace_minimum: [Double]?
    var workspace_maximum: [Double]?
    var maximum_speed_m_per_s: Double?
    var maximum_rotation_rate_rad_per_s: Double?
    var maximum_jump_m: Double?
    var maximum_observation_age_ms: Double?
    var frozen_camera_ms: Double?
    var dimensions: [DimensionLimits]
  }

  var name: String
  var description: String?
  var digest: String
  var prompt: String
  /// `nil`: free text.
  var instructions: [String]?
  var cameras: [Camera]
  /// `nil`: it hears nothing.
  var audio: Audio?
  var proprioception: [Quantity]
  var actions: [Quantity]
  var action_frame: String
  var action_mode: String
  var chunk_length: Int
  var control_rate_hz: Double
  var hold: String
  /// Whether the policy declares no limits, on purpose.
  var unlimited: Bool
  var limits: Limits

  init(_ bundle: PolicyBundle, version: String) {
    let capabilities = bundle.capabilities(serverVersion: version)
    name = capabilities.policyName
    description = bundle.specification.description
    digest = capabilities.policyDigest
    prompt = bundle.specification.prompt.template
    instructions = capabilities.instructions.isEmpty ? nil : capabilities.instructions
    cameras = capabilities.cameras.map {
      Camera(
        name: $0.name, input: $0.input.rawValue, width: $0.width, height: $0.height,
        vertical_field_of_view_degrees: $0.verticalFieldOfView)
    }
    audio = capabilities.audio.map {
      Audio(name: $0.name, maximum_duration_s: $0.maximumDuration, replaces_instruction: $0.replacesInstruction)
    }
    proprioception = capabilities.proprioception.map { Quantity($0, tolerance: $0.tolerance) }
    actions = capabilities.actions.map { Quantity($0) }
    action_frame = capabilities.actionFrame
    action_mode = capabilities.actionMode?.rawValue ?? ""
    chunk_length = capabilities.chunkLength
    control_rate_hz = capabilities.controlRate
    hold = capabilities.hold?.rawValue ?? ""
    unlimited = capabilities.isUnlimited
    let limits = capabilities.limits
    self.limits = Limits(
      workspace_minimum: limits.workspaceMinimum, workspace_maximum: limits.workspaceMaximum,
      maximum_speed_m_per_s: limits.maximumSpeed, maximum_rotation_rate_rad_per_s: limits.maximumRotationRate,
      maximum_jump_m: limits.maximumJump,
      maximum_observation_age_ms: limits.maximumObservationAge.map { Double($0) / 1e6 },
      frozen_camera_ms: limits.frozenCameraTimeout.map { Double($0) / 1e6 },
      dimensions: limits.dimensions.map { limits in
        DimensionLimits(
          name: limits.name, position: limits.position.map { [$0.lowerBound, $0.upperBound] },
          maximum_rate_per_s: limits.maximumRate, maximum_jump: limits.maximumJump)
      })
  }
}

extension PolicyInspection.Quantity {
  fileprivate init(_ quantity: Capabilities.Quantity, tolerance: Double? = nil) {
    self.init(
      name: quantity.name, unit: quantity.unit, minimum: quantity.minimum, maximum: quantity.maximum,
      tolerance: tolerance)
  }
}

extension PolicyInspection {
  /// For people.
  var text: String {
    var facts = [("policy", name)]
    if let description { facts.append(("", description)) }
    facts += [("digest", digest), ("prompt", prompt)]
    for (index, sentence) in (instructions ?? ["any sentence"]).enumerated() {
      facts.append((index == 0 ? "instructions" : "", sentence))
    }
    for camera in cameras {
      let view = camera.vertical_field_of_view_degrees.map { ", field of view \(Amount.plain($0))°" } ?? ""
      facts.append(("camera", "\(camera.name), \(camera.width) × \(camera.height)\(view), as \(camera.input)"))
    }
    if let audio {
      let place = audio.replaces_instruction ? "instead of words" : "beside words"
      facts.append(("hears", "\(audio.name), up to \(Amount.plain(audio.maximum_duration_s)) s, \(place)"))
    }
    let rate = Amount.plain(control_rate_hz)
    facts.append(("actions", "\(action_mode) in the \(action_frame) frame, \(chunk_length) a chunk at \(rate) Hz"))
    facts.append(("hold", "\(hold), without a fresh command"))
    facts += limitFacts
    var table = TextTable(
      header: ["quantity", "", "unit", "from", "to", "tolerance"],
      alignment: [.left, .left, .left, .right, .right, .right])
    for (kind, quantities) in [("measured", proprioception), ("commanded", actions)] {
      for quantity in quantities {
        table.append([
          quantity.name, kind, quantity.unit, Amount.plain(quantity.minimum), Amount.plain(quantity.maximum),
          quantity.tolerance.map(Amount.plain) ?? "",
        ])
      }
    }
    return Facts.text(facts) + "\n\n" + table.text
  }

  private var limitFacts: [(String, String)] {
    var facts: [(String, String)] = unlimited ? [("limits", "none, on purpose")] : []
    if let low = limits.workspace_minimum, let high = limits.workspace_maximum {
      let box = zip(low, high).map { "\(Amount.plain($0))…\(Amount.plain($1))" }.joined(separator: " × ")
      facts.append(("workspace", box + " m"))
    }
    func add(_ name: String, _ value: Double?, _ unit: String) {
      if let value { facts.append((name, "\(Amount.plain(value)) \(unit)")) }
    }
    add("speed", limits.maximum_speed_m_per_s, "m/s")
    add("rotation", limits.maximum_rotation_rate_rad_per_s, "rad/s")
    add("jump", limits.maximum_jump_m, "m")
    for dimension in limits.dimensions { facts.append((dimension.name, text(of: dimension))) }
    add("observation age", limits.maximum_observation_age_ms, "ms")
    add("frozen camera", limits.frozen_camera_ms, "ms")
    return facts
  }

  /// The limits of one dimension, in its unit.
  private func text(of limits: DimensionLimits) -> String {
    let unit = actions.first { $0.name == limits.name }?.unit ?? ""
    var parts: [String] = []
    if let position = limits.position { parts.append("\(position.map(Amount.plain).joined(separator: "…")) \(unit)") }
    if let rate = limits.maximum_rate_per_s { parts.append("rate \(Amount.plain(rate)) \(unit)/s") }
    if let jump = limits.maximum_jump { parts.append("jump \(Amount.plain(jump)) \(unit)") }
    return parts.joined(separator: ", ")
  }
}
