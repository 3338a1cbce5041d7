package import RobotInterface
import UnifiedIO

extension CameraFrame {
  /// The decoded picture.
  ///
  /// - Parameters:
  ///   - subject: names the frame in errors.
  ///   - decode: reads a JPEG or PNG file.
  ///   - wrap: takes width, height and pixels as they are.
  /// - Throws: ``RobotError`` `.invalidImage` for data that is not what the frame declares.
  package func picture<Picture: ActionPicture>(
    _ subject: String, decode: ([UInt8]) throws(ModelError) -> Picture,
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
    let picture: Picture
    do throws(ModelError) { picture = try decode(data) } catch {
      throw RobotError(.invalidImage, "\(subject).data", error.message)
    }
    guard picture.width == width, picture.height == height else {
      throw RobotError(
        .invalidImage, subject,
        "expected the \(width) x \(height) pixels that it declares, found \(picture.width) x \(picture.height)")
    }
    return picture
  }
}
