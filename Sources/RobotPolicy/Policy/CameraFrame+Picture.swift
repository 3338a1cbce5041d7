package import RobotInterface
package import UnifiedIO

extension CameraFrame {
  /// The decoded picture.
  ///
  /// - Parameters:
  ///   - subject: names the frame in errors.
  ///   - cancellation: ends the work early.
  ///   - decode: reads a JPEG or PNG file of the declared size.
  ///   - wrap: takes width, height and pixels as they are.
  /// - Throws: ``RobotError`` `.invalidImage` for data that is not what the frame declares; another size is seen before a pixel is
  ///   decoded.
  package func picture<Picture: ActionPicture>(
    _ subject: String, cancellation: Cancellation? = nil,
    decode: ([UInt8], ImageLimits) throws(ModelError) -> Picture,
    wrap: (Int, Int, [UInt8]) throws(ModelError) -> Picture
  ) throws(RobotError) -> Picture {
    let signature: [UInt8]
    switch encoding {
    case .rgb8:
      do throws(ModelError) { return try wrap(width, height, data) } catch {
        throw RobotError(.invalidImage, "\(subject).data", error.message)
      }
    case .jpeg: signature = [0xFF, 0xD8, 0xFF]
    case .png: signature = [0x89, 0x50, 0x4E, 0x47]
    }
    guard data.starts(with: signature) else {
      throw RobotError(.invalidImage, "\(subject).data", "expected \(encoding) data, found something else")
    }
    let declared = ImageSize(height: height, width: width)
    let picture: Picture
    do throws(ModelError) {
      picture = try decode(data, ImageLimits(size: declared, cancellation: cancellation))
    } catch {
      guard error.code == .unexpectedSize else { throw RobotError(.invalidImage, "\(subject).data", error.message) }
      throw RobotError(.invalidImage, subject, "declares another size than its file has: \(error.message)")
    }
    guard picture.width == width, picture.height == height else {
      throw RobotError(
        .invalidImage, subject,
        "expected the \(declared) pixels that it declares, found \(picture.width) x \(picture.height)")
    }
    return picture
  }
}

/// The pixels that the pictures of one request may have together, whatever their encoding.
package struct PixelBudget: Sendable {
  private let limit: Int
  private var left: Int

  /// - Parameter pixels: all of them.
  package init(_ pixels: Int) {
    limit = pixels
    left = pixels
  }

  /// Takes a picture's declared size into account; decoding makes sure that the file has just that size.
  ///
  /// - Throws: ``RobotError`` `.tooLarge` when the request's pictures have too many pixels.
  package mutating func take(_ frame: CameraFrame, _ subject: String) throws(RobotError) {
    let (pixels, isHuge) = frame.width.multipliedReportingOverflow(by: frame.height)
    guard !isHuge, pixels >= 0, pixels <= left else {
      throw RobotError(
        .tooLarge, subject,
        "\(frame.width) x \(frame.height) pixels; the pictures of a request may have \(limit) pixels together, since the "
          + "model sees no more; scale them down")
    }
    left -= pixels
  }
}
