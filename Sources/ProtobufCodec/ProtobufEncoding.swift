// The files ProtobufEncoding… build protobuf-c's structures: values go in, bytes come out, and nothing unsafe leaves them.
import CProtobufC
import CProtocol
import RobotInterface

extension RequestMessage {
  /// The request as it travels.
  ///
  /// - Throws: ``RobotError`` naming the field when a value breaks ``ProtocolLimits`` or is not finite.
  /// - Complexity: O(bytes).
  public func encoded() throws(RobotError) -> [UInt8] {
    try validate()
    let arena = Arena()
    return withExtendedLifetime(arena) { arena.bytes(of: self) }
  }
}

extension ReplyMessage {
  /// The reply as it travels, of one that was checked before (``validate()``), as the daemon checks all of its own.
  ///
  /// - Precondition: it was; what breaks a limit would be cut where the format has no room for it.
  /// - Complexity: O(bytes).
  package func encodedWithoutCheck() -> [UInt8] {
    let arena = Arena()
    return withExtendedLifetime(arena) { arena.bytes(of: self) }
  }

  /// The reply as it travels.
  ///
  /// - Throws: ``RobotError`` naming the field when a value breaks ``ProtocolLimits`` or is not finite.
  /// - Complexity: O(bytes).
  public func encoded() throws(RobotError) -> [UInt8] {
    try validate()
    return encodedWithoutCheck()
  }
}

