import Tensors
import Testing
import UnifiedIO

/// Memory for tensors and scratch over many steps, in processes of their own: other tests take and give, too.
@Suite struct StepAllocationTests {
  @Test func afterTheFirstStepsNothingIsAskedOfTheSystemF32() async {
    await #expect(processExitsWith: .success) { try StepAllocationTests.run(.f32) }
  }

  @Test func afterTheFirstStepsNothingIsAskedOfTheSystemInt8() async {
    await #expect(processExitsWith: .success) { try StepAllocationTests.run(.int8) }
  }

  /// New pictures in every step, a history that moves on, an answer under a grammar.
  private static func run(_ format: WeightFormat) throws {
    // With several threads it depends on their pace how many of them want scratch at the same time.
    ComputeThreads.count = 1
    let tiny = try TinyModel(weights: WeightOptions(format: format))
    let (model, preprocessor) = (tiny.model, tiny.preprocessor)
    func picture(_ number: Int) throws -> Image {
      let pixels = (0..<64 * 64 * 3).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ number &* 101) >> 1) }
      return try Image(width: 64, height: 64, pixels: pixels)
    }
    func step(_ number: Int) throws {
      let input = ModelInput(
        text: [Int32(300 + number), 6, 7, 1], image: try preprocessor.imageInput(picture(number)),
        imageHistory: [
          try preprocessor.historyInput(picture(number - 1)), try preprocessor.historyInput(picture(number)),
        ])
      let answer = try model.generateText(from: model.encode(input), constraint: Choices())
      #expect(answer.tokens.count == 6)
    }
    // Until the oldest encodings make room for the newest.
    for number in 1...EncodingCache.entryLimit { try step(number) }
    let before = TensorMemory.statistics
    for number in 1...10 { try step(EncodingCache.entryLimit + number) }
    #expect(TensorMemory.statistics.allocations == before.allocations)
    #expect(TensorMemory.statistics.idleBytes == before.idleBytes)
  }

  private struct Choices: TokenConstraint {
    func choice(after tokens: [Int32]) -> TokenChoice {
      if tokens.count == 6 { return .end }
      return tokens.count % 3 == 0 ? .forced(7) : .among([100..<140, 2000..<2100])
    }
  }
}
