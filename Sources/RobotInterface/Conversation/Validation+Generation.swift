extension GenerationRequest {
  /// Checks sizes, ranges, numbers, and what goes together.
  ///
  /// - Throws: ``RobotError`` with the code of the field at fault.
  func validate() throws(RobotError) {
    try validateText(prompt, "generate.prompt", maximum: ProtocolLimits.maximumTextBytes, code: .invalidInstruction)
    try validateFrames(images, "generate.images")
    guard audio.count <= ProtocolLimits.maximumAudioBytes else {
      throw RobotError(
        .invalidAudio, "generate.audio",
        "\(audio.count) bytes, at most \(ProtocolLimits.maximumAudioBytes) are allowed; shorten or compress it")
    }
    try validateBox()
    try validateSampling()
    try validateText(
      negativePrompt, "generate.negative_prompt", maximum: ProtocolLimits.maximumTextBytes, code: .invalidInstruction)
    if let guidance {
      try require(guidance.isFinite && guidance >= 0, "guidance", "\(guidance) is not a finite number of at least 0")
    }
    if output == .text {
      try require(guidance == nil, "guidance", "goes with pictures and sounds; leave it out for text")
      try require(negativePrompt.isEmpty, "negative_prompt", "goes with pictures and sounds; leave it out for text")
    } else {
      try require(maximumTokens == nil, "maximum_tokens", "pictures and sounds have a fixed number; leave it out")
      try require(beams == 1, "beams", "beam search is for text; leave it out")
    }
    if let progressInterval {
      let minimum = ProtocolLimits.minimumProgressInterval
      try require(progressInterval >= minimum, "progress_interval", "\(progressInterval) ns, at least \(minimum)")
    }
  }

  private func validateBox() throws(RobotError) {
    guard let box else { return }
    try require(!images.isEmpty, "box", "is in pixels of a picture, and there is none")
    try require(
      [box.minX, box.minY, box.maxX, box.maxY].allSatisfy(\.isFinite) && box.minX < box.maxX && box.minY < box.maxY,
      "box", "expected finite corners, the minimum below the maximum, found \(box)")
  }

  private func validateSampling() throws(RobotError) {
    if let maximumTokens {
      try require(
        (1...ProtocolLimits.maximumTokens).contains(maximumTokens), "maximum_tokens",
        "\(maximumTokens) is not in 1...\(ProtocolLimits.maximumTokens)")
    }
    if let temperature {
      try require(
        temperature.isFinite && temperature >= 0, "temperature",
        "\(temperature) is not a finite number of at least 0")
    }
    if let topK {
      try require(topK >= 1 && UInt32(exactly: topK) != nil, "top_k", "\(topK) is not a count of at least 1")
    }
    // Written so that NaN does not pass.
    if let topP { try require(topP > 0 && topP <= 1, "top_p", "\(topP) is not above 0 and at most 1") }
    try require(
      (1...ProtocolLimits.maximumBeams).contains(beams), "beams",
      "\(beams) is not in 1...\(ProtocolLimits.maximumBeams)")
    try require(
      beams == 1 || (temperature ?? 0) == 0, "beams", "beam search draws nothing; leave the temperature at 0")
  }

  private func require(_ condition: Bool, _ field: String, _ message: String) throws(RobotError) {
    if !condition { throw RobotError(.malformed, "generate.\(field)", message) }
  }
}

extension GenerationResult {
  /// Checks sizes and numbers.
  ///
  /// - Throws: ``RobotError`` `.malformed` with the field at fault.
  func validate() throws(RobotError) {
    try validateText(text, "generation.text", maximum: ProtocolLimits.maximumTextBytes)
    try validateCount(tokens.count, "generation.tokens", maximum: ProtocolLimits.maximumTokens)
    if let media, !(1...ProtocolLimits.maximumMediaBytes).contains(media.bytes.count) {
      throw RobotError(
        .malformed, "generation.media",
        "\(media.bytes.count) bytes are not in 1...\(ProtocolLimits.maximumMediaBytes)")
    }
    if let confidence, !(confidence > 0 && confidence <= 1) {
      throw RobotError(.malformed, "generation.confidence", "\(confidence) is not above 0 and at most 1")
    }
  }
}

extension GenerationProgress {
  /// Checks sizes and numbers.
  ///
  /// - Throws: ``RobotError`` `.malformed` with the field at fault.
  func validate() throws(RobotError) {
    guard tokens >= 1, tokens <= limit, UInt32(exactly: limit) != nil else {
      throw RobotError(.malformed, "progress.tokens", "\(tokens) of \(limit) is not a count of at least 1")
    }
    try validatePositive(tokensPerSecond, "progress.tokens_per_second")
    guard remaining != 0 else { throw RobotError(.malformed, "progress.remaining", "0 ns stand for not known") }
    try validateText(text, "progress.text", maximum: ProtocolLimits.maximumTextBytes)
  }
}
