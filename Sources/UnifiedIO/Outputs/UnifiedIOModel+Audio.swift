import Tensors

/// A spectrogram: the natural logarithm of the power in mel bands, lowest band first.
public struct LogMelSpectrogram: Sendable, Hashable {
  /// Mel bands.
  public let bands: Int
  /// Steps in time; the release has 256 a segment of 4.08 s, 256 samples at 16 kHz each.
  public let steps: Int
  /// `[bands, steps]`, row-major; the reference writes 0 where there is no power at all.
  public let values: [Float]

  /// - Throws: ``ModelError`` `.invalidInput` unless there is one value for each band and step.
  public init(bands: Int, steps: Int, values: [Float]) throws(ModelError) {
    let limit = 1...(1 << 16)
    guard limit.contains(bands), limit.contains(steps), values.count == bands * steps else {
      throw ModelError(
        .invalidInput, "spectrogram", "\(values.count) values do not make \(bands) bands of \(steps) steps")
    }
    self.bands = bands
    self.steps = steps
    self.values = values
  }

  /// Mean and deviation of AudioSet, which target spectrograms are normalised with.
  package static let mean: Float = -5.0945
  package static let deviation: Float = 3.8312
}

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
  /// - Throws: ``ModelError`` `.invalidInput` for another number of tokens, `.missingTensor` without audio tokeniser.
  public func spectrogram(of tokens: [Int32]) throws(ModelError) -> LogMelSpectrogram {
    let tokenizer = try tokenizer(audioTokenizer, .audio), configuration = tokenizer.configuration
    let sequence = try Self.codes(
      of: tokens, count: configuration.grid.count, codebook: tokenizer.codebook, .audio)
    let normalized = tokenizer.decode(tokenizer.codes(of: sequence))
    return try LogMelSpectrogram(
      bands: configuration.size.height, steps: configuration.size.width,
      values: normalized.values.map { $0 * LogMelSpectrogram.deviation + LogMelSpectrogram.mean })
  }

  /// The tokens that stand for a spectrogram, as the decoder would write them: without BOS.
  ///
  /// - Throws: ``ModelError`` `.invalidInput` for another size than the checkpoint writes, `.missingTensor` without audio
  ///   tokeniser.
  public func audioTokens(of spectrogram: LogMelSpectrogram) throws(ModelError) -> [Int32] {
    let normalized = spectrogram.values.map { ($0 - LogMelSpectrogram.mean) / LogMelSpectrogram.deviation }
    let tokenizer = try tokenizer(audioTokenizer, .audio)
    let codes = try audioCodes(
      ofNormalized: Tensor(normalized, shape: [spectrogram.bands, spectrogram.steps]))
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
