import Tensors
import Testing
import UnifiedIO

/// Examples that are encoded together have the bits that each has alone.
@Suite struct CompanyEncodingTests {
  @Test(arguments: [WeightFormat.f32, .bf16, .int8])
  func everyExampleIsAsIfItWereAlone(format: WeightFormat) throws {
    let tiny = try TinyModel(weights: WeightOptions(format: format))
    let pixels = (0..<64 * 48 * 3).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 1) }
    let picture = try tiny.preprocessor.imageInput(Image(width: 64, height: 48, pixels: pixels))
    func text(_ count: Int) -> ModelInput { ModelInput(text: (0..<count - 1).map { Int32(5 + $0) } + [1]) }
    // Few tokens and many, as another kernel takes them, beside each other in every way.
    var inputs = [text(3), text(40), text(25), text(24), text(1), text(60)]
    inputs[1].image = picture
    let together = try tiny.model.encode(inputs)
    #expect(together.count == inputs.count)
    for (index, input) in inputs.enumerated() {
      let alone = try tiny.model.encode(input)
      #expect(together[index].output.shape == alone.output.shape)
      #expect(together[index].output.values == alone.output.values, "example \(index)")
    }
  }

  /// Pictures of many patches and of few, some in two examples, some as a frame of the past.
  @Test(arguments: [WeightFormat.f32, .bf16, .int8])
  func everyPictureIsAsIfItWereAlone(format: WeightFormat) throws {
    let tiny = try TinyModel(weights: WeightOptions(format: format))
    func picture(_ number: Int, _ width: Int, _ height: Int) throws -> Image {
      let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ number &* 101) >> 1) }
      return try Image(width: width, height: height, pixels: pixels)
    }
    func now(_ number: Int, _ width: Int, _ height: Int) throws -> PatchInput {
      try tiny.preprocessor.imageInput(picture(number, width, height))
    }
    func before(_ number: Int) throws -> PatchInput { try tiny.preprocessor.historyInput(picture(number, 64, 64)) }
    var inputs = [
      ModelInput(text: [5, 1], image: try now(1, 64, 64), imageHistory: [try before(2), try before(3)]),
      ModelInput(text: [6, 7, 1], image: try now(1, 64, 64), imageHistory: [try before(3)]),
      ModelInput(text: [8, 1], image: try now(4, 192, 8)), ModelInput(text: [9, 1]),
      ModelInput(text: [10, 1], image: try now(5, 40, 64)),
    ]
    let shown = inputs.compactMap { $0.image?.mask.count { $0 } }
    #expect(shown.contains { $0 > Linear.fewRows } && shown.contains { $0 <= Linear.fewRows })
    let together = try tiny.model.encode(inputs)
    for (index, input) in inputs.enumerated() {
      tiny.model.encodings.removeAll()
      let alone = try tiny.model.encode(input)
      #expect(together[index].output.values == alone.output.values, "example \(index)")
    }
    // One that cannot be read: the error says so as it does without company.
    inputs[1].image?.positions[0] = 1_000_000
    #expect(throws: ModelError.self) { try tiny.model.encode(inputs) }
  }
}
