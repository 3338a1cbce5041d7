import CProtobufC
import CProtocol
import RobotInterface

extension Arena {
  func message(_ generation: GenerationRequest) -> Uio2__V1__Generate {
    var message = Uio2__V1__Generate()
    uio2__v1__generate__init(&message)
    message.prompt = text(generation.prompt)
    message.output = Uio2__V1__Modality(rawValue: generation.output.rawValue)
    (message.images, message.n_images) = pointers(to: generation.images.map(self.message))
    (message.audio.data, message.audio.len) = numbers(generation.audio)
    message.box = generation.box.map { pointer(to: self.message($0)) }
    message.maximum_tokens = UInt32(generation.maximumTokens ?? 0)
    if let temperature = generation.temperature {
      message.temperature_choice_case = UIO2__V1__GENERATE__TEMPERATURE_CHOICE_TEMPERATURE
      message.temperature = temperature
    }
    message.top_k = UInt32(generation.topK ?? 0)
    message.top_p = generation.topP ?? 0
    message.seed = generation.seed
    message.beams = generation.beams == 1 ? 0 : UInt32(generation.beams)
    if let guidance = generation.guidance {
      message.guidance_choice_case = UIO2__V1__GENERATE__GUIDANCE_CHOICE_GUIDANCE
      message.guidance = guidance
    }
    message.negative_prompt = text(generation.negativePrompt)
    message.progress_interval = generation.progressInterval ?? 0
    return message
  }

  private func message(_ box: GenerationRequest.Box) -> Uio2__V1__Box {
    var message = Uio2__V1__Box()
    uio2__v1__box__init(&message)
    (message.minimum_x, message.minimum_y) = (box.minX, box.minY)
    (message.maximum_x, message.maximum_y) = (box.maxX, box.maxY)
    return message
  }

  func message(_ generation: GenerationResult) -> Uio2__V1__Generation {
    var message = Uio2__V1__Generation()
    uio2__v1__generation__init(&message)
    message.text = text(generation.text)
    (message.tokens, message.n_tokens) = numbers(generation.tokens)
    message.finish_reason = text(generation.finishReason.rawValue)
    (message.timings, message.n_timings) = pointers(to: messages(generation.timings))
    (message.media.data, message.media.len) = numbers(generation.media?.bytes ?? [])
    message.media_type = text(generation.media?.kind.rawValue ?? "")
    message.confidence = generation.confidence ?? 0
    return message
  }

  func message(_ progress: GenerationProgress) -> Uio2__V1__Progress {
    var message = Uio2__V1__Progress()
    uio2__v1__progress__init(&message)
    message.tokens = UInt32(progress.tokens)
    message.token_limit = UInt32(progress.limit)
    message.tokens_per_second = progress.tokensPerSecond ?? 0
    message.remaining = progress.remaining ?? 0
    message.text = text(progress.text)
    return message
  }
}
