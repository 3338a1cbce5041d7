// The files ProtobufDecoding… read protobuf-c's structures: pointers go in, values come out, and nothing unsafe leaves them.
import CProtobufC
import CProtocol
import RobotInterface

extension RequestMessage {
  /// Reads a request off the wire and checks every length, number, text and enumeration in it.
  ///
  /// - Throws: ``RobotError`` `.unsupportedVersion`, `.invalidSession`, `.invalidImage`, `.invalidProprioception`,
  ///   `.invalidInstruction`, or `.malformed` for everything else. ``MessageHeader/peek(_:)`` tells whom to answer.
  /// - Complexity: O(bytes).
  public init(decoding bytes: [UInt8]) throws(RobotError) {
    try checkVersion(of: bytes)
    let whole = try WireSchema.request.survey(bytes)
    let unpacked = whole.rest.withUnsafeBufferPointer { uio2__v1__request__unpack(nil, $0.count, $0.baseAddress) }
    guard let unpacked else { throw RobotError(.malformed, "request", "the bytes are not a uio2.v1 Request") }
    defer { uio2__v1__request__free_unpacked(unpacked, nil) }

    let message = unpacked.pointee
    self.init(
      requestID: message.request_id, sessionID: try copiedText(message.session_id, "session_id", code: .invalidSession),
      sessionToken: copiedNumbers(message.session_token.data, message.session_token.len),
      body: try Body(message, of: whole))
    try validate()
  }
}

extension ReplyMessage {
  /// Reads a reply off the wire and checks every length, number, text and enumeration in it.
  ///
  /// - Throws: ``RobotError`` `.unsupportedVersion`, or `.malformed` and its kin for a reply that breaks the protocol.
  /// - Complexity: O(bytes).
  public init(decoding bytes: [UInt8]) throws(RobotError) {
    try checkVersion(of: bytes)
    let whole = try WireSchema.reply.survey(bytes)
    let unpacked = whole.rest.withUnsafeBufferPointer { uio2__v1__reply__unpack(nil, $0.count, $0.baseAddress) }
    guard let unpacked else { throw RobotError(.malformed, "reply", "the bytes are not a uio2.v1 Reply") }
    defer { uio2__v1__reply__free_unpacked(unpacked, nil) }

    let message = unpacked.pointee
    self.init(
      requestID: message.request_id, sessionID: try copiedText(message.session_id, "session_id", code: .invalidSession),
      sentAt: message.sent_at, body: try Body(message, of: whole))
    try validate()
  }
}

/// Before anything else, because a message of another version may look quite different.
private func checkVersion(of bytes: [UInt8]) throws(RobotError) {
  guard !bytes.isEmpty else { throw RobotError(.malformed, "message", "the message is empty") }
  let version = MessageHeader.peek(bytes).protocolVersion
  guard version != ProtocolLimits.version else { return }
  // Bytes that name no version may be no message at all, and that is the better answer.
  if version == 0 { try WireSchema().check(bytes) }
  throw RobotError(
    .unsupportedVersion, "protocol_version", "found version \(version), this side speaks \(ProtocolLimits.version)")
}

// MARK: Bodies

extension RequestMessage.Body {
  fileprivate init(_ message: Uio2__V1__Request, of whole: SurveyedMessage) throws(RobotError) {
    switch message.body_case {
    case UIO2__V1__REQUEST__BODY_HELLO:
      let hello = try present(message.hello, "hello").pointee
      self = .hello(
        clientName: try copiedText(hello.client_name, "hello.client_name"),
        clientVersion: try copiedText(hello.client_version, "hello.client_version"), sentAt: hello.sent_at)
    case UIO2__V1__REQUEST__BODY_OBSERVATION:
      self = .observation(try Observation(try present(message.observation, "observation").pointee, of: whole))
    case UIO2__V1__REQUEST__BODY_RESET: self = .reset
    case UIO2__V1__REQUEST__BODY_STOP:
      self = .stop(reason: try copiedText(try present(message.stop, "stop").pointee.reason, "stop.reason"))
    case UIO2__V1__REQUEST__BODY_RESUME:
      self = try present(message.resume, "resume").pointee.unknown_sessions != 0 ? .resumeUnknown : .resume
    case UIO2__V1__REQUEST__BODY_RELEASE: self = .release
    case UIO2__V1__REQUEST__BODY_GENERATE:
      self = .generate(try GenerationRequest(try present(message.generate, "generate").pointee, of: whole))
    case UIO2__V1__REQUEST__BODY_CANCEL:
      self = .cancel(requestID: try present(message.cancel, "cancel").pointee.request_id)
    default:
      throw RobotError(
        .malformed, "request.body",
        "expected hello, observation, reset, stop, resume, release, generate or cancel; found none of them")
    }
  }
}

