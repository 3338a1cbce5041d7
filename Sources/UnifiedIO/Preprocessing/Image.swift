/// A picture: 8-bit RGB, rows from the top.
public struct Image: Sendable, Hashable {
  /// Pixels from left to right, at least 1.
  public let width: Int
  /// Pixels from top to bottom, at least 1.
  public let height: Int
  /// `[height, width, 3]`, row-major, red first, 0...255.
  public let pixels: [UInt8]

  /// Wraps `pixels`, `[height, width, 3]`.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when a side is not in 1...16384, there are more than 100 million pixels, or
  ///   `pixels` does not hold exactly three bytes for each.
  public init(width: Int, height: Int, pixels: [UInt8]) throws(ModelError) {
    guard (1...Self.maximumSide).contains(width), (1...Self.maximumSide).contains(height),
      width * height <= Self.maximumPixelCount
    else {
      throw Self.invalid("\(width) x \(height) pixels; expected 1...\(Self.maximumSide) a side")
    }
    guard pixels.count == width * height * 3 else {
      throw Self.invalid("\(width) x \(height) pixels need \(width * height * 3) bytes, found \(pixels.count)")
    }
    self.init(checkedWidth: width, height: height, pixels: pixels)
  }

  /// For dimensions that were checked already.
  init(checkedWidth width: Int, height: Int, pixels: [UInt8]) {
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Largest width and height that are accepted.
  public static let maximumSide = 16384
  /// Largest product of width and height that is accepted.
  public static let maximumPixelCount = 100_000_000

  static func invalid(_ message: String) -> ModelError {
    ModelError(.invalidImage, "image", message)
  }
}
