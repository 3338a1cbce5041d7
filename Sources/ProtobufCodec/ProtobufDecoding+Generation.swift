import CProtobufC
import CProtocol
import RobotInterface

extension GenerationRequest {
  init(_ message: Uio2__V1__Generate, of whole: SurveyedMessage) throws(RobotError) {
    guard let output = Output(rawValue: UInt32(message.output.rawValue)) else {
      throw RobotError(.malformed, "generate.output", "\(message.output.rawValue) is no Modality")
    }
    let hasTemperature = message.temperature_choice_case == UIO2__V1__GENERATE__TEMPERATURE_CHOICE_TEMPERATURE
    let hasGuidance = message.guidance_choice_case == UIO2__V1__GENERATE__GUIDANCE_CHOICE_GUIDANCE
    self.init(
      prompt: try copiedText(message.prompt, "generate.prompt", code: .invalidInstruction), output: output,
      images: try copiedFrames(message.images, message.n_images, "generate.images", of: whole),
      audio: whole.content(copiedNumbers(message.audio.data, message.audio.len)),
      box: message.box.map { Box($0.pointee) },
      maximumTokens: message.maximum_tokens == 0 ? nil : Int(message.maximum_tokens),
      temperature: hasTemperature ? message.temperature : nil,
      topK: message.top_k == 0 ? nil : Int(message.top_k), topP: message.top_p == 0 ? nil : message.top_p,
      seed: message.seed, beams: max(1, Int(message.beams)), guidance: hasGuidance ? message.guidance : nil,
      negativePrompt: try copiedText(message.negative_prompt, "generate.negative_prompt", code: .invalidInstruction),
      progressInterval: message.progress_interval == 0 ? nil : message.progress_interval)
  }
}

extension GenerationRequest.Box {
  fileprivate init(_ message: Uio2__V1__Box) {
    self.init(
      minX: message.minimum_x, minY: message.minimum_y, maxX: message.maximum_x, maxY: message.maximum_y)
  }
}

extension GenerationResult {
  init(_ message: Uio2__V1__Generation, of whole: SurveyedMessage) throws(RobotError) {
    let reason = try copiedText(message.finish_reason, "generation.finish_reason")
    guard let finishReason = FinishReason(rawValue: reason) else {
      throw RobotError(.malformed, "generation.finish_reason", "expected end, length or cancelled, found \(reason)")
    }
    self.init(
      text: try copiedText(message.text, "generation.text"), tokens: copiedNumbers(message.tokens, message.n_tokens),
      finishReason: finishReason, timings: try StageTimings(message.timings, message.n_timings, "generation.timings"),
      media: try Media(message, of: whole), confidence: message.confidence == 0 ? nil : message.confidence)
  }
}

extension GenerationResult.Media {
  /// `nil` when the message has none.
  fileprivate init?(_ message: Uio2__V1__Generation, of whole: SurveyedMessage) throws(RobotError) {
    let type = try copiedText(message.media_type, "generation.media_type")
    let bytes = whole.content(copiedNumbers(message.media.data, message.media.len))
    if type.isEmpty, bytes.isEmpty { return nil }
    guard let kind = Kind(rawValue: type) else {
      throw RobotError(.malformed, "generation.media_type", "expected image/png or audio/wav, found \(type)")
    }
    self.init(kind: kind, bytes: bytes)
  }
}

extension GenerationProgress {
  init(_ message: Uio2__V1__Progress) throws(RobotError) {
    self.init(
      tokens: Int(message.tokens), limit: Int(message.token_limit),
      tokensPerSecond: message.tokens_per_second == 0 ? nil : message.tokens_per_second,
      remaining: message.remaining == 0 ? nil : message.remaining,
      text: try copiedText(message.text, "progress.text"))
  }
}
