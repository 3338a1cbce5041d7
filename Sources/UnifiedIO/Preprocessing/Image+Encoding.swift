import CImageCodecs

extension Image {
  /// The picture as a PNG file: 8 bits a channel, RGB, no metadata. ``decode(_:)`` gives the same pixels back.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when the library cannot write it (out of memory).
  public func pngData() throws(ModelError) -> [UInt8] {
    try Self.png { sink, context, report in
      uio2_png_encode(pixels, UInt32(width), UInt32(height), sink, context, &report)
    }
  }

  /// Collects what `encode` writes.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` with the library's words when it fails.
  static func png(
    _ encode: (uio2_image_sink, UnsafeMutableRawPointer, inout uio2_image_report) -> uio2_image_status
  ) throws(ModelError) -> [UInt8] {
    var report = uio2_image_report()
    var file: [UInt8] = []
    let status = withUnsafeMutablePointer(to: &file) { file in
      encode(
        { context, bytes, count in
          context?.assumingMemoryBound(to: [UInt8].self).pointee
            .append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
        }, file, &report)
    }
    guard status == UIO2_IMAGE_OK else {
      throw invalid(
        withUnsafeBytes(of: report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return file
  }
}

extension FloatImage {
  /// The picture in bytes: values from 0 to 1 times 255, cut rather than rounded, as the reference's runner does; what lies
  /// outside is clipped, NaN becomes 0. One channel becomes grey.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` unless there are one or three channels and at most 100 million pixels.
  public func quantized() throws(ModelError) -> Image {
    guard channels == 1 || channels == 3 else {
      throw Image.invalid("expected 1 or 3 channels, found \(channels)")
    }
    let bytes = values.map { $0 > 0 ? UInt8(min($0, 1) * 255) : 0 }
    return try Image(
      width: width, height: height, pixels: channels == 3 ? bytes : bytes.flatMap { [$0, $0, $0] })
  }
}
