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
    var inputs = [text(3), text(40), text(13), text(12), text(1), text(60)]
    inputs[1].image = picture
    let together = try tiny.model.encode(inputs)
    #expect(together.count == inputs.count)
    for (index, input) in inputs.enumerated() {
      let alone = try tiny.model.encode(input)
      #expect(together[index].output.shape == alone.output.shape)
      #expect(together[index].output.values == alone.output.values, "example \(index)")
    }
  }
}
