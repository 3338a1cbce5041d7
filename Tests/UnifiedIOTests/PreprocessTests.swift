import Foundation
import TestSupport
import Testing
import UnifiedIO

@Suite struct PreprocessTextTests {
  let tokenizer: Tokenizer
  let preprocessor: Preprocessor

  init() throws {
    tokenizer = try Tokenizer(modelFile: Fixtures.url("tiny-a/tokenizer.model"))
    preprocessor = Preprocessor(tokenizer: tokenizer)
  }

  @Test(arguments: TargetModality.allCases) func promptsBeginWithTheTargetsMarker(target: TargetModality) {
    let offset: Int32 = [.text: 1218, .image: 1221, .audio: 1223][target] ?? -1
    #expect(preprocessor.textInput("go", target: target).first == Int32(tokenizer.baseCount) + offset)
  }

  @Test func longPromptsAreCutAndStillEnd() {
    let tokens = preprocessor.textInput(String(repeating: "red ", count: 2000))
    #expect(tokens.count == 512)
    #expect(tokens.last == Tokenizer.eos)
    #expect(!tokens.dropLast().contains(Tokenizer.eos))
  }

  @Test func anEmptyPromptIsMarkerAndEnd() {
    #expect(preprocessor.textInput("").count >= 2)
    #expect(preprocessor.textTarget("").tokens == [Tokenizer.eos])
  }

  @Test func aTargetIsFedBehindBOS() {
    #expect(TextTarget(tokens: [5, 6, 1]).decoderInput == [0, 5, 6])
    #expect(TextTarget(tokens: []).decoderInput == [0])
  }

  @Test func aBoxWithoutItsPlaceInThePromptIsAnError() throws {
    let placement = try preprocessor.imagePlacement(width: 640, height: 480)
    let error = #expect(throws: ModelError.self) {
      try preprocessor.textInput("no place", box: PixelBox(minX: 0, minY: 0, maxX: 9, maxY: 9), in: placement)
    }
    #expect(error?.code == .invalidInput)
  }

  @Test func everyPlaceForTheBoxIsFilled() throws {
    let placement = try preprocessor.imagePlacement(width: 384, height: 384)
    let tokens = try preprocessor.textInput(
      "{box}\u{301} or {box}", box: PixelBox(minX: 0, minY: 0, maxX: 384, maxY: 384), in: placement)
    #expect(tokens.count { $0 == tokenizer.locationToken(bin: 0) } == 4)
    #expect(!tokenizer.decode(tokens).unicodeScalars.contains("{"))
  }
}

@Suite struct PreprocessPlacementTests {
  private func placement(_ width: Int, _ height: Int, canvas: Int = 384) throws -> ImagePlacement {
    try ImagePlacement(
      source: ImageSize(height: height, width: width), canvas: ImageSize(height: canvas, width: canvas))
  }

  @Test(arguments: [148, 183, 298, 316, 383, 596]) func someSizesLoseAPixelAsInTheReference(side: Int) throws {
    #expect(try placement(side, side).size == ImageSize(height: 383, width: 383))
  }

  @Test func noPictureLeavesItsCanvas() throws {
    for side in 1...2000 {
      let placed = try placement(side, 1 + side / 2)
      #expect(placed.size.width <= 384 && placed.size.height <= 384, "\(side)")
      #expect(placed.top >= 0 && placed.left >= 0, "\(side)")
    }
  }

  @Test(arguments: [(1000, 1), (1, 1000)]) func aLineIsTooNarrow(width: Int, height: Int) {
    let error = #expect(throws: ModelError.self) { try placement(width, height) }
    #expect(error?.code == .invalidImage)
  }

  @Test func aBoxComesBackWithinOneBin() throws {
    let placed = try placement(640, 480)
    let box = PixelBox(minX: 12, minY: 34, maxX: 567, maxY: 345)
    let values = try placed.locations(of: box).map { LocationText.value(ofBin: LocationText.bin(of: $0)) }
    let back = try placed.box(ofLocations: values)
    for (a, b) in [(back.minX, box.minX), (back.minY, box.minY), (back.maxX, box.maxX), (back.maxY, box.maxY)] {
      #expect(abs(a - b) <= 640.0 / 999)
    }
  }

