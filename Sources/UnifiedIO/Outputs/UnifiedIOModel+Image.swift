import Tensors

extension UnifiedIOModel {
  /// Lets the decoder draw: all image tokens, then the picture that they stand for.
  ///
  /// - Parameters:
  ///   - encoded: the prompt, whose text begins with ``TargetModality/prefix`` of `.image`.
  ///   - guidance: pulls the picture away from another prompt; the release uses scale 10 for pictures from text alone.
  ///   - options: how tokens are picked; ``GenerationOptions/maximumTokens`` is not used, a picture has a fixed number.
  ///   - shape: of the picture whose size and aspect the result is to have: for an edit the placement of the image input, else
  ///     ``Preprocessor/imageTargetPlacement(width:height:)``; `nil`: the square as the model draws it.
  ///   - progress: called with the number of tokens after each; an error that it throws ends the generation.
  /// - Returns: red, green and blue from 0 to 1.
  /// - Throws: ``ModelError`` when the checkpoint does not write pictures or has no image tokeniser.
  public func generateImage(
    from encoded: EncodedInput, guidance: Guidance? = nil, options: GenerationOptions = .media,
    shapedLike shape: ImagePlacement? = nil, progress: (Int) throws(ModelError) -> Void = { _ in }
  ) throws(ModelError) -> FloatImage {
    // Before a minute of work, not after it.
    _ = try tokenizer(imageTokenizer, .image)
    let tokens = try generateTokens(
      .image, from: encoded, guidance: guidance, options: options, progress: progress)
    let picture = try image(of: tokens)
    return try shape?.undo(picture) ?? picture
  }

  /// The picture that image tokens stand for.
  ///
  /// - Parameter tokens: without BOS, as many as ``Configuration`` has; ids outside the codebook are clipped.
  /// - Returns: red, green and blue from 0 to 1.
  /// - Throws: ``ModelError`` `.invalidInput` for another number of tokens, `.missingTensor` without image tokeniser, `.nonFinite`
  ///   when a pixel is not finite.
  public func image(of tokens: [Int32]) throws(ModelError) -> FloatImage {
    let tokenizer = try tokenizer(imageTokenizer, .image)
    let codes = try Self.codes(of: tokens, count: tokenizer.grid.count, codebook: tokenizer.codebook, .image)
    let picture = tokenizer.decode(codes), (height, width) = (picture.shape[1], picture.shape[2])
    guard picture.isFinite else { throw .nonFinite("decoded picture") }
    // Channels last; −1...1 becomes 0...1.
    let values = picture.reshaped([3, height * width]).transposed().values.map { min(max(($0 + 1) / 2, 0), 1) }
    return try FloatImage(width: width, height: height, channels: 3, values: values)
  }

  /// The tokens that stand for a picture, as the decoder would write them: without BOS.
  ///
  /// - Parameter target: see ``Preprocessor/imageTarget(_:)``.
  /// - Throws: ``ModelError`` `.invalidImage` for another size than the checkpoint writes, `.missingTensor` without image
  ///   tokeniser.
  public func imageTokens(of target: ImageTarget) throws(ModelError) -> [Int32] {
    try imageCodes(of: target).map { Int32($0.index + Self.reservedIDs) }
  }

  /// The nearest codes of a picture with their margins; `probe` sees the stages on the way.
  package func imageCodes(of target: ImageTarget, probe: Probe? = nil) throws(ModelError) -> [Codebook.Match] {
    let tokenizer = try tokenizer(imageTokenizer, .image), size = configuration.transformer.targetImageSize
    guard target.size.height == size.height, target.size.width == size.width else {
      throw Image.invalid("the checkpoint writes \(size.width) x \(size.height) pixels, found \(target.size)")
    }
    let picture = Tensor(target.pixels, shape: [size.count, 3]).transposed()
    return tokenizer.encode(picture.reshaped([3, size.height, size.width]), probe: probe)
  }

  /// The picture of codebook indices, `[3, height, width]`, about −1...1, not clipped.
  package func decodedImage(codes: [Int], probe: Probe? = nil) throws(ModelError) -> Tensor {
    let tokenizer = try tokenizer(imageTokenizer, .image)
    let ids = codes.map { Int32(clamping: $0 + Self.reservedIDs) }
    return tokenizer.decode(
      try Self.codes(of: ids, count: tokenizer.grid.count, codebook: tokenizer.codebook, .image), probe: probe)
  }
}
