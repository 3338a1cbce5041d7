import Tensors

extension UnifiedIOModel {
  /// Lets the decoder sound: all audio tokens, then the spectrogram that they stand for.
  ///
  /// - Parameters:
  ///   - encoded: the prompt, whose text begins with ``TargetModality/prefix`` of `.audio`.
  ///   - guidance: pulls the sound away from another prompt; the release uses none.
  ///   - options: how tokens are picked; ``GenerationOptions/maximumTokens`` is not used, a segment has a fixed number.
  ///   - progress: called with the number of tokens after each; an error that it throws ends the generation.
  /// - Throws: ``ModelError`` when the checkpoint does not write sound or has no audio tokeniser.
  public func generateSpectrogram(
    from encoded: EncodedInput, guidance: Guidance? = nil, options: GenerationOptions = .media,
    progress: (Int) throws(ModelError) -> Void = { _ in }
  ) throws(ModelError) -> LogMelSpectrogram {
    _ = try tokenizer(audioTokenizer, .audio)
    return try spectrogram(
      of: try generateTokens(.audio, from: encoded, guidance: guidance, options: options, progress: progress))
  }

  /// The spectrogram that audio tokens stand for.
  ///
  /// - Parameter tokens: without BOS, as many as ``Configuration`` has; ids outside the codebook are clipped.
  /// - Throws: ``ModelError`` `.invalidInput` for another number of tokens, `.missingTensor` without audio tokeniser, `.nonFinite`
  ///   when a value is not finite.
  public func spectrogram(of tokens: [Int32]) throws(ModelError) -> LogMelSpectrogram {
    let tokenizer = try tokenizer(audioTokenizer, .audio), configuration = tokenizer.configuration
    let sequence = try Self.codes(
      of: tokens, count: configuration.grid.count, codebook: tokenizer.codebook, .audio)
    let spectrogram = tokenizer.decode(tokenizer.codes(of: sequence))
    guard spectrogram.isFinite else { throw .nonFinite("decoded spectrogram") }
    return try LogMelSpectrogram(generated: spectrogram.values)
  }

  /// The tokens that stand for a spectrogram, as the decoder would write them: without BOS.
  ///
  /// - Throws: ``ModelError`` `.invalidInput` for another size than the checkpoint writes, `.missingTensor` without audio
  ///   tokeniser.
  public func audioTokens(of spectrogram: LogMelSpectrogram) throws(ModelError) -> [Int32] {
    let tokenizer = try tokenizer(audioTokenizer, .audio)
    let codes = try audioCodes(
      ofNormalized: Tensor(
        spectrogram.normalizedBands, shape: [LogMelSpectrogram.bands, LogMelSpectrogram.steps]))
    return tokenizer.sequence(of: codes.map { Int32($0.index + Self.reservedIDs) })
  }

  /// The nearest codes of a normalised spectrogram, row-major over bands × time; `probe` sees the stages on the way.
  ///
  /// - Parameter normalized: `[bands, steps]`.
  package func audioCodes(
    ofNormalized normalized: Tensor, probe: Probe? = nil
  ) throws(ModelError) -> [Codebook.Match] {
    let tokenizer = try tokenizer(audioTokenizer, .audio), size = tokenizer.configuration.size
    guard normalized.shape == [size.height, size.width] else {
      throw ModelError(
        .invalidInput, "spectrogram",
        "the checkpoint writes \(size.height) bands of \(size.width) steps, found \(normalized.shape)")
    }
    return tokenizer.encode(normalized, probe: probe)
  }

  /// Codes in the order of the decoder's sequence.
  package func audioSequence<Element>(of codes: [Element]) throws(ModelError) -> [Element] {
    try tokenizer(audioTokenizer, .audio).sequence(of: codes)
  }

  /// The normalised spectrogram of codebook indices (row-major over bands × time), `[bands, steps]`.
  package func decodedSpectrogram(codes: [Int], probe: Probe? = nil) throws(ModelError) -> Tensor {
    let tokenizer = try tokenizer(audioTokenizer, .audio)
    let ids = codes.map { Int32(clamping: $0 + Self.reservedIDs) }
    return tokenizer.decode(
      try Self.codes(
        of: ids, count: tokenizer.configuration.grid.count, codebook: tokenizer.codebook, .audio),
      probe: probe)
  }
}