  @Test(arguments: [
    PixelBox(minX: 5, minY: 5, maxX: 5, maxY: 9), PixelBox(minX: 700, minY: 0, maxX: 800, maxY: 9),
    PixelBox(minX: .nan, minY: 0, maxX: 9, maxY: 9),
  ])
  func aBoxThatShowsNothingIsAnError(box: PixelBox) throws {
    let placed = try placement(640, 640)
    #expect(throws: ModelError.self) { try placed.locations(of: box) }
  }

  @Test(arguments: [(640, 480), (480, 640), (7, 5)])
  func anUndonePictureHasTheSourcesShape(width: Int, height: Int) throws {
    // Each pixel says where it was, so that the cut can be seen.
    let side = 256
    let values = (0..<(side * side)).flatMap { [Float($0 / side), Float($0 % side)] }
    let picture = try FloatImage(width: side, height: side, channels: 2, values: values)
    let undone = try placement(width, height).undo(picture)
    #expect(undone.width == width && undone.height == height)
    let longer = max(width, height)
    let top = (longer - height) / 2
    let left = (longer - width) / 2
    let y = Float((top * 2 + 1) * side / (2 * longer))
    let x = Float((left * 2 + 1) * side / (2 * longer))
    #expect(undone.values.prefix(2) == [y, x])
  }
}

