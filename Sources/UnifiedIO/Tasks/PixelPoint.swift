/// A point in pixels; 0, 0 is the upper left corner of the picture.
public struct PixelPoint: Sendable, Hashable {
  /// To the right.
  public var x: Float
  /// Downwards.
  public var y: Float

  /// - Parameters:
  ///   - x: to the right.
  ///   - y: downwards.
  public init(x: Float, y: Float) {
    self.x = x
    self.y = y
  }
}

extension ImagePlacement {
  /// The point in the source picture for two location values, row first, each in 0...1 of the canvas; points on the padding go to
  /// the nearest edge.
  ///
  /// - Throws: ``ModelError`` `.invalidInput` unless there are two values.
  public func point(ofLocations values: [Float]) throws(ModelError) -> PixelPoint {
    guard values.count == 2 else {
      throw ModelError(.invalidInput, "point", "expected 2 location values, found \(values.count)")
    }
    let corner = try box(ofLocations: values + values)
    return PixelPoint(x: corner.minX, y: corner.minY)
  }
}
