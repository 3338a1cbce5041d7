import CImageCodecs

extension Image {
  /// Reads a JPEG or PNG file; which one is told from its first bytes.
  ///
  /// The pixels are those of PIL's `convert("RGB")`: accurate transform, smooth chroma, CMYK as Adobe writes it; alpha is
  /// dropped, 16 bits are cut to 8 (16-bit grey too, which PIL would clip), gamma and colour profiles are ignored. Unlike PIL,
  /// the EXIF orientation of a JPEG is applied, so that the picture stands upright, and a file that is damaged or cut short is an
  /// error rather than a picture with grey blocks.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` for other formats, damage, and more than ``maximumSide`` or
  ///   ``maximumPixelCount`` pixels, which is seen before memory is taken.
  public static func decode(_ bytes: [UInt8]) throws(ModelError) -> Image {
    var limits = uio2_image_limits(maximum_side: UInt32(maximumSide), maximum_pixels: UInt64(maximumPixelCount))
    var report = uio2_image_report()
    var status = uio2_image_read_header(bytes, bytes.count, &limits, &report)
    guard status == UIO2_IMAGE_OK else { throw invalid(message(of: report)) }
    let (width, height) = (Int(report.width), Int(report.height))
    let count = width * height * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      status = uio2_image_decode(bytes, bytes.count, &limits, buffer.baseAddress, count, &report)
      initializedCount = status == UIO2_IMAGE_OK ? count : 0
    }
    guard status == UIO2_IMAGE_OK else { throw invalid(message(of: report)) }
    return Image(checkedWidth: width, height: height, pixels: pixels).upright(ExifOrientation(jpeg: bytes))
  }

  private static func message(of report: uio2_image_report) -> String {
    withUnsafeBytes(of: report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
