import Testing
import UnifiedIO

/// Lines on pictures.
@Suite struct CanvasTests {
  private let red = Color(red: 255, green: 0, blue: 0)

  private func canvas(_ width: Int, _ height: Int) throws -> Canvas {
    Canvas(try Image(width: width, height: height, pixels: [UInt8](repeating: 0, count: width * height * 3)))
  }

  /// `#` where something was drawn.
  private func rows(_ canvas: Canvas) -> [String] {
    let image = canvas.image
    return (0..<image.height).map { row in
      (0..<image.width).map { image.pixels[(row * image.width + $0) * 3] > 0 ? "#" : "." }.joined()
    }
  }

  @Test func aBoxIsOutlinedInsideItsEdges() throws {
    var canvas = try canvas(7, 6)
    canvas.outline(PixelBox(minX: 1, minY: 1, maxX: 6, maxY: 5), color: red, thickness: 1)
    #expect(rows(canvas) == [".......", ".#####.", ".#...#.", ".#...#.", ".#####.", "......."])
  }

  @Test func theWholePictureCanBeOutlinedAndCornersSwapped() throws {
    var one = try canvas(4, 4), other = one
    one.outline(PixelBox(minX: 0, minY: 0, maxX: 4, maxY: 4), color: red, thickness: 1)
    other.outline(PixelBox(minX: 4, minY: 4, maxX: 0, maxY: 0), color: red, thickness: 1)
    #expect(rows(one) == ["####", "#..#", "#..#", "####"])
    #expect(one.image == other.image)
  }

  @Test func aBoxWithoutAreaIsAPixel() throws {
    var canvas = try canvas(3, 3)
    canvas.outline(PixelBox(minX: 1, minY: 1, maxX: 1, maxY: 1), color: red, thickness: 4)
    #expect(rows(canvas) == ["...", ".#.", "..."])
  }

  @Test func linesAndDiscs() throws {
    var diagonal = try canvas(4, 4)
    diagonal.line(from: PixelPoint(x: 0.5, y: 0.5), to: PixelPoint(x: 3.5, y: 3.5), color: red, thickness: 1)
    for place in 0..<4 { #expect(Array(rows(diagonal)[place])[place] == "#") }
    var disc = try canvas(5, 5)
    disc.disc(at: PixelPoint(x: 2.5, y: 2.5), radius: 1.2, color: red)
    #expect(rows(disc) == [".....", "..#..", ".###.", "..#..", "....."])
  }

  @Test func whatLiesOutsideIsCutOff() throws {
    let values: [Float] = [-1e30, -5, 0, 2.5, 9, 1e30, .infinity, -.infinity, .nan]
    var canvas = try canvas(5, 4)
    for x in values {
      for y in values {
        canvas.outline(PixelBox(minX: x, minY: y, maxX: 3, maxY: 3), color: red, thickness: 2)
        canvas.disc(at: PixelPoint(x: x, y: y), radius: 2, color: red)
      }
    }
    canvas.disc(at: PixelPoint(x: 2, y: 2), radius: .infinity, color: red)
    canvas.line(from: PixelPoint(x: -1e30, y: .nan), to: PixelPoint(x: 2, y: 2), color: red, thickness: 3)
    #expect(canvas.image.width == 5 && canvas.image.height == 4)
  }

  @Test func resultsAreDrawnInColoursThatSurvivePNG() throws {
    let image = try TinyTasks.image()
    let box = PixelBox(minX: 20, minY: 30, maxX: 120, maxY: 90)
    let drawn = image.drawing([LocatedObject(box: box, label: "cat", score: 1)])
    let first = Color.palette[0], start = (30 * 640 + 20) * 3
    #expect(Array(drawn.pixels[start..<start + 3]) == [first.red, first.green, first.blue])
    let pose = try #require(Pose(named: [("nose", PixelPoint(x: 300, y: 200), 1)], box: box))
    #expect(image.drawing([pose]) != image)
    #expect(image.drawing([LocatedObject]()) == image)
    #expect(try Image.decode(drawn.pngData()) == drawn)
  }
}
