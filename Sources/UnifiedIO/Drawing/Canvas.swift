/// A colour of the screen.
public struct Color: Sendable, Hashable {
  public var red: UInt8
  public var green: UInt8
  public var blue: UInt8

  /// Each 0...255.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// Colours that can be told apart on most pictures.
  public static let palette = [
    Color(red: 230, green: 57, blue: 70), Color(red: 69, green: 200, blue: 90), Color(red: 66, green: 135, blue: 245),
    Color(red: 255, green: 183, blue: 3), Color(red: 190, green: 80, blue: 230), Color(red: 0, green: 200, blue: 210),
    Color(red: 255, green: 120, blue: 40), Color(red: 250, green: 120, blue: 190),
  ]
}

/// A picture that lines are drawn on. What lies outside is cut off.
public struct Canvas: Sendable {
  private let width: Int
  private let height: Int
  private var pixels: [UInt8]

  /// Begins with a picture.
  public init(_ image: Image) {
    (width, height, pixels) = (image.width, image.height, image.pixels)
  }

  /// What was drawn so far.
  public var image: Image { Image(checkedWidth: width, height: height, pixels: pixels) }

  /// Draws the outline of a box, inside its edges.
  ///
  /// - Parameters:
  ///   - box: in pixels, corners in any order.
  ///   - thickness: of the lines, in pixels.
  public mutating func outline(_ box: PixelBox, color: Color, thickness: Int) {
    let columns = span(box.ordered.minX, box.ordered.maxX), rows = span(box.ordered.minY, box.ordered.maxY)
    let line = max(thickness, 1)
    fill(columns, rows.lowerBound..<min(rows.lowerBound + line, rows.upperBound), color)
    fill(columns, max(rows.upperBound - line, rows.lowerBound)..<rows.upperBound, color)
    fill(columns.lowerBound..<min(columns.lowerBound + line, columns.upperBound), rows, color)
    fill(max(columns.upperBound - line, columns.lowerBound)..<columns.upperBound, rows, color)
  }

  /// Draws a straight line.
  ///
  /// - Complexity: O(length · thickness²).
  public mutating func line(from start: PixelPoint, to end: PixelPoint, color: Color, thickness: Int) {
    let (from, to) = (near(start), near(end))
    let steps = max(Int(max(abs(to.x - from.x), abs(to.y - from.y)).rounded(.up)), 1)
    for step in 0...steps {
      let share = Float(step) / Float(steps)
      let point = PixelPoint(x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share)
      disc(at: point, radius: Float(max(thickness, 1)) / 2, color: color)
    }
  }

  /// Draws a filled circle.
  public mutating func disc(at center: PixelPoint, radius: Float, color: Color) {
    let center = near(center), radius = min(max(radius, 0.5), Float(Image.maximumSide))
    let columns = span(center.x - radius, center.x + radius).clamped(to: 0..<width)
    let rows = span(center.y - radius, center.y + radius).clamped(to: 0..<height)
    for row in rows {
      for column in columns {
        // By the pixels' centres; the nearest pixel belongs to even the smallest circle.
        let (dx, dy) = (Float(column) + 0.5 - center.x, Float(row) + 0.5 - center.y)
        if dx * dx + dy * dy <= radius * radius || (abs(dx) <= 0.5 && abs(dy) <= 0.5) { set(column, row, color) }
      }
    }
  }

  /// Pixels that a stretch touches, before the edges of the picture are known: at least one.
  private func span(_ low: Float, _ high: Float) -> Range<Int> {
    let bounds = [low, high].map { $0.isNaN ? 0 : min(max($0, -2 * Self.far), 2 * Self.far) }
    let start = Int(bounds[0].rounded(.down))
    return start..<max(Int(bounds[1].rounded(.up)), start + 1)
  }

  private func near(_ point: PixelPoint) -> PixelPoint {
    func near(_ value: Float) -> Float { value.isNaN ? 0 : min(max(value, -Self.far), Self.far) }
    return PixelPoint(x: near(point.x), y: near(point.y))
  }

  private static var far: Float { Float(Image.maximumSide) * 2 }

  private mutating func fill(_ columns: Range<Int>, _ rows: Range<Int>, _ color: Color) {
    for row in rows.clamped(to: 0..<height) {
      for column in columns.clamped(to: 0..<width) { set(column, row, color) }
    }
  }

  private mutating func set(_ column: Int, _ row: Int, _ color: Color) {
    guard (0..<width).contains(column), (0..<height).contains(row) else { return }
    let start = (row * width + column) * 3
    (pixels[start], pixels[start + 1], pixels[start + 2]) = (color.red, color.green, color.blue)
  }
}
