import Foundation
import TestSupport
import Testing
import UnifiedIO

@Suite struct ImageEncodingTests {
  @Test(arguments: [(1, 1), (3, 2), (17, 64), (255, 1), (1, 200)])
  func whatWasWrittenIsReadBack(width: Int, height: Int) throws {
    var generator = SeededGenerator(seed: UInt64(width * 1000 + height))
    let pixels = (0..<(width * height * 3)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let image = try Image(width: width, height: height, pixels: pixels)
    let file = try image.pngData()
    #expect(try Image.decode(file) == image)
  }

  @Test func valuesAreClippedAndCut() throws {
    let values: [Float] = [0, 1, 0.999, 0.5, -3, 7, .nan, .infinity, -.infinity]
    let image = try FloatImage(width: 3, height: 1, channels: 3, values: values).quantized()
    #expect(image.pixels == [0, 255, 254, 127, 0, 255, 0, 255, 0])
  }

  @Test func oneChannelBecomesGrey() throws {
    let image = try FloatImage(width: 2, height: 1, channels: 1, values: [0, 1]).quantized()
    #expect(image.pixels == [0, 0, 0, 255, 255, 255])
    #expect(throws: ModelError.self) {
      try FloatImage(width: 1, height: 1, channels: 2, values: [0, 1]).quantized()
    }
  }
}
