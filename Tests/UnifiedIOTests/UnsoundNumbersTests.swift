import Foundation
import Tensors
import Testing
import UnifiedIO

/// Finite weights that are so large that what is computed with them is not finite: the answer is an error, never some token.
@Suite("Numbers that overflow on the way are errors") struct UnsoundNumbersTests {
  private let input = ModelInput(text: [5, 6, 7, 1])

  private func model(enlarging tensor: String) throws -> UnifiedIOModel {
    let copy = try ChangedCheckpoint.copy(of: Fixtures.url("tiny-a"), changing: tensor) { 3e38 * ($1 < 0 ? -1 : 1) }
    defer { try? FileManager.default.removeItem(at: copy) }
    return try UnifiedIOModel(directory: copy)
  }

  private func error(_ body: () throws -> Void) -> ModelError? {
    do {
      try body()
      return nil
    } catch {
      return error as? ModelError
    }
  }

  @Test func `the encoder's output`() throws {
    let model = try model(enlarging: "encoder.encoder_norm.scale")
    let found = error { _ = try model.encode(input) }
    #expect(found?.code == .nonFinite && found?.subject == "encoder output")
    #expect(error { _ = try model.encode([input, input]) }?.code == .nonFinite)
  }

  /// Says that two words may follow.
  private struct Grammar: TokenConstraint {
    func choice(after tokens: [Int32]) -> TokenChoice { tokens.count < 2 ? .among([300..<310]) : .end }
  }

  @Test func `the logits of an answer, however it is found`() throws {
    let model = try model(enlarging: "decoder.decoder_norm.scale")
    let encoded = try model.encode(input)
    let short = GenerationOptions(maximumTokens: 3),
      drawn = GenerationOptions(maximumTokens: 3, temperature: 1, topP: 0.9)
    let ways: [() throws -> Void] = [
      { _ = try model.generateText(from: encoded, options: short) },
      { _ = try model.generateText(from: encoded, options: drawn) },
      { _ = try model.generateText(from: encoded, constraint: Grammar()) },
      { _ = try model.generateText(from: [encoded, encoded], options: short) },
      { _ = try model.beamSearch(from: encoded, options: BeamSearchOptions(beams: 2, maximumTokens: 3)) },
      { _ = try model.score(options: [[5, 1]], given: encoded) },
      { _ = try model.loss(of: [5, 1], modality: .text, given: encoded) },
      { _ = try model.generateTokens(.image, from: encoded, options: short) },
      {
        _ = try model.generateTokens(
          .audio, from: encoded, guidance: Guidance(negative: encoded, scale: 2), options: short)
      },
    ]
    for (index, way) in ways.enumerated() {
      let found = error(way)
      #expect(found?.code == .nonFinite, "way \(index)")
      #expect(found?.subject.hasPrefix("logits") == true)
    }
  }

  @Test func `a picture and a spectrogram`() throws {
    let picture = try model(enlarging: "target_embedders.image.vqgan.decoder.conv_out.weight")
    let tokens = [Int32](repeating: 7, count: picture.configuration.transformer.maximumTargetImage)
    let found = error { _ = try picture.image(of: tokens) }
    #expect(found?.code == .nonFinite && found?.subject == "decoded picture", "\(String(describing: found))")
  }

  @Test func `biases that leave nothing to choose from`() throws {
    let model = try UnifiedIOModel(directory: Fixtures.url("tiny-a")), encoded = try model.encode(input)
    for bias in [Float.nan, .infinity] {
      let options = GenerationOptions(maximumTokens: 2, logitBias: [300: bias])
      #expect(error { _ = try model.generateText(from: encoded, options: options) }?.code == .nonFinite)
    }
    let none = GenerationOptions(
      maximumTokens: 2, logitBias: Dictionary(uniqueKeysWithValues: (300..<310).map { ($0, -.infinity) }))
    #expect(
      error { _ = try model.generateText(from: encoded, options: none, constraint: Grammar()) }?.code == .nonFinite)
    let one = GenerationOptions(maximumTokens: 2, logitBias: [301: -.infinity])
    let answer = try model.generateText(from: encoded, options: one, constraint: Grammar())
    #expect(!answer.tokens.contains(301) && answer.confidence > 0)
  }
}
