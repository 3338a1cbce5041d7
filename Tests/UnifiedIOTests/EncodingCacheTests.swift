import Dispatch
import Tensors
import Testing
import UnifiedIO

/// What the model remembers of its inputs, on the golden checkpoint; a second model has seen nothing.
@Suite struct EncodingCacheTests {
  private let model: UnifiedIOModel
  private let preprocessor: Preprocessor

  init() throws {
    let tiny = try TinyModel()
    (model, preprocessor) = (tiny.model, tiny.preprocessor)
  }

  private func fresh() throws -> UnifiedIOModel { try TinyModel().model }

  private func picture(_ number: Int, width: Int = 64, height: Int = 32) throws -> Image {
    let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ number &* 101) >> 1) }
    return try Image(width: width, height: height, pixels: pixels)
  }

  private func history(_ numbers: ClosedRange<Int>) throws -> ModelInput {
    ModelInput(text: [5, 6, 1], imageHistory: try numbers.map { try preprocessor.historyInput(picture($0)) })
  }

  @Test func whatIsKnownIsNotComputedAgainAndIsTheSame() throws {
    let input = ModelInput(
      text: [5, 6, 7, 1], image: try preprocessor.imageInput(picture(1)),
      imageHistory: [try preprocessor.historyInput(picture(2))])
    let first = try model.encode(input)
    let misses = model.encodings.statistics.misses
    let second = try model.encode(input)
    #expect(model.encodings.statistics.misses == misses)
    #expect(model.encodings.statistics.hits == 3)
    #expect(first.output.values == second.output.values)
    #expect(try fresh().encode(input).output.values == second.output.values)
  }

  @Test func oneFrameAStepIsEncoded() throws {
    _ = try model.encode(history(1...3))
    let before = model.encodings.statistics
    let next = try model.encode(history(2...4))
    let after = model.encodings.statistics
    // The new frame's features and its latents; the prompt and the two other frames are known.
    #expect(after.misses - before.misses == 2)
    #expect(after.hits - before.hits == 3)
    #expect(try fresh().encode(history(2...4)).output.values == next.output.values)
  }

  @Test func aPictureThatDiffersInOnePixelIsAnotherOne() throws {
    var input = ModelInput(text: [5, 1], image: try preprocessor.imageInput(picture(1)))
    let first = try model.encode(input)
    let shown = try #require(input.image?.mask.firstIndex(of: true))
    input.image?.patches[shown * 768 + 100] += 0.5
    let second = try model.encode(input)
    #expect(first.output.values != second.output.values)
    #expect(try fresh().encode(input).output.values == second.output.values)
  }

  @Test func theSamePatchesElsewhereAreAnotherPicture() throws {
    var input = ModelInput(text: [5, 1], image: try preprocessor.imageInput(picture(1)))
    _ = try model.encode(input)
    // Fewer of them, then at other places.
    let shown = try #require(input.image?.mask.firstIndex(of: true))
    input.image?.mask[shown] = false
    let fewer = try model.encode(input)
    #expect(try fresh().encode(input).output.values == fewer.output.values)
    input.image?.positions.reverse()
    let elsewhere = try model.encode(input)
    #expect(try fresh().encode(input).output.values == elsewhere.output.values)
    #expect(model.encodings.statistics.hits == 2)
  }

  @Test func theOldestGoFirstAndTheRestIsBounded() throws {
    let limit = EncodingCache.entryLimit
    for number in 0..<limit + 10 { _ = try model.encode(ModelInput(text: [Int32(300 + number), 1])) }
    let full = model.encodings.statistics
    #expect(full.entries == limit)
    #expect(full.bytes > 0 && full.bytes <= EncodingCache.byteLimit)
    _ = try model.encode(ModelInput(text: [Int32(300 + 10), 1]))
    #expect(model.encodings.statistics.misses == full.misses)
    _ = try model.encode(ModelInput(text: [Int32(300), 1]))
    #expect(model.encodings.statistics.misses == full.misses + 1)
    model.encodings.removeAll()
    #expect(model.encodings.statistics.entries == 0 && model.encodings.statistics.bytes == 0)
  }

  @Test func whoeverLooksAtTensorsSeesThemComputed() throws {
    let input = try history(1...2)
    _ = try model.encode(input)
    var names: [String] = []
    _ = try model.encode(input) { name, _ in names.append(name) }
    #expect(names.count { $0 == "image_vit.image_history.x" } == 2)
  }

  @Test func threadsThatAskForTheSameGetTheSame() throws {
    let input = try history(1...2)
    let wanted = try fresh().encode(input).output.values
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      #expect(throws: Never.self) {
        let output = try model.encode(input).output.values
        #expect(output == wanted)
      }
    }
    #expect(model.encodings.statistics.entries == 5)
  }

  @Test func wrongInputsAreNotRemembered() throws {
    let entries = model.encodings.statistics.entries
    #expect(throws: ModelError.self) { try model.encode(ModelInput(text: [5, 1_000_000])) }
    #expect(throws: ModelError.self) {
      try model.encode(ModelInput(text: [], image: PatchInput(patches: [1], mask: [true], positions: [0])))
    }
    #expect(model.encodings.statistics.entries == entries)
  }
}
