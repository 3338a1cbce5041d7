/// Prompts, pictures, sounds and videos to what the model takes in.
public struct Preprocessor: Sendable {
  /// The sizes that prompts and pictures are brought to.
  public let geometry: PreprocessingGeometry
  /// Gives the ids of text.
  public let tokenizer: Tokenizer

  /// Keeps both; nothing is computed or checked yet.
  public init(geometry: PreprocessingGeometry = PreprocessingGeometry(), tokenizer: Tokenizer) {
    self.geometry = geometry
    self.tokenizer = tokenizer
  }

  /// The sizes of a checkpoint.
  public init(configuration: Configuration, tokenizer: Tokenizer) {
    let transformer = configuration.transformer
    self.init(
      geometry: PreprocessingGeometry(
        imageSize: ImageSize(height: transformer.imageSize.height, width: transformer.imageSize.width),
        historyImageSize: ImageSize(
          height: transformer.historyImageSize.height, width: transformer.historyImageSize.width),
        patchSize: transformer.imagePatchSize, maximumTextLength: transformer.maximumInputText,
        maximumHistoryFrames: configuration.sequenceLength.frames,
        targetImageSize: ImageSize(
          height: transformer.targetImageSize.height, width: transformer.targetImageSize.width),
        targetPatchSize: configuration.imageTokenizer?.patchSize.height ?? 8, audioPatchSize: transformer.audioPatchSize
      ),
      tokenizer: tokenizer)
  }

  /// The ids of a prompt: the prefix for `target`, the text, cut to the maximum length, EOS.
  public func textInput(_ prompt: String, target: TargetModality = .text) -> [Int32] {
    ended(tokenizer.encode(target.prefix + prompt))
  }

  /// As ``textInput(_:target:)-(String,_)``, of a prompt in which a user's words are only words.
  public func textInput(_ prompt: PromptText, target: TargetModality = .text) -> [Int32] {
    ended(tokenizer.encode(PromptText([.markup(target.prefix)] + prompt.parts)))
  }

  /// As ``textInput(_:target:)-(String,_)``, with each `{box}` in the prompt replaced by the four location tokens of `box`.
  ///
  /// - Parameters:
  ///   - box: in pixels of the picture that `placement` is of.
  ///   - placement: of the image input; see ``imagePlacement(width:height:)``.
  /// - Throws: ``ModelError`` `.invalidInput` when the prompt has no `{box}` or the box shows nothing of the picture.
  public func textInput(
    _ prompt: String, target: TargetModality = .text, box: PixelBox, in placement: ImagePlacement
  ) throws(ModelError) -> [Int32] {
    let text = LocationText.text(values: try placement.locations(of: box))
    // Split by scalars: as characters, "{box}" and an accent after it would not match.
    let parts = prompt.unicodeScalars.split(separator: "{box}".unicodeScalars, omittingEmptySubsequences: false)
    guard parts.count > 1 else {
      throw ModelError(.invalidInput, "prompt", "a box was given, but the prompt has no {box}")
    }
    return textInput(parts.map { String($0) }.joined(separator: text), target: target)
  }

  /// What the decoder is to say, and what it is fed while it is taught: `text` without prefix, cut, with EOS.
  public func textTarget(_ text: String) -> TextTarget {
    TextTarget(tokens: ended(tokenizer.encode(text)))
  }

  /// Patches of the current picture, all of them in row order, on the canvas ``PreprocessingGeometry/imageSize``.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when the picture is too narrow to be scaled, `.invalidConfiguration` when the
  ///   canvas is not made of whole patches.
  /// - Complexity: O(pixels of the picture + pixels of the canvas).
  public func imageInput(_ image: Image) throws(ModelError) -> PatchInput {
    try patches(of: image, canvas: geometry.imageSize)
  }

  /// As ``imageInput(_:)``, for one earlier frame, on the canvas ``PreprocessingGeometry/historyImageSize``.
  public func historyInput(_ image: Image) throws(ModelError) -> PatchInput {
    try patches(of: image, canvas: geometry.historyImageSize)
  }

  /// The frames of ``ModelInput/imageHistory``, oldest first. The first ``PreprocessingGeometry/maximumHistoryFrames`` are kept,
  /// as the reference does: give the frames that matter first, or not more than that.
  public func historyInputs(_ images: [Image]) throws(ModelError) -> [PatchInput] {
    var frames: [PatchInput] = []
    for image in images.prefix(max(geometry.maximumHistoryFrames, 0)) {
      frames.append(try historyInput(image))
    }
    return frames
  }

  /// Where a picture of this size lies on the canvas of the image input.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when it is too narrow to be scaled.
  public func imagePlacement(width: Int, height: Int) throws(ModelError) -> ImagePlacement {
    try ImagePlacement(source: ImageSize(height: height, width: width), canvas: geometry.imageSize)
  }

  private func patches(of image: Image, canvas: ImageSize) throws(ModelError) -> PatchInput {
    let source = ImageSize(height: image.height, width: image.width)
    let placement = try ImagePlacement(source: source, canvas: canvas)
    return try PatchRenderer(placement: placement, patchSize: geometry.patchSize).patches(of: image)
  }

  private func ended(_ tokens: [Int32]) -> [Int32] {
    tokens.prefix(max(geometry.maximumTextLength - 1, 0)) + [Tokenizer.eos]
  }
}

/// A text that the decoder is taught, or scored on.
public struct TextTarget: Sendable, Hashable {
  /// What the decoder is to say, EOS last.
  public var tokens: [Int32]

  /// - Parameter tokens: with EOS.
  public init(tokens: [Int32]) {
    self.tokens = tokens
  }

  /// What the decoder is fed: ``tokens`` moved back by one behind BOS.
  public var decoderInput: [Int32] {
    [Tokenizer.bos] + tokens.dropLast()
  }
}
