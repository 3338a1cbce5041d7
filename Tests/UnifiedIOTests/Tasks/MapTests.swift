import Testing
import UnifiedIO

/// What a painted picture means in metres, directions and pixels; by hand.
@Suite struct MapTests {
  private func grey(_ values: [Float], width: Int) throws -> FloatImage {
    try FloatImage(width: width, height: values.count / width, channels: 1, values: values)
  }

  @Test func depthIsTenMetresAtWhite() throws {
    let depth = DepthMap(try grey([0, 0.25, 0.5, 1], width: 2))
    #expect(depth.distances == [0, 2.5, 5, 10])
    #expect(depth.range == 0...10 && depth.mean == 4.375)
    #expect(try depth.picture().pixels == [0, 0, 0, 63, 63, 63, 127, 127, 127, 255, 255, 255])
    #expect(DepthMap(try grey([0.5], width: 1), white: 4).distances == [2])
  }

  @Test func depthOfColoursIsThatOfTheirMean() throws {
    let colour = try FloatImage(width: 1, height: 1, channels: 3, values: [0, 0.5, 1])
    #expect(DepthMap(colour).distances == [5])
  }

  @Test func depthIsWrittenInMillimetresOfSixteenBits() throws {
    // 0, 1.234 m, 10 m and what is no distance.
    let depth = DepthMap(try grey([0, 0.1234, 1, .nan], width: 4))
    let file = try depth.pngData()
    #expect(file.starts(with: [0x89, 0x50, 0x4e, 0x47]))
    // Bits a pixel and colour type in the header chunk: grey.
    #expect(Array(file[24...25]) == [16, 0])
    // Read back, the upper bytes are left: 1234 is 0x04d2, 10000 is 0x2710.
    #expect(try Image.decode(file).pixels == [0, 0, 0, 4, 4, 4, 0x27, 0x27, 0x27, 0, 0, 0])
  }

  @Test func normalsHaveLengthOne() throws {
    let values: [Float] = [1, 0.5, 0.5, 0.5, 0, 0.5, 1, 1, 1, 0.5, 0.5, 0.5]
    let normals = try NormalMap(FloatImage(width: 4, height: 1, channels: 3, values: values))
    let third = Float(1.0 / 3).squareRoot()
    let expected: [SIMD3<Float>] = [[1, 0, 0], [0, -1, 0], [third, third, third], .zero]
    for (found, byHand) in zip(normals.vectors, expected) {
      for axis in 0..<3 { #expect(abs(found[axis] - byHand[axis]) < 1e-6) }
    }
    let mean = normals.mean
    #expect(abs((mean * mean).sum() - 1) < 1e-5 && mean.x > 0 && mean.y < 0)
    #expect(try normals.picture().pixels.prefix(3) == [255, 127, 127])
    #expect(throws: ModelError.self) { try NormalMap(grey([1], width: 1)) }
  }

  @Test func aMaskIsWhatIsBrighterThanHalf() throws {
    let mask = Mask(try grey([0, 0.5, 0.51, 0, 1, 1], width: 3))
    #expect(mask.pixels == [false, false, true, false, true, true])
    #expect(mask.area == 3 && mask.share == 0.5)
    #expect(mask.box == PixelBox(minX: 1, minY: 0, maxX: 3, maxY: 2))
    #expect(try mask.picture().pixels == [0, 0, 255, 0, 255, 255].flatMap { [$0, $0, $0] })
    #expect(Mask(try grey([0, .nan], width: 2)).box == nil)
  }

  @Test func masksAreJoinedAndHaveToFit() throws {
    let one = try Mask(width: 2, height: 1, pixels: [true, false])
    let other = try Mask(width: 2, height: 1, pixels: [false, true])
    #expect(try Mask.union([one, other], width: 2, height: 1).area == 2)
    #expect(try Mask.union([], width: 2, height: 1).area == 0)
    #expect(throws: ModelError.self) { try Mask.union([one], width: 1, height: 2) }
    #expect(throws: ModelError.self) { try Mask(width: 2, height: 2, pixels: [true]) }
    #expect(throws: ModelError.self) { try Mask(width: 0, height: 0, pixels: []) }
  }

  @Test func masksTintThePicture() throws {
    let picture = try Image(width: 2, height: 1, pixels: [0, 0, 0, 100, 100, 100])
    let mask = try Mask(width: 2, height: 1, pixels: [false, true])
    let color = Color.palette[0]
    let tint = [color.red, color.green, color.blue].map { UInt8((100 + Int($0)) / 2) }
    #expect(picture.drawing([mask]).pixels == [0, 0, 0] + tint)
    #expect(picture.drawing([mask, mask]) == picture.drawing([mask]))
    #expect(picture.drawing([try Mask(width: 1, height: 1, pixels: [true])]) == picture)
  }
}
