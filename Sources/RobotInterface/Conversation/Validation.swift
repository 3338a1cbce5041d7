// What must hold for every message in both directions. What depends on the policy (which cameras, how many numbers) is
// the policy's to check.

extension RequestMessage {
  /// Checks sizes, ranges and numbers.
  ///
  /// - Throws: ``RobotError`` with the code of the field at fault.
  public func validate() throws(RobotError) {
    try validateSession(sessionID, allowsEmpty: false)
    try validateToken(sessionToken, "session_token")
    switch body {
    case .hello(let name, let version, _):
      try validateText(name, "hello.client_name")
      try validateText(version, "hello.client_version")
    case .observation(let observation): try observation.validate()
    case .reset, .resume, .resumeUnknown, .release, .cancel: break
    case .stop(let reason): try validateText(reason, "stop.reason")
    case .generate(let generation): try generation.validate()
    }
  }
}

extension ReplyMessage {
  /// Checks sizes, ranges and numbers.
  ///
  /// - Throws: ``RobotError`` with the code of the field at fault.
  public func validate() throws(RobotError) {
    // A request whose session could not be read is answered without one.
    try validateSession(sessionID, allowsEmpty: true)
    switch body {
    case .capabilities(let capabilities): try capabilities.validate()
    case .actionChunk(let chunk): try chunk.validate()
    case .acknowledgement: break
    case .generation(let generation): try generation.validate()
    case .progress(let progress): try progress.validate()
    case .error(let error):
      try validateText(error.message, "error.message", maximum: ProtocolLimits.maximumTextBytes)
      try validateText(error.subject, "error.field")
    }
  }
}

extension Observation {
  fileprivate func validate() throws(RobotError) {
    guard sentAt >= capturedAt else {
      throw RobotError(
        .malformed, "observation.sent_at", "\(sentAt) lies before captured_at \(capturedAt); both are the robot's clock"
      )
    }
    try validateFrames(frames, "observation.frames")
    for (index, frame) in frames.enumerated() {
      guard let capturedAt = frame.capturedAt else { continue }
      guard capturedAt > 0, capturedAt <= sentAt else {
        throw RobotError(
          .malformed, "observation.frames[\(index)].captured_at",
          "\(capturedAt) is not in 1...\(sentAt), which is sent_at; both are the robot's clock")
      }
    }
    try validatePrompt()
    try validateCount(proprioception.count, "observation.proprioception", maximum: ProtocolLimits.maximumQuantities)
    for (index, value) in proprioception.enumerated() where !value.isFinite {
      throw RobotError(
        .invalidProprioception, "observation.proprioception[\(index)]", "\(value) is not a finite number")
    }
    try validateText(
      instruction, "observation.instruction", maximum: Self.maximumInstructionBytes, code: .invalidInstruction)
    try audio?.checkForm("observation.audio")
    guard UInt32(exactly: actionsConsumed) != nil else {
      throw RobotError(.malformed, "observation.actions_consumed", "\(actionsConsumed) is not a count")
    }
  }

  private func validatePrompt() throws(RobotError) {
    try validateCount(promptParts.count, "observation.prompt", maximum: ProtocolLimits.maximumPromptParts)
    try checkInstructionSize()
    try validateFrames(promptImages, "observation.prompt")
    for case .text(let text) in promptParts {
      try validateText(
        text, "observation.prompt", maximum: Self.maximumInstructionBytes, code: .invalidInstruction)
    }
  }
}

extension ActionChunk {
  fileprivate func validate() throws(RobotError) {
    try validateCount(actions.count, "action_chunk.actions", maximum: ProtocolLimits.maximumActions)
    try validateCount(tokens.count, "action_chunk.tokens", maximum: ProtocolLimits.maximumTokens)
    try validateText(text, "action_chunk.text", maximum: ProtocolLimits.maximumTextBytes)
    try validateText(policyDigest, "action_chunk.policy_digest")
    guard confidence >= 0, confidence <= 1 else {
      throw RobotError(.invalidAction, "action_chunk.confidence", "\(confidence) is not in 0...1")
    }
    for (index, action) in actions.enumerated() {
      let subject = "action_chunk.actions[\(index)]"
      try validateCount(action.values.count, "\(subject).values", maximum: ProtocolLimits.maximumQuantities)
      try validateText(action.primitive, "\(subject).primitive")
      guard action.limited.isSubset(of: .all) else {
        throw RobotError(.malformed, "\(subject).limited", "\(action.limited.rawValue) has bits of no LimitFlag")
      }
      for (component, value) in action.values.enumerated() where !value.isFinite {
        throw RobotError(.invalidAction, "\(subject).values[\(component)]", "\(value) is not a finite number")
      }
    }
  }
}

