import CImageCodecs

/// What a picture may cost before it is refused.
public struct ImageLimits: Sendable {
  /// The size that the picture must have as a viewer shows it, after its EXIF orientation; `nil`: any.
  public var size: ImageSize?
  /// Most pixels; more than ``Image/maximumPixelCount`` are never read.
  public var pixelCount: Int
  /// Ends the work from outside; `nil`: nobody does.
  public var cancellation: Cancellation?

  /// Any size up to ``Image/maximumPixelCount`` pixels, unless told otherwise.
  public init(
    size: ImageSize? = nil, pixelCount: Int = Image.maximumPixelCount, cancellation: Cancellation? = nil
  ) {
    self.size = size
    self.pixelCount = pixelCount
    self.cancellation = cancellation
  }
}

extension Image {
  /// Reads a JPEG or PNG file; which one is told from its first bytes.
  ///
  /// The pixels are those of PIL's `convert("RGB")`: accurate transform, smooth chroma, CMYK as Adobe writes it; alpha is
  /// dropped, 16 bits are cut to 8 (16-bit grey too, which PIL would clip), gamma and colour profiles are ignored. Unlike PIL,
  /// the EXIF orientation is applied, so that the picture stands upright, and a file that is damaged or cut short is an error rather
  /// than a picture with grey blocks. Up to 256 stray bytes before the markers of a JPEG, as USB cameras leave them, are no damage.
  ///
  /// - Parameter limits: held against the file's header, before memory is taken or a pixel is decoded.
  /// - Throws: ``ModelError`` `.invalidImage` for other formats, damage, more than 32 scans of a JPEG, and more than ``maximumSide``
  ///   or the allowed number of pixels; `.unexpectedSize` when the picture has another size than the limits name; `.cancelled`.
  /// - Complexity: O(pixels · scans + bytes), whatever the file says.
  public static func decode(_ bytes: [UInt8], within limits: ImageLimits = ImageLimits()) throws(ModelError) -> Image {
    let bounds = uio2_image_limits(
      maximum_side: UInt32(maximumSide), maximum_pixels: UInt64(max(0, min(limits.pixelCount, maximumPixelCount))),
      is_cancelled: limits.cancellation == nil ? nil : Cancellation.ask, context: limits.cancellation?.context)
    // The library asks the object as long as it works.
    defer { withExtendedLifetime(limits.cancellation) {} }
    let orientation = ExifOrientation(of: bytes)
    let stored = try bytes.withUnsafeBufferPointer { bytes throws(ModelError) in
      try withUnsafePointer(to: bounds) { bounds throws(ModelError) in
        try read(bytes, within: bounds) { size throws(ModelError) in
          try check(orientation.swapsSides ? size.swapped : size, is: limits.size)
        }
      }
    }
    return stored.upright(orientation)
  }

  private static func check(_ size: ImageSize, is expected: ImageSize?) throws(ModelError) {
    guard let expected, size != expected else { return }
    throw ModelError(.unexpectedSize, "image", "expected \(expected) pixels, found \(size)")
  }

  /// Decodes a file as it is stored.
  ///
  /// - Parameter check: sees the size before the pixels are decoded.
  private static func read(
    _ bytes: UnsafeBufferPointer<UInt8>, within bounds: UnsafePointer<uio2_image_limits>,
    check: (ImageSize) throws(ModelError) -> Void
  ) throws(ModelError) -> Image {
    var report = uio2_image_report()
    var reader: OpaquePointer?
    var status = uio2_image_open(bytes.baseAddress, bytes.count, bounds, &reader, &report)
    defer { uio2_image_close(reader) }
    guard status == UIO2_IMAGE_OK, let reader else { throw error(status, report) }
    let (width, height) = (Int(report.width), Int(report.height))
    try check(ImageSize(height: height, width: width))
    let count = width * height * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      status = uio2_image_read(reader, buffer.baseAddress, count, &report)
      initializedCount = status == UIO2_IMAGE_OK ? count : 0
    }
    guard status == UIO2_IMAGE_OK else { throw error(status, report) }
    return Image(checkedWidth: width, height: height, pixels: pixels)
  }

  private static func error(_ status: uio2_image_status, _ report: uio2_image_report) -> ModelError {
    let message = withUnsafeBytes(of: report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return ModelError(status == UIO2_IMAGE_CANCELLED ? .cancelled : .invalidImage, "image", message)
  }
}
