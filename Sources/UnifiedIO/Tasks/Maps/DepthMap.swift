import CImageCodecs

/// How far away every pixel of a picture is.
///
/// The model paints a grey picture; its training data had black at 0 metres and white at ``white``, and the release's evaluation
/// multiplies the grey value by that. (The released runner's comment has black and white the other way round; its own prompts, which
/// ask for darker pixels where the depth is less, do not.)
public struct DepthMap: Sendable, Hashable {
  /// Pixels from left to right, as the picture that was looked at.
  public let width: Int
  /// Pixels from top to bottom.
  public let height: Int
  /// Metres, `[height, width]`, row-major.
  public let distances: [Float]

  /// What white stands for, in metres.
  public static let white: Float = 10

  /// Reads what the model painted.
  ///
  /// - Parameters:
  ///   - picture: values 0...1; of several channels the mean counts.
  ///   - white: what 1 stands for, in metres.
  public init(_ picture: FloatImage, white: Float = Self.white) {
    (width, height) = (picture.width, picture.height)
    distances = picture.greyValues.map { $0 * white }
  }

  /// The smallest and the largest distance, in metres.
  public var range: ClosedRange<Float> {
    let nearest = distances.min() ?? 0
    return nearest...max(distances.max() ?? nearest, nearest)
  }

  /// In metres.
  public var mean: Float { distances.reduce(0, +) / Float(max(distances.count, 1)) }

  /// The distances as a grey picture, near black and far white.
  ///
  /// - Parameter white: what becomes white, in metres.
  /// - Throws: ``ModelError`` `.invalidImage` for a map that is too large for a picture.
  public func picture(white: Float = Self.white) throws(ModelError) -> Image {
    try FloatImage(width: width, height: height, channels: 1, values: distances.map { $0 / white }).quantized()
  }

  /// The distances as a PNG file of 16 bits a pixel: grey, in whole millimetres, as depth cameras write it.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when the library cannot write it (out of memory).
  public func pngData() throws(ModelError) -> [UInt8] {
    // Written so that NaN becomes 0, which depth cameras write for "not known".
    let millimetres = distances.map { $0 > 0 ? UInt16(min(($0 * 1000).rounded(), 65535)) : 0 }
    return try Image.png { sink, context, report in
      uio2_png_encode_grey16(millimetres, UInt32(width), UInt32(height), sink, context, &report)
    }
  }
}

extension FloatImage {
  /// The mean of the channels, `[height, width]`.
  var greyValues: [Float] {
    (0..<(width * height)).map { pixel in
      values[(pixel * channels)..<((pixel + 1) * channels)].reduce(0, +) / Float(channels)
    }
  }
}