/// Memory of one message while it is packed; all of it is given back when the arena goes.
///
/// Values have been validated before they come here: counts fit their fields, and no text holds a NUL.
final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit {
    for block in blocks { block.deallocate() }
  }

  // MARK: Messages

  func bytes(of request: RequestMessage) -> [UInt8] {
    var message = Uio2__V1__Request()
    uio2__v1__request__init(&message)
    message.protocol_version = ProtocolLimits.version
    message.request_id = request.requestID
    message.session_id = text(request.sessionID)
    (message.session_token.data, message.session_token.len) = numbers(request.sessionToken)
    switch request.body {
    case .hello(let name, let version, let sentAt):
      var hello = Uio2__V1__Hello()
      uio2__v1__hello__init(&hello)
      hello.client_name = text(name)
      hello.client_version = text(version)
      hello.sent_at = sentAt
      message.body_case = UIO2__V1__REQUEST__BODY_HELLO
      message.hello = pointer(to: hello)
    case .observation(let observation):
      message.body_case = UIO2__V1__REQUEST__BODY_OBSERVATION
      message.observation = pointer(to: self.message(observation))
    case .reset:
      var reset = Uio2__V1__Reset()
      uio2__v1__reset__init(&reset)
      message.body_case = UIO2__V1__REQUEST__BODY_RESET
      message.reset = pointer(to: reset)
    case .stop(let reason):
      var stop = Uio2__V1__Stop()
      uio2__v1__stop__init(&stop)
      stop.reason = text(reason)
      message.body_case = UIO2__V1__REQUEST__BODY_STOP
      message.stop = pointer(to: stop)
    case .resume, .resumeUnknown:
      var resume = Uio2__V1__Resume()
      uio2__v1__resume__init(&resume)
      resume.unknown_sessions = request.body == .resumeUnknown ? 1 : 0
      message.body_case = UIO2__V1__REQUEST__BODY_RESUME
      message.resume = pointer(to: resume)
    case .release:
      var release = Uio2__V1__Release()
      uio2__v1__release__init(&release)
      message.body_case = UIO2__V1__REQUEST__BODY_RELEASE
      message.release = pointer(to: release)
    case .generate(let generation):
      message.body_case = UIO2__V1__REQUEST__BODY_GENERATE
      message.generate = pointer(to: self.message(generation))
    case .cancel(let requestID):
      var cancel = Uio2__V1__Cancel()
      uio2__v1__cancel__init(&cancel)
      cancel.request_id = requestID
      message.body_case = UIO2__V1__REQUEST__BODY_CANCEL
      message.cancel = pointer(to: cancel)
    }
    return [UInt8](unsafeUninitializedCapacity: uio2__v1__request__get_packed_size(&message)) { buffer, count in
      count = buffer.baseAddress.map { uio2__v1__request__pack(&message, $0) } ?? 0
    }
  }

  func bytes(of reply: ReplyMessage) -> [UInt8] {
    var message = Uio2__V1__Reply()
    uio2__v1__reply__init(&message)
    message.protocol_version = ProtocolLimits.version
    message.request_id = reply.requestID
    message.session_id = text(reply.sessionID)
    message.sent_at = reply.sentAt
    switch reply.body {
    case .capabilities(let capabilities):
      message.body_case = UIO2__V1__REPLY__BODY_CAPABILITIES
      message.capabilities = pointer(to: self.message(capabilities))
    case .actionChunk(let chunk):
      message.body_case = UIO2__V1__REPLY__BODY_ACTION_CHUNK
      message.action_chunk = pointer(to: self.message(chunk))
    case .acknowledgement(let stopped):
      var acknowledgement = Uio2__V1__Acknowledgement()
      uio2__v1__acknowledgement__init(&acknowledgement)
      acknowledgement.stopped = stopped ? 1 : 0
      message.body_case = UIO2__V1__REPLY__BODY_ACKNOWLEDGEMENT
      message.acknowledgement = pointer(to: acknowledgement)
    case .generation(let generation):
      message.body_case = UIO2__V1__REPLY__BODY_GENERATION
      message.generation = pointer(to: self.message(generation))
    case .progress(let progress):
      message.body_case = UIO2__V1__REPLY__BODY_PROGRESS
      message.progress = pointer(to: self.message(progress))
    case .error(let error):
      var failure = Uio2__V1__Error()
      uio2__v1__error__init(&failure)
      failure.code = Uio2__V1__ErrorCode(rawValue: UInt32(error.code.rawValue))
      failure.message = text(error.message)
      failure.field = text(error.subject)
      message.body_case = UIO2__V1__REPLY__BODY_ERROR
      message.error = pointer(to: failure)
    }
    return [UInt8](unsafeUninitializedCapacity: uio2__v1__reply__get_packed_size(&message)) { buffer, count in
      count = buffer.baseAddress.map { uio2__v1__reply__pack(&message, $0) } ?? 0
    }
  }

  private func message(_ observation: Observation) -> Uio2__V1__Observation {
    var message = Uio2__V1__Observation()
    uio2__v1__observation__init(&message)
    message.sequence = observation.sequence
    message.captured_at = observation.capturedAt
    message.sent_at = observation.sentAt
    (message.frames, message.n_frames) = pointers(to: observation.frames.map(self.message))
    (message.proprioception, message.n_proprioception) = numbers(observation.proprioception)
    message.instruction = text(observation.instruction)
    (message.prompt, message.n_prompt) = pointers(to: observation.promptParts.map(self.message))
    message.actions_consumed = UInt32(observation.actionsConsumed)
    message.skips_executed = observation.skipsExecuted ? 1 : 0
    message.clock = Uio2__V1__RobotClock(rawValue: observation.clock.rawValue)
    message.echo = observation.echo.map { pointer(to: self.message($0)) }
    message.audio = observation.audio.map { pointer(to: self.message($0)) }
    return message
  }

  private func message(_ part: PromptPart) -> Uio2__V1__PromptPart {
    var message = Uio2__V1__PromptPart()
    uio2__v1__prompt_part__init(&message)
    switch part {
    case .text(let words):
      message.part_case = UIO2__V1__PROMPT_PART__PART_TEXT
      message.text = text(words)
    case .image(let frame):
      message.part_case = UIO2__V1__PROMPT_PART__PART_IMAGE
      message.image = pointer(to: self.message(frame))
    }
    return message
  }

  private func message(_ echo: ClockEcho) -> Uio2__V1__ClockEcho {
    var message = Uio2__V1__ClockEcho()
    uio2__v1__clock_echo__init(&message)
    message.reply_sent_at = echo.replySentAt
    message.reply_received_at = echo.replyReceivedAt
    return message
  }

  func message(_ frame: CameraFrame) -> Uio2__V1__CameraFrame {
    var message = Uio2__V1__CameraFrame()
    uio2__v1__camera_frame__init(&message)
    message.camera = text(frame.camera)
    message.encoding =
      switch frame.encoding {
      case .rgb8: UIO2__V1__IMAGE_ENCODING__IMAGE_ENCODING_RGB8
      case .jpeg: UIO2__V1__IMAGE_ENCODING__IMAGE_ENCODING_JPEG
      case .png: UIO2__V1__IMAGE_ENCODING__IMAGE_ENCODING_PNG
      }
    message.width = UInt32(frame.width)
    message.height = UInt32(frame.height)
    (message.data.data, message.data.len) = numbers(frame.data)
    message.captured_at = frame.capturedAt ?? 0
    return message
  }

  private func message(_ clip: AudioClip) -> Uio2__V1__AudioClip {
    var message = Uio2__V1__AudioClip()
    uio2__v1__audio_clip__init(&message)
    message.encoding = Uio2__V1__AudioEncoding(rawValue: clip.encoding.rawValue)
    (message.data.data, message.data.len) = numbers(clip.data)
    return message
  }

  private func message(_ chunk: ActionChunk) -> Uio2__V1__ActionChunk {
    var message = Uio2__V1__ActionChunk()
    uio2__v1__action_chunk__init(&message)
    message.observation_sequence = chunk.observationSequence
    message.captured_at = chunk.capturedAt
    message.valid_until = chunk.validUntil
    (message.actions, message.n_actions) = pointers(to: chunk.actions.map(self.message))
    (message.tokens, message.n_tokens) = numbers(chunk.tokens)
    message.text = text(chunk.text)
    message.confidence = chunk.confidence
    (message.timings, message.n_timings) = pointers(to: messages(chunk.timings))
    message.policy_digest = text(chunk.policyDigest)
    message.observation_age = chunk.observationAge
    return message
  }

  private func message(_ action: Action) -> Uio2__V1__Action {
    var message = Uio2__V1__Action()
    uio2__v1__action__init(&message)
    (message.values, message.n_values) = numbers(action.values)
    message.limited = action.limited.rawValue
    message.primitive = text(action.primitive)
    return message
  }

  func messages(_ timings: StageTimings) -> [Uio2__V1__StageTiming] {
    Stage.allCases.compactMap { stage in
      guard let duration = timings.durations[stage] else { return nil }
      var message = Uio2__V1__StageTiming()
      uio2__v1__stage_timing__init(&message)
      message.stage = Uio2__V1__Stage(rawValue: stage.rawValue)
      message.duration = duration
      return message
    }
  }

  private func message(_ capabilities: Capabilities) -> Uio2__V1__Capabilities {
    var message = Uio2__V1__Capabilities()
    uio2__v1__capabilities__init(&message)
    message.policy_name = text(capabilities.policyName)
    message.policy_digest = text(capabilities.policyDigest)
    message.server_version = text(capabilities.serverVersion)
    (message.cameras, message.n_cameras) = pointers(to: capabilities.cameras.map(self.message))
    (message.proprioception, message.n_proprioception) = pointers(to: capabilities.proprioception.map(self.message))
    (message.actions, message.n_actions) = pointers(to: capabilities.actions.map(self.message))
    message.action_frame = text(capabilities.actionFrame)
    message.action_mode = text(capabilities.actionMode?.rawValue ?? "")
    message.hold = text(capabilities.hold?.rawValue ?? "")
    message.chunk_length = UInt32(capabilities.chunkLength)
    message.control_rate = capabilities.controlRate
    message.limits = pointer(to: self.message(capabilities.limits))
    (message.instructions, message.n_instructions) = numbers(capabilities.instructions.map(text))
    message.unlimited = capabilities.isUnlimited ? 1 : 0
    (message.unlimited_dimensions, message.n_unlimited_dimensions) = numbers(
      capabilities.unlimitedDimensions.map(text))
    message.weights = text(capabilities.weights)
    message.activations = text(capabilities.activations)
    message.deadline = capabilities.deadline ?? 0
    (message.session_token.data, message.session_token.len) = numbers(capabilities.sessionToken)
    message.audio = capabilities.audio.map { pointer(to: self.message($0)) }
    return message
  }

  private func message(_ audio: Capabilities.Audio) -> Uio2__V1__AudioSpecification {
    var message = Uio2__V1__AudioSpecification()
    uio2__v1__audio_specification__init(&message)
    message.name = text(audio.name)
    message.maximum_duration = audio.maximumDuration
    message.replaces_instruction = audio.replacesInstruction ? 1 : 0
    return message
  }

  private func message(_ camera: Capabilities.Camera) -> Uio2__V1__CameraSpecification {
    var message = Uio2__V1__CameraSpecification()
    uio2__v1__camera_specification__init(&message)
    message.name = text(camera.name)
    message.width = UInt32(camera.width)
    message.height = UInt32(camera.height)
    message.vertical_field_of_view = camera.verticalFieldOfView ?? 0
    message.input = text(camera.input.rawValue)
    return message
  }

  private func message(_ quantity: Capabilities.Quantity) -> Uio2__V1__QuantitySpecification {
    var message = Uio2__V1__QuantitySpecification()
    uio2__v1__quantity_specification__init(&message)
    message.name = text(quantity.name)
    message.unit = text(quantity.unit)
    message.minimum = quantity.minimum
    message.maximum = quantity.maximum
    message.tolerance = quantity.tolerance
    return message
  }

  private func message(_ limits: Capabilities.Limits) -> Uio2__V1__Limits {
    var message = Uio2__V1__Limits()
    uio2__v1__limits__init(&message)
    (message.workspace_minimum, message.n_workspace_minimum) = numbers(limits.workspaceMinimum ?? [])
    (message.workspace_maximum, message.n_workspace_maximum) = numbers(limits.workspaceMaximum ?? [])
    message.maximum_speed = limits.maximumSpeed ?? 0
    message.maximum_rotation_rate = limits.maximumRotationRate ?? 0
    message.maximum_jump = limits.maximumJump ?? 0
    message.maximum_observation_age = limits.maximumObservationAge ?? 0
    message.frozen_camera_timeout = limits.frozenCameraTimeout ?? 0
    message.maximum_message_bytes = limits.maximumMessageBytes ?? 0
    (message.dimensions, message.n_dimensions) = pointers(to: limits.dimensions.map(self.message))
    return message
  }

  private func message(_ limits: Capabilities.DimensionLimits) -> Uio2__V1__DimensionLimits {
    var message = Uio2__V1__DimensionLimits()
    uio2__v1__dimension_limits__init(&message)
    message.name = text(limits.name)
    let ends = limits.position.map { [$0.lowerBound, $0.upperBound] } ?? []
    (message.position, message.n_position) = numbers(ends)
    message.maximum_rate = limits.maximumRate ?? 0
    message.maximum_jump = limits.maximumJump ?? 0
    return message
  }

  // MARK: Memory

  func pointer<Message>(to message: Message) -> UnsafeMutablePointer<Message> {
    let pointer = UnsafeMutablePointer<Message>.allocate(capacity: 1)
    pointer.initialize(to: message)
    blocks.append(UnsafeMutableRawPointer(pointer))
    return pointer
  }

  func pointers<Message>(to messages: [Message])
    -> (UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, Int)
  {
    numbers(messages.map { Optional(pointer(to: $0)) })
  }

  func numbers<Element: BitwiseCopyable>(_ elements: [Element]) -> (UnsafeMutablePointer<Element>?, Int) {
    guard !elements.isEmpty else { return (nil, 0) }
    let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
    _ = buffer.initialize(from: elements)
    guard let start = buffer.baseAddress else { return (nil, 0) }
    blocks.append(UnsafeMutableRawPointer(start))
    return (start, elements.count)
  }

  func text(_ text: String) -> UnsafeMutablePointer<CChar>? {
    numbers(text.utf8CString.map { $0 }).0
  }
}
