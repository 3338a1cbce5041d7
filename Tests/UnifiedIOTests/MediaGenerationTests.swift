import Testing
import UnifiedIO

/// Pictures and spectrograms out of the golden checkpoint.
@Suite struct MediaGenerationTests {
  private let model: UnifiedIOModel
  private let preprocessor: Preprocessor
  private let encoded: EncodedInput
  private let negative: EncodedInput

  init() throws {
    let tiny = try TinyModel()
    (model, preprocessor) = (tiny.model, tiny.preprocessor)
    encoded = try model.encode(ModelInput(text: preprocessor.textInput("a red block", target: .image)))
    negative = try model.encode(
      ModelInput(text: preprocessor.textInput(Guidance.negativePrompt(for: .image), target: .image)))
  }

  private func tokens(_ guidance: Guidance?, temperature: Float = 0, seed: UInt64 = 0) throws -> [Int32] {
    try model.generateTokens(
      .image, from: encoded, guidance: guidance,
      options: GenerationOptions(maximumTokens: 24, temperature: temperature, topP: 0.9, seed: seed))
  }

  @Test func guidanceOfScaleZeroIsNone() throws {
    #expect(try tokens(Guidance(negative: negative, scale: 0)) == tokens(nil))
    #expect(try tokens(Guidance(negative: negative, scale: 10)) != tokens(nil))
  }

  @Test func theSamePromptAsItsOwnNegativeChangesNothing() throws {
    #expect(try tokens(Guidance(negative: encoded, scale: 3)) == tokens(nil))
  }

  @Test func theSameSeedGivesTheSameTokens() throws {
    let guidance = Guidance(negative: negative, scale: 2)
    let first = try tokens(guidance, temperature: 1, seed: 3)
    #expect(try first == tokens(guidance, temperature: 1, seed: 3))
    #expect(try first != tokens(guidance, temperature: 1, seed: 4))
  }

  @Test(arguments: [Float.nan, -1, .infinity]) func impossibleScalesAreErrors(scale: Float) {
    #expect(throws: ModelError.self) { try tokens(Guidance(negative: negative, scale: scale)) }
  }

  @Test func progressCountsAndCanEndTheGeneration() throws {
    var counts: [Int] = []
    let error = #expect(throws: ModelError.self) {
      try model.generateImage(from: encoded) { count throws(ModelError) in
        counts.append(count)
        if count == 5 { throw ModelError(.cancelled, "generation", "the caller had enough") }
      }
    }
    #expect(error?.code == .cancelled)
    #expect(counts == [1, 2, 3, 4, 5])
  }

  @Test func textHasNoFixedLength() {
    #expect(throws: ModelError.self) { try model.generateTokens(.text, from: encoded) }
  }

  @Test func aPictureHasTheShapeThatWasAskedFor() throws {
    let shape = try preprocessor.imageTargetPlacement(width: 30, height: 20)
    let picture = try model.generateImage(from: encoded, options: .greedy.untilTheEnd, shapedLike: shape)
    #expect(picture.width == 30 && picture.height == 20 && picture.channels == 3)
    #expect(picture.values.allSatisfy { (0...1).contains($0) })
    #expect(try Image.decode(picture.quantized().pngData()).width == 30)
  }

  @Test func tokensThatStandForNoCodeAreClipped() throws {
    let picture = try model.image(of: [Int32](repeating: 0, count: 1024))
    #expect(try picture == model.image(of: [Int32](repeating: 2, count: 1024)))
    #expect(
      try model.image(of: [Int32](repeating: .max, count: 1024))
        == model.image(of: [Int32](repeating: 257, count: 1024)))
  }

  @Test(arguments: [0, 1, 1023, 1025]) func aPictureNeedsAllItsTokens(count: Int) {
    let tokens = [Int32](repeating: 5, count: count)
    #expect(throws: ModelError.self) { try model.image(of: tokens) }
    #expect(throws: ModelError.self) { try model.spectrogram(of: tokens) }
  }

  @Test func otherSizesThanTheCheckpointsAreErrors() throws {
    let target = try ImageTarget(
      size: ImageSize(height: 8, width: 8), pixels: [Float](repeating: 0, count: 192), mask: [])
    #expect(throws: ModelError.self) { try model.imageTokens(of: target) }
  }

  @Test func spectrogramsBecomeTokensInTheDecodersOrder() throws {
    // Each patch of eight bands and steps is one value; the first sixteen tokens are the bands of the first eight steps.
    var values = [Float](repeating: 0, count: 128 * 256)
    let silence = try model.audioTokens(of: LogMelSpectrogram(generated: values))
    for band in 0..<128 { values.replaceSubrange(band * 256..<band * 256 + 8, with: [Float](repeating: 9, count: 8)) }
    let begun = try model.audioTokens(of: LogMelSpectrogram(generated: values))
    #expect(silence.count == 512 && begun.count == 512)
    #expect(silence.prefix(16) != begun.prefix(16))
    let spectrogram = try model.spectrogram(of: begun)
    #expect(spectrogram.values.count == 128 * 256)
    #expect(spectrogram.values.allSatisfy { $0.isFinite })
  }

  @Test func lossLeavesOutWhatTheMaskDoes() throws {
    let image = try Image.decode(Fixtures.bytes("tiny-a/media/img_100x300.png"))
    let target = try preprocessor.imageTarget(image)
    let tokens = try model.imageTokens(of: target)
    let loss = try model.loss(of: tokens, mask: target.mask, modality: .image, given: encoded)
    #expect(loss.tokens.count == target.mask.filter { $0 }.count)
    #expect(loss.tokens.allSatisfy { $0 > 0 && $0.isFinite })
    #expect(abs(loss.mean * Float(loss.tokens.count) - loss.sum) < 1e-2)
    let nothing = try model.loss(
      of: tokens, mask: tokens.map { _ in false }, modality: .image, given: encoded)
    #expect(nothing.sum == 0 && nothing.mean == 0)
    #expect(throws: ModelError.self) {
      try model.loss(of: tokens, mask: [true], modality: .image, given: encoded)
    }
    #expect(throws: ModelError.self) {
      try model.loss(of: [-1], modality: .image, given: encoded)
    }
  }
}

extension GenerationOptions {
  fileprivate var untilTheEnd: GenerationOptions {
    var copy = self
    copy.maximumTokens = .max
    return copy
  }
}