extension LimitFlags {
  /// Every flag that the wire knows.
  fileprivate static let all = LimitFlags(single)
}

extension Capabilities {
  fileprivate func validate() throws(RobotError) {
    try validateText(policyName, "capabilities.policy_name")
    try validateText(policyDigest, "capabilities.policy_digest")
    try validateText(serverVersion, "capabilities.server_version")
    try validateText(actionFrame, "capabilities.action_frame")
    if let actionMode {
      try validateText(actionMode.rawValue, "capabilities.action_mode")
      guard !actionMode.rawValue.isEmpty else {
        throw RobotError(.malformed, "capabilities.action_mode", "a mode has a name; leave it out where there is none")
      }
    }
    try validateCount(cameras.count, "capabilities.cameras", maximum: ProtocolLimits.maximumFrames)
    for (index, camera) in cameras.enumerated() {
      let subject = "capabilities.cameras[\(index)]"
      try validateText(camera.name, "\(subject).name")
      try validateSide(camera.width, "\(subject).width", code: .malformed)
      try validateSide(camera.height, "\(subject).height", code: .malformed)
      try validatePositive(camera.verticalFieldOfView, "\(subject).vertical_field_of_view")
    }
    try validateQuantities(proprioception, "capabilities.proprioception")
    try validateQuantities(actions, "capabilities.actions")
    guard (0...ProtocolLimits.maximumActions).contains(chunkLength) else {
      throw RobotError(
        .malformed, "capabilities.chunk_length", "\(chunkLength) is not in 0...\(ProtocolLimits.maximumActions)")
    }
    guard controlRate.isFinite, controlRate >= 0 else {
      throw RobotError(.malformed, "capabilities.control_rate", "\(controlRate) is not a rate")
    }
    for (corner, subject) in [
      (limits.workspaceMinimum, "workspace_minimum"), (limits.workspaceMaximum, "workspace_maximum"),
    ] {
      guard corner.map({ $0.count == 3 && $0.allSatisfy(\.isFinite) }) ?? true else {
        throw RobotError(.malformed, "capabilities.limits.\(subject)", "a corner is three finite numbers")
      }
    }
    try validatePositive(limits.maximumSpeed, "capabilities.limits.maximum_speed")
    try validatePositive(limits.maximumRotationRate, "capabilities.limits.maximum_rotation_rate")
    try validatePositive(limits.maximumJump, "capabilities.limits.maximum_jump")
    try validateDimensionLimits()
    try validateToken(sessionToken, "capabilities.session_token")
    if let audio {
      try validateText(audio.name, "capabilities.audio.name")
      try validatePositive(audio.maximumDuration, "capabilities.audio.maximum_duration")
    }
    try validateCount(
      instructions.count, "capabilities.instructions", maximum: ProtocolLimits.maximumInstructions)
    for (index, instruction) in instructions.enumerated() {
      try validateText(
        instruction, "capabilities.instructions[\(index)]", maximum: ProtocolLimits.maximumTextBytes)
    }
    try validateCount(
      unlimitedDimensions.count, "capabilities.unlimited_dimensions", maximum: ProtocolLimits.maximumQuantities)
    for (index, name) in unlimitedDimensions.enumerated() {
      try validateText(name, "capabilities.unlimited_dimensions[\(index)]")
    }
    try validateText(weights, "capabilities.weights")
    try validateText(activations, "capabilities.activations")
  }

  private func validateDimensionLimits() throws(RobotError) {
    let subject = "capabilities.limits.dimensions"
    try validateCount(limits.dimensions.count, subject, maximum: ProtocolLimits.maximumQuantities)
    for (index, limits) in limits.dimensions.enumerated() {
      let subject = "\(subject)[\(index)]"
      try validateText(limits.name, "\(subject).name")
      try validatePositive(limits.maximumRate, "\(subject).maximum_rate")
      try validatePositive(limits.maximumJump, "\(subject).maximum_jump")
      guard limits.position.map({ $0.lowerBound.isFinite && $0.upperBound.isFinite }) ?? true else {
        throw RobotError(.malformed, "\(subject).position", "a range is two finite numbers")
      }
    }
  }
}

