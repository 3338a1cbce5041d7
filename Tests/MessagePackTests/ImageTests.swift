import MessagePack
import TestSupport
import Testing

@Suite("Pictures as clients send them")
struct ImageTests {
  @Test func `pixels in either order of their axes`() throws {
    let rows = try NumericArray(.uint8, shape: [1, 2, 3], bytes: [1, 2, 3, 4, 5, 6])
    let planes = try NumericArray(.uint8, shape: [3, 1, 2], bytes: [1, 4, 2, 5, 3, 6])
    let expected = WireImage.pixels(width: 2, height: 1, [1, 2, 3, 4, 5, 6])
    #expect(try WireImage(rows) == expected)
    #expect(try WireImage(planes) == expected)
    let batch = try NumericArray(.uint8, shape: [1, 1, 1, 2, 3], bytes: [1, 2, 3, 4, 5, 6])
    #expect(try WireImage(batch) == expected)
  }

  @Test func `floats from 0 to 1 are scaled, others refused`() throws {
    #expect(
      try WireImage(NumericArray([0, 0.5, 1], shape: [1, 1, 3])) == .pixels(width: 1, height: 1, [0, 127, 255]))
    for bad: Float in [-0.1, 1.1, .nan, .infinity, 255] {
      let error = #expect(throws: MessagePackError.self) {
        try WireImage(NumericArray([bad, 0, 0], shape: [1, 1, 3]))
      }
      #expect(error?.code == .invalidImage)
    }
  }

  @Test(arguments: [[1, 2], [2, 2, 1], [2, 2, 4], [2, 1, 2, 3], [0, 2, 3], [3, 0, 2], []])
  func `a shape that is no picture`(shape: [Int]) throws {
    let array = try NumericArray(.uint8, shape: shape, bytes: [UInt8](repeating: 0, count: shape.reduce(1, *))[...])
    let error = #expect(throws: MessagePackError.self) { try WireImage(array) }
    #expect(error?.code == .invalidImage)
  }

  @Test func `files are told by their first bytes`() throws {
    let jpeg = HandmadeJPEG.progressive(width: 8, height: 8, scans: 1), png = HandmadePNG.black(width: 2, height: 2)
    #expect(try WireImage(.binary(jpeg[...])) == .jpeg(jpeg[...]))
    #expect(try WireImage(.binary(png[...])) == .png(png[...]))
    for other in [MessagePackValue.binary([]), .binary([0xff, 0xd8]), .text("x"), .none, .map([:])] {
      #expect(throws: MessagePackError.self) { try WireImage(other) }
    }
  }
}
