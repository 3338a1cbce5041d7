/// Which way every surface of a picture faces.
///
/// The model paints directions as colours: red, green and blue from 0 to 1 are x, y and z from −1 to 1, as in the release's
/// evaluation. Which way the axes point is as in the data that the model was taught with, and is not said by the release.
public struct NormalMap: Sendable, Hashable {
  /// Pixels from left to right, as the picture that was looked at.
  public let width: Int
  /// Pixels from top to bottom.
  public let height: Int
  /// Directions of length 1, `[height, width]`, row-major; all zeros where the colour is the grey that stands for none.
  public let vectors: [SIMD3<Float>]

  /// Reads what the model painted.
  ///
  /// - Parameter picture: red, green and blue, 0...1.
  /// - Throws: ``ModelError`` `.invalidImage` unless there are three channels.
  public init(_ picture: FloatImage) throws(ModelError) {
    guard picture.channels == 3 else {
      throw Image.invalid("expected the three channels of a direction, found \(picture.channels)")
    }
    (width, height) = (picture.width, picture.height)
    vectors = stride(from: 0, to: picture.values.count, by: 3).map { place in
      let color = SIMD3(picture.values[place], picture.values[place + 1], picture.values[place + 2])
      return Self.unit(color * 2 - 1)
    }
  }

  /// The direction that all together face; zeros when they cancel out.
  public var mean: SIMD3<Float> { Self.unit(vectors.reduce(.zero, +)) }

  /// The directions as colours.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` for a map that is too large for a picture.
  public func picture() throws(ModelError) -> Image {
    let values = vectors.flatMap { vector in
      let color = (vector + 1) / 2
      return [color.x, color.y, color.z]
    }
    return try FloatImage(width: width, height: height, channels: 3, values: values).quantized()
  }

  private static func unit(_ vector: SIMD3<Float>) -> SIMD3<Float> {
    let length = (vector * vector).sum().squareRoot()
    return length > 1e-6 ? vector / length : .zero
  }
}