private func validateQuantities(_ quantities: [Capabilities.Quantity], _ subject: String) throws(RobotError) {
  try validateCount(quantities.count, subject, maximum: ProtocolLimits.maximumQuantities)
  for (index, quantity) in quantities.enumerated() {
    try validateText(quantity.name, "\(subject)[\(index)].name")
    try validateText(quantity.unit, "\(subject)[\(index)].unit")
    guard quantity.minimum.isFinite, quantity.maximum.isFinite, quantity.minimum <= quantity.maximum else {
      throw RobotError(
        .malformed, "\(subject)[\(index)]", "\(quantity.minimum)...\(quantity.maximum) is not a range of finite numbers"
      )
    }
    guard quantity.tolerance.isFinite, quantity.tolerance >= 0 else {
      throw RobotError(
        .malformed, "\(subject)[\(index)].tolerance", "\(quantity.tolerance) is not a finite number of at least 0")
    }
  }
}

func validateFrames(_ frames: [CameraFrame], _ subject: String) throws(RobotError) {
  try validateCount(frames.count, subject, maximum: ProtocolLimits.maximumFrames)
  for (index, frame) in frames.enumerated() {
    let subject = "\(subject)[\(index)]"
    try validateText(frame.camera, "\(subject).camera")
    try validateSide(frame.width, "\(subject).width", code: .invalidImage)
    try validateSide(frame.height, "\(subject).height", code: .invalidImage)
    guard !frame.data.isEmpty else { throw RobotError(.invalidImage, "\(subject).data", "the picture has no bytes") }
    // The product cannot overflow: the sides have been checked.
    guard frame.encoding != .rgb8 || frame.data.count == frame.width * frame.height * 3 else {
      throw RobotError(
        .invalidImage, "\(subject).data",
        "expected \(frame.width) x \(frame.height) x 3 bytes of RGB8, found \(frame.data.count)")
    }
  }
}

private func validateSide(_ side: Int, _ subject: String, code: RobotError.Code) throws(RobotError) {
  guard (1...ProtocolLimits.maximumImageSide).contains(side) else {
    throw RobotError(code, subject, "\(side) pixels is not in 1...\(ProtocolLimits.maximumImageSide)")
  }
}

private func validateSession(_ session: String, allowsEmpty: Bool) throws(RobotError) {
  let limit = ProtocolLimits.maximumSessionIDBytes
  // Names stand in logs and on screens: nothing in them may move a cursor or look like another name.
  guard session.utf8.count <= limit, allowsEmpty || !session.isEmpty,
    session.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
  else {
    throw RobotError(.invalidSession, "session_id", "a session id is 1 to \(limit) printable ASCII characters")
  }
}

private func validateToken(_ token: [UInt8], _ subject: String) throws(RobotError) {
  guard token.count <= ProtocolLimits.maximumSessionTokenBytes else {
    throw RobotError(
      .malformed, subject, "\(token.count) bytes, at most \(ProtocolLimits.maximumSessionTokenBytes) are allowed")
  }
}

func validateText(
  _ text: String, _ subject: String, maximum: Int = ProtocolLimits.maximumNameBytes, code: RobotError.Code = .malformed
) throws(RobotError) {
  guard text.utf8.count <= maximum else {
    throw RobotError(code, subject, "\(text.utf8.count) bytes of text, at most \(maximum) are allowed")
  }
  // Where a text ends at the first NUL the rest would be lost without a word.
  guard !text.utf8.contains(0) else { throw RobotError(code, subject, "a text may not contain a NUL character") }
}

func validateCount(_ count: Int, _ subject: String, maximum: Int) throws(RobotError) {
  guard count <= maximum else {
    throw RobotError(.malformed, subject, "\(count) entries, at most \(maximum) are allowed")
  }
}

/// `nil` travels as 0, so 0 itself cannot.
func validatePositive(_ value: Double?, _ subject: String) throws(RobotError) {
  guard let value else { return }
  guard value.isFinite, value > 0 else {
    throw RobotError(.malformed, subject, "\(value) is not a finite number above 0")
  }
}