extension ReplyMessage.Body {
  fileprivate init(_ message: Uio2__V1__Reply, of whole: SurveyedMessage) throws(RobotError) {
    switch message.body_case {
    case UIO2__V1__REPLY__BODY_CAPABILITIES:
      self = .capabilities(try Capabilities(try present(message.capabilities, "capabilities").pointee))
    case UIO2__V1__REPLY__BODY_ACTION_CHUNK:
      self = .actionChunk(try ActionChunk(try present(message.action_chunk, "action_chunk").pointee))
    case UIO2__V1__REPLY__BODY_ACKNOWLEDGEMENT:
      self = .acknowledgement(stopped: try present(message.acknowledgement, "acknowledgement").pointee.stopped != 0)
    case UIO2__V1__REPLY__BODY_GENERATION:
      self = .generation(try GenerationResult(try present(message.generation, "generation").pointee, of: whole))
    case UIO2__V1__REPLY__BODY_PROGRESS:
      self = .progress(try GenerationProgress(try present(message.progress, "progress").pointee))
    case UIO2__V1__REPLY__BODY_ERROR:
      let error = try present(message.error, "error").pointee
      guard let code = Int32(exactly: error.code.rawValue).flatMap(RobotError.Code.init(rawValue:)) else {
        throw RobotError(.malformed, "error.code", "\(error.code.rawValue) is no ErrorCode")
      }
      self = .error(
        RobotError(code, try copiedText(error.field, "error.field"), try copiedText(error.message, "error.message")))
    default: throw RobotError(.malformed, "reply.body", "the reply has no body that this side knows")
    }
  }
}

extension Observation {
  fileprivate init(_ message: Uio2__V1__Observation, of whole: SurveyedMessage) throws(RobotError) {
    guard let clock = RobotClock(rawValue: UInt32(message.clock.rawValue)) else {
      throw RobotError(.malformed, "observation.clock", "\(message.clock.rawValue) is no RobotClock")
    }
    self.init(
      sequence: message.sequence, capturedAt: message.captured_at, sentAt: message.sent_at,
      frames: try copiedFrames(message.frames, message.n_frames, "observation.frames", of: whole),
      proprioception: copiedNumbers(message.proprioception, message.n_proprioception),
      instruction: try copiedText(message.instruction, "observation.instruction", code: .invalidInstruction),
      promptParts: try copiedPrompt(message.prompt, message.n_prompt, of: whole),
      actionsConsumed: Int(message.actions_consumed), skipsExecuted: message.skips_executed != 0, clock: clock,
      echo: message.echo.map {
        ClockEcho(replySentAt: $0.pointee.reply_sent_at, replyReceivedAt: $0.pointee.reply_received_at)
      },
      audio: try message.audio.map { (clip) throws(RobotError) in
        try copiedAudio(clip.pointee, "observation.audio", of: whole)
      })
  }
}

private func copiedPrompt(
  _ entries: UnsafeMutablePointer<UnsafeMutablePointer<Uio2__V1__PromptPart>?>?, _ count: Int,
  of whole: SurveyedMessage
) throws(RobotError) -> [PromptPart] {
  var parts: [PromptPart] = []
  for (index, entry) in try list(entries, count, "observation.prompt").enumerated() {
    let subject = "observation.prompt[\(index)]"
    switch entry.pointee.part_case {
    case UIO2__V1__PROMPT_PART__PART_TEXT:
      parts.append(.text(try copiedText(entry.pointee.text, "\(subject).text", code: .invalidInstruction)))
    case UIO2__V1__PROMPT_PART__PART_IMAGE:
      parts.append(
        .image(try copiedFrame(try present(entry.pointee.image, subject).pointee, "\(subject).image", of: whole)))
    default: throw RobotError(.malformed, subject, "expected text or image, found neither")
    }
  }
  return parts
}

extension ActionChunk {
  fileprivate init(_ message: Uio2__V1__ActionChunk) throws(RobotError) {
    var actions: [Action] = []
    for (index, action) in try list(message.actions, message.n_actions, "action_chunk.actions").enumerated() {
      actions.append(
        Action(
          values: copiedNumbers(action.pointee.values, action.pointee.n_values),
          limited: LimitFlags(rawValue: action.pointee.limited),
          primitive: try copiedText(action.pointee.primitive, "action_chunk.actions[\(index)].primitive")))
    }
    self.init(
      observationSequence: message.observation_sequence, capturedAt: message.captured_at,
      validUntil: message.valid_until,
      actions: actions, tokens: copiedNumbers(message.tokens, message.n_tokens),
      text: try copiedText(message.text, "action_chunk.text"), confidence: message.confidence,
      timings: try StageTimings(message.timings, message.n_timings, "action_chunk.timings"),
      policyDigest: try copiedText(message.policy_digest, "action_chunk.policy_digest"),
      observationAge: message.observation_age)
  }
}

