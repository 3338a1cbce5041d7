import Foundation
import TestSupport
import Testing
import UnifiedIO

@Suite struct ImageDecodingTests {
  private func decode(_ name: String) throws -> Image {
    try Image.decode(try Fixtures.bytes("codecs/\(name)"))
  }

  private func code(_ bytes: [UInt8]) -> ModelError.Code? {
    do {
      _ = try Image.decode(bytes)
      return nil
    } catch {
      return error.code
    }
  }

  @Test(arguments: [
    "444.jpg", "422.jpg", "420.jpg", "progressive.jpg", "restart.jpg", "grey.jpg", "cmyk.jpg", "ycck.jpg",
  ])
  func jpegPixelsArePILs(name: String) throws {
    #expect(try decode(name) == decode(name + ".expected.png"))
  }

  @Test(arguments: [
    "rgba.png", "grey-alpha.png", "grey.png", "palette.png", "palette-transparent.png", "one-bit.png", "rgb-16.png",
    "grey-16.png", "interlaced.png",
  ])
  func pngPixelsArePILs(name: String) throws {
    #expect(try decode(name) == decode(name + ".expected.png"))
  }

  @Test(arguments: 1...8) func orientationIsApplied(orientation: Int) throws {
    let name = "orientation-\(orientation).jpg"
    #expect(try decode(name) == decode(name + ".expected.png"))
  }

  @Test(arguments: ["444.jpg", "progressive.jpg", "rgba.png", "interlaced.png"])
  func aFileThatIsCutShortIsAnError(name: String) throws {
    let bytes = try Fixtures.bytes("codecs/\(name)")
    for count in [bytes.count - 1, bytes.count * 9 / 10, bytes.count / 2, 40, 8, 3, 1, 0] {
      #expect(code(Array(bytes.prefix(count))) == .invalidImage, "\(count) of \(bytes.count) bytes")
    }
  }

  @Test(arguments: ["zero-width.png", "zero-height.png"]) func aPictureWithoutPixelsIsAnError(name: String) throws {
    #expect(code(try Fixtures.bytes("codecs/\(name)")) == .invalidImage)
  }

  @Test func aJPEGThatSaysItHasNoPixelsIsAnError() throws {
    let whole = try Fixtures.bytes("codecs/444.jpg")
    let frame = try #require(whole.indices.dropLast().first { whole[$0] == 0xff && whole[$0 + 1] == 0xc0 })
    for side in [frame + 5, frame + 7] {
      var bytes = whole
      bytes.replaceSubrange(side..<(side + 2), with: [0, 0])
      #expect(code(bytes) == .invalidImage)
    }
  }

  @Test func aLineIsAPicture() throws {
    let thin = try decode("thin.png"), wide = try decode("wide.png")
    #expect(thin.width == 1 && thin.height == 10_000 && thin.pixels.suffix(3) == [UInt8(9999 % 256), 0, 240])
    #expect(wide.width == 10_000 && wide.height == 1 && wide.pixels.suffix(3) == [UInt8(9999 % 256), 0, 9])
  }

  @Test func otherFormatsAreErrors() {
    #expect(code(Array("GIF89a".utf8)) == .invalidImage)
    #expect(code([]) == .invalidImage)
  }

  @Test func aHugeHeaderIsRefusedBeforeMemoryIsTaken() throws {
    let error = #expect(throws: ModelError.self) { try decode("huge.png") }
    #expect(error?.code == .invalidImage)
    #expect(error?.message.contains("16384") == true)
  }

  @Test func aLargeHeaderWithoutPixelsIsAnError() throws {
    #expect(throws: ModelError.self) { try decode("empty-100mp.png") }
  }

  @Test func aJPEGThatSaysItIsHugeIsRefused() throws {
    var bytes = try Fixtures.bytes("codecs/444.jpg")
    let frame = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xff && bytes[$0 + 1] == 0xc0 })
    bytes.replaceSubrange((frame + 5)..<(frame + 9), with: [0xff, 0xdc, 0xff, 0xdc])
    #expect(code(bytes) == .invalidImage)
  }

  @Test func aJPEGOfVeryManyScansIsRefused() throws {
    let error = #expect(throws: ModelError.self) { try decode("many-scans.jpg") }
    #expect(error?.message == "too many scans")
  }

  @Test func pixelsHaveToFitTheSides() throws {
    #expect(try Image(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6]).width == 2)
    #expect(throws: ModelError.self) { try Image(width: 2, height: 1, pixels: [1, 2, 3]) }
    #expect(throws: ModelError.self) { try Image(width: 0, height: 1, pixels: []) }
    #expect(throws: ModelError.self) { try Image(width: .max, height: .max, pixels: []) }
  }

  /// Not whether the pixels are right, but that nothing but a picture or an error comes out.
  @Test(arguments: [
    "420.jpg", "progressive.jpg", "restart.jpg", "ycck.jpg", "orientation-6.jpg", "palette.png", "interlaced.png",
  ])
  func damagedFilesGiveAPictureOrAnError(name: String) throws {
    let bytes = try Fixtures.bytes("codecs/\(name)")
    var generator = SeededGenerator(seed: UInt64(bytes.count))
    var refused = 0
    for _ in 0..<1000 {
      do {
        let image = try Image.decode(generator.mutated(bytes))
        #expect(image.pixels.count == image.width * image.height * 3)
      } catch {
        #expect(error.code == .invalidImage)
        refused += 1
      }
    }
    #expect(refused > 0)
  }
}
