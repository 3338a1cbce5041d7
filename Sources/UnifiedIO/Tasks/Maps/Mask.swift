/// Which pixels of a picture belong to something.
public struct Mask: Sendable, Hashable {
  /// Pixels from left to right, as the picture that was looked at.
  public let width: Int
  /// Pixels from top to bottom.
  public let height: Int
  /// `[height, width]`, row-major.
  public let pixels: [Bool]

  /// What the grey value of a pixel that belongs to the mask is above.
  public static let threshold: Float = 0.5

  /// Reads what the model painted.
  ///
  /// - Parameters:
  ///   - picture: values 0...1; of several channels the mean counts.
  ///   - threshold: a pixel belongs to the mask when it is brighter.
  public init(_ picture: FloatImage, threshold: Float = Self.threshold) {
    (width, height) = (picture.width, picture.height)
    pixels = picture.greyValues.map { $0 > threshold }
  }

  /// - Throws: ``ModelError`` `.invalidImage` unless there is a value for each pixel.
  public init(width: Int, height: Int, pixels: [Bool]) throws(ModelError) {
    guard width > 0, height > 0, pixels.count == width * height else {
      throw Image.invalid("\(pixels.count) values do not make a mask of \(width) x \(height) pixels")
    }
    (self.width, self.height, self.pixels) = (width, height, pixels)
  }

  /// What belongs to any of some masks of a picture.
  ///
  /// - Parameters:
  ///   - width: of the picture.
  ///   - height: of the picture.
  /// - Throws: ``ModelError`` `.invalidImage` when a mask has another size.
  public static func union(_ masks: [Mask], width: Int, height: Int) throws(ModelError) -> Mask {
    var pixels = [Bool](repeating: false, count: max(width, 0) * max(height, 0))
    for mask in masks {
      guard mask.width == width, mask.height == height else {
        throw Image.invalid("a mask of \(mask.width) x \(mask.height) pixels; expected \(width) x \(height)")
      }
      for (place, isInside) in mask.pixels.enumerated() where isInside { pixels[place] = true }
    }
    return try Mask(width: width, height: height, pixels: pixels)
  }

  /// Pixels that belong to the mask.
  public var area: Int { pixels.count(where: \.self) }

  /// The part of the picture that belongs to the mask, 0...1.
  public var share: Double { Double(area) / Double(max(pixels.count, 1)) }

  /// The smallest box around the mask, in pixels; `nil` when nothing belongs to it.
  public var box: PixelBox? {
    var columns = (first: Int.max, last: Int.min), rows = (first: Int.max, last: Int.min)
    for (place, isInside) in pixels.enumerated() where isInside {
      let (row, column) = (place / width, place % width)
      columns = (min(columns.first, column), max(columns.last, column))
      rows = (min(rows.first, row), max(rows.last, row))
    }
    guard columns.first <= columns.last else { return nil }
    return PixelBox(
      minX: Float(columns.first), minY: Float(rows.first), maxX: Float(columns.last + 1), maxY: Float(rows.last + 1))
  }

  /// White where the mask is, black elsewhere.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` for a mask that is too large for a picture.
  public func picture() throws(ModelError) -> Image {
    try Image(width: width, height: height, pixels: pixels.flatMap { [UInt8](repeating: $0 ? 255 : 0, count: 3) })
  }
}