extension Capabilities {
  fileprivate init(_ message: Uio2__V1__Capabilities) throws(RobotError) {
    var cameras: [Camera] = []
    for camera in try list(message.cameras, message.n_cameras, "capabilities.cameras") {
      let camera = camera.pointee
      cameras.append(
        Camera(
          name: try copiedText(camera.name, "capabilities.cameras.name"), width: Int(camera.width),
          height: Int(camera.height),
          verticalFieldOfView: camera.vertical_field_of_view == 0 ? nil : camera.vertical_field_of_view,
          input: try copiedChoice(camera.input, "capabilities.cameras.input") ?? .image))
    }
    let actionMode = try copiedText(message.action_mode, "capabilities.action_mode")
    self.init(
      policyName: try copiedText(message.policy_name, "capabilities.policy_name"),
      policyDigest: try copiedText(message.policy_digest, "capabilities.policy_digest"),
      serverVersion: try copiedText(message.server_version, "capabilities.server_version"), cameras: cameras,
      proprioception: try copiedQuantities(
        message.proprioception, message.n_proprioception, "capabilities.proprioception"),
      actions: try copiedQuantities(message.actions, message.n_actions, "capabilities.actions"),
      actionFrame: try copiedText(message.action_frame, "capabilities.action_frame"),
      actionMode: actionMode.isEmpty ? nil : Capabilities.ActionMode(rawValue: actionMode),
      hold: try copiedChoice(message.hold, "capabilities.hold"),
      chunkLength: Int(message.chunk_length), controlRate: message.control_rate,
      limits: try message.limits.map { (limits) throws(RobotError) in try Limits(limits.pointee) } ?? Limits(),
      instructions: try copiedTexts(message.instructions, message.n_instructions, "capabilities.instructions"),
      isUnlimited: message.unlimited != 0,
      unlimitedDimensions: try copiedTexts(
        message.unlimited_dimensions, message.n_unlimited_dimensions, "capabilities.unlimited_dimensions"),
      weights: try copiedText(message.weights, "capabilities.weights"),
      activations: try copiedText(message.activations, "capabilities.activations"),
      deadline: message.deadline == 0 ? nil : message.deadline,
      sessionToken: copiedNumbers(message.session_token.data, message.session_token.len),
      audio: try message.audio.map { (audio) throws(RobotError) in try Audio(audio.pointee) })
  }
}

extension Capabilities.Audio {
  fileprivate init(_ message: Uio2__V1__AudioSpecification) throws(RobotError) {
    self.init(
      name: try copiedText(message.name, "capabilities.audio.name"), maximumDuration: message.maximum_duration,
      replacesInstruction: message.replaces_instruction != 0)
  }
}

extension Capabilities.Limits {
  fileprivate init(_ message: Uio2__V1__Limits) throws(RobotError) {
    self.init()
    let minimum: [Double] = copiedNumbers(message.workspace_minimum, message.n_workspace_minimum)
    let maximum: [Double] = copiedNumbers(message.workspace_maximum, message.n_workspace_maximum)
    workspaceMinimum = minimum.isEmpty ? nil : minimum
    workspaceMaximum = maximum.isEmpty ? nil : maximum
    maximumSpeed = message.maximum_speed == 0 ? nil : message.maximum_speed
    maximumRotationRate = message.maximum_rotation_rate == 0 ? nil : message.maximum_rotation_rate
    maximumJump = message.maximum_jump == 0 ? nil : message.maximum_jump
    maximumObservationAge = message.maximum_observation_age == 0 ? nil : message.maximum_observation_age
    frozenCameraTimeout = message.frozen_camera_timeout == 0 ? nil : message.frozen_camera_timeout
    maximumMessageBytes = message.maximum_message_bytes == 0 ? nil : message.maximum_message_bytes
    let subject = "capabilities.limits.dimensions"
    for entry in try list(message.dimensions, message.n_dimensions, subject) {
      dimensions.append(try Capabilities.DimensionLimits(entry.pointee, subject))
    }
  }
}

extension Capabilities.DimensionLimits {
  fileprivate init(_ message: Uio2__V1__DimensionLimits, _ subject: String) throws(RobotError) {
    self.init(
      name: try copiedText(message.name, "\(subject).name"),
      maximumRate: message.maximum_rate == 0 ? nil : message.maximum_rate,
      maximumJump: message.maximum_jump == 0 ? nil : message.maximum_jump)
    let ends: [Double] = copiedNumbers(message.position, message.n_position)
    if ends.isEmpty { return }
    guard ends.count == 2, ends[0] <= ends[1] else {
      throw RobotError(.malformed, "\(subject).position", "expected a minimum and a maximum, found \(ends)")
    }
    position = ends[0]...ends[1]
  }
}

private func copiedQuantities(
  _ entries: UnsafeMutablePointer<UnsafeMutablePointer<Uio2__V1__QuantitySpecification>?>?, _ count: Int,
  _ subject: String
) throws(RobotError) -> [Capabilities.Quantity] {
  var result: [Capabilities.Quantity] = []
  for entry in try list(entries, count, subject) {
    result.append(
      Capabilities.Quantity(
        name: try copiedText(entry.pointee.name, "\(subject).name"),
        unit: try copiedText(entry.pointee.unit, "\(subject).unit"),
        minimum: entry.pointee.minimum, maximum: entry.pointee.maximum, tolerance: entry.pointee.tolerance))
  }
  return result
}