@Suite struct PreprocessImageTests {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try Tokenizer(modelFile: Fixtures.url("tiny-a/tokenizer.model")) }

  private func preprocessor(side: Int, history: Int = 128) -> Preprocessor {
    let geometry = PreprocessingGeometry(
      imageSize: ImageSize(height: side, width: side), historyImageSize: ImageSize(height: history, width: history))
    return Preprocessor(geometry: geometry, tokenizer: tokenizer)
  }

  /// Pixels without any pattern that could hide a mistake.
  private func noise(width: Int, height: Int) throws -> Image {
    var generator = SeededGenerator(seed: UInt64(width * 10_000 + height))
    let pixels = (0..<(width * height * 3)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    return try Image(width: width, height: height, pixels: pixels)
  }

  /// What the pixel `(x, y)` of a canvas with patches of 16 became, before normalisation.
  private func value(_ input: PatchInput, side: Int, x: Int, y: Int, channel: Int) -> Float {
    let mean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    let deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]
    let patch = y / 16 * (side / 16) + x / 16
    let normalized = input.patches[patch * 768 + y % 16 * 48 + x % 16 * 3 + channel]
    return normalized * deviation[channel] + mean[channel]
  }

  @Test func aPictureOfTheCanvassSizeIsNotResampled() throws {
    let image = try noise(width: 128, height: 128)
    let input = try preprocessor(side: 128).imageInput(image)
    let mean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    let deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]
    for (index, pixel) in image.pixels.enumerated() {
      let (y, x, channel) = (index / 3 / 128, index / 3 % 128, index % 3)
      let expected = (Float(pixel) * Float(1.0 / 255.0) - mean[channel]) / deviation[channel]
      #expect(input.patches[(y / 16 * 8 + x / 16) * 768 + y % 16 * 48 + x % 16 * 3 + channel] == expected)
    }
    #expect(input.count == 64 && input.mask.allSatisfy { $0 })
  }

  @Test(arguments: [(128, 64), (64, 128)])
  func theSameScaleWithPaddingKeepsThePixels(width: Int, height: Int) throws {
    let image = try noise(width: width, height: height)
    let input = try preprocessor(side: 128).imageInput(image)
    let (top, left) = ((128 - height) / 2, (128 - width) / 2)
    for y in 0..<128 {
      for x in 0..<128 where (x + y) % 5 == 0 {
        let inside = (top..<(top + height)).contains(y) && (left..<(left + width)).contains(x)
        let expected = inside ? Float(image.pixels[((y - top) * width + x - left) * 3 + 1]) / 255 : 0
        #expect(abs(value(input, side: 128, x: x, y: y, channel: 1) - expected) < 1e-6)
      }
    }
    #expect(input.mask.count { $0 } == 32)
  }

  @Test(arguments: [(1, 1), (3, 3), (17, 9), (1000, 999)]) func aFlatPictureStaysFlat(width: Int, height: Int) throws {
    let image = try Image(width: width, height: height, pixels: [UInt8](repeating: 200, count: width * height * 3))
    let input = try preprocessor(side: 128).imageInput(image)
    for (patch, shown) in input.mask.enumerated() where shown {
      let (y, x) = (patch / 8 * 16 + 8, patch % 8 * 16 + 8)
      #expect(abs(value(input, side: 128, x: x, y: y, channel: 2) - 200.0 / 255) < 1e-5)
    }
    #expect(input.mask.contains(true))
  }

  /// The resize as the definition says, in double precision and without any of the shortcuts.
  @Test(arguments: [(37, 53), (300, 211), (128, 77), (640, 360)])
  func resizingIsTheTriangleFilter(width: Int, height: Int) throws {
    let image = try noise(width: width, height: height)
    let placement = try ImagePlacement(
      source: ImageSize(height: height, width: width), canvas: ImageSize(height: 128, width: 128))
    let input = try preprocessor(side: 128).imageInput(image)
    func weights(_ index: Int, from: Int, to: Int) -> [(Int, Double)] {
      let ratio = Double(from) / Double(to)
      let raw = (0..<from).map { max(1 - abs((Double($0) + 0.5 - (Double(index) + 0.5) * ratio) / max(ratio, 1)), 0) }
      let total = raw.reduce(0, +)
      return raw.enumerated().filter { $0.element > 0 }.map { ($0.offset, $0.element / total) }
    }
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<300 {
      let y = Int.random(in: 0..<placement.size.height, using: &generator)
      let x = Int.random(in: 0..<placement.size.width, using: &generator)
      var expected = 0.0
      for (row, a) in weights(y, from: height, to: placement.size.height) {
        for (column, b) in weights(x, from: width, to: placement.size.width) {
          expected += a * b * Double(image.pixels[(row * width + column) * 3]) / 255
        }
      }
      let found = value(input, side: 128, x: x + placement.left, y: y + placement.top, channel: 0)
      #expect(abs(Double(found) - expected) < 2e-5)
    }
  }

  @Test func canvasesNeedNotBeSquare() throws {
    let geometry = PreprocessingGeometry(imageSize: ImageSize(height: 64, width: 160))
    let input = try Preprocessor(geometry: geometry, tokenizer: tokenizer).imageInput(try noise(width: 160, height: 64))
    #expect(input.count == 40 && input.mask.allSatisfy { $0 })
  }

  @Test(arguments: [0, 100, -16, .max]) func aCanvasOfBrokenPatchesIsAnError(side: Int) throws {
    let image = try noise(width: 8, height: 8)
    let error = #expect(throws: ModelError.self) { try preprocessor(side: side).imageInput(image) }
    #expect(error?.code == .invalidConfiguration)
  }

  @Test func historyHasItsOwnCanvas() throws {
    #expect(try preprocessor(side: 384, history: 64).historyInput(try noise(width: 20, height: 20)).count == 16)
  }

  @Test func surplusHistoryIsLeftOut() throws {
    let images = try (1...6).map { try noise(width: $0 * 10, height: 20) }
    let preprocessor = preprocessor(side: 128)
    let frames = try preprocessor.historyInputs(images)
    #expect(frames == (try images.prefix(4).map { image in try preprocessor.historyInput(image) }))
  }

  @Test(.enabled(if: isOptimized), arguments: [(128, 256, 384), (640, 480, 384), (128, 128, 128), (1920, 1080, 384)])
  func preprocessingIsQuick(width: Int, height: Int, side: Int) throws {
    let image = try noise(width: width, height: height)
    let preprocessor = preprocessor(side: side)
    let times = try (0..<20).map { _ in
      try ContinuousClock().measure { _ = try preprocessor.imageInput(image) }
    }
    // It takes 0.05 to 3 ms; generous, because others may share the machine.
    #expect(try #require(times.min()) < .milliseconds(50))
  }
}

#if DEBUG
  private let isOptimized = false
#else
  private let isOptimized = true
#endif
