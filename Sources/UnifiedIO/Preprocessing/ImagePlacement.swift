/// Where a picture lies on its canvas: scaled to fit, aspect kept, centred; and the way back.
///
/// All arithmetic is in single precision and cut rather than rounded, as in the reference: the long side of some sizes (148,
/// 183, 298 ...) so ends one pixel short of the canvas, and the trained weights have seen it so.
public struct ImagePlacement: Sendable, Hashable {
  /// Size of the picture before scaling.
  public let source: ImageSize
  /// Size of the canvas.
  public let canvas: ImageSize
  /// Pixels on the canvas for one pixel of the source.
  public let scale: Float
  /// Size of the scaled picture, at most ``canvas``.
  public let size: ImageSize
  /// Empty rows above the picture.
  public let top: Int
  /// Empty columns left of the picture.
  public let left: Int

  /// Fits `source` into `canvas`.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when a side has no pixels before or after scaling, as for a picture 400 times as
  ///   long as it is wide; `.invalidConfiguration` when a side of the canvas is not in 1...16384.
  public init(source: ImageSize, canvas: ImageSize) throws(ModelError) {
    let sides = 1...Image.maximumSide
    guard sides.contains(canvas.height), sides.contains(canvas.width) else {
      throw ModelError(.invalidConfiguration, "image size", "\(canvas) is no canvas; a side has \(sides) pixels")
    }
    guard source.height > 0, source.width > 0 else { throw Image.invalid("\(source) pixels") }
    self.source = source
    self.canvas = canvas
    scale = min(Float(canvas.height) / Float(source.height), Float(canvas.width) / Float(source.width))
    size = ImageSize(
      height: min(Int(Float(source.height) * scale), canvas.height),
      width: min(Int(Float(source.width) * scale), canvas.width))
    guard size.height > 0, size.width > 0 else {
      throw Image.invalid("\(source) pixels are too narrow to be scaled to \(canvas)")
    }
    top = (canvas.height - size.height) / 2
    left = (canvas.width - size.width) / 2
  }

  /// The reference's `image_info`: top, left, 1/scale, source height and width, four zeros (crop offsets, which only its
  /// training augmentation sets), scaled height and width.
  public var information: [Float] {
    [
      Float(top), Float(left), 1 / scale, Float(source.height), Float(source.width), 0, 0, 0, 0, Float(size.height),
      Float(size.width),
    ]
  }

  /// The four location values, each in 0...1, that say `box` to the model: top, left, bottom, right on the canvas.
  ///
  /// - Throws: ``ModelError`` `.invalidInput` when nothing of the box lies in the picture.
  public func locations(of box: PixelBox) throws(ModelError) -> [Float] {
    let rows = [box.minY, box.maxY].map { onCanvas($0, offset: top, limit: canvas.height) }
    let columns = [box.minX, box.maxX].map { onCanvas($0, offset: left, limit: canvas.width) }
    guard rows[1] > rows[0], columns[1] > columns[0] else {
      throw ModelError(.invalidInput, "box", "\(box) is empty or outside the picture of \(source) pixels")
    }
    // By the height in both directions, as the reference does; its canvases are square.
    return [rows[0], columns[0], rows[1], columns[1]].map { $0 / Float(canvas.height) }
  }

  /// The box in the source picture for four location values: top, left, bottom, right, each in 0...1 of the canvas.
  ///
  /// - Throws: ``ModelError`` `.invalidInput` unless there are four values.
  public func box(ofLocations values: [Float]) throws(ModelError) -> PixelBox {
    guard values.count == 4 else {
      throw ModelError(.invalidInput, "box", "expected 4 location values, found \(values.count)")
    }
    let canvasBox = values.map { $0 * Float(canvas.height) }
    return undo(
      PixelBox(minX: canvasBox[1], minY: canvasBox[0], maxX: canvasBox[3], maxY: canvasBox[2]))
  }

  /// A box in pixels of the canvas, in pixels of the source picture; what lies on the padding is cut off.
  public func undo(_ box: PixelBox) -> PixelBox {
    func back(_ value: Float, offset: Int, limit: Int) -> Float {
      min(max((value - Float(offset)) * (1 / scale), 0), Float(limit))
    }
    return PixelBox(
      minX: back(box.minX, offset: left, limit: source.width), minY: back(box.minY, offset: top, limit: source.height),
      maxX: back(box.maxX, offset: left, limit: source.width), maxY: back(box.maxY, offset: top, limit: source.height))
  }

  /// A square picture that the model made for this canvas, in the shape of the source: nearest pixels on a square of the source's
  /// longer side, cut to its middle.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when `picture` is not square.
  public func undo(_ picture: FloatImage) throws(ModelError) -> FloatImage {
    guard picture.width == picture.height else {
      throw Image.invalid("expected a square picture, found \(picture.width) x \(picture.height)")
    }
    let side = max(source.height, source.width)
    let nearest = ResamplingWeights.nearest(from: picture.width, to: side)
    let rows = nearest.dropFirst((side - source.height) / 2).prefix(source.height)
    let columns = nearest.dropFirst((side - source.width) / 2).prefix(source.width)
    var values: [Float] = []
    values.reserveCapacity(rows.count * columns.count * picture.channels)
    for row in rows {
      for column in columns {
        let start = (row * picture.width + column) * picture.channels
        values.append(contentsOf: picture.values[start..<(start + picture.channels)])
      }
    }
    return try FloatImage(width: columns.count, height: rows.count, channels: picture.channels, values: values)
  }

  private func onCanvas(_ value: Float, offset: Int, limit: Int) -> Float {
    max(min(value * scale + Float(offset), Float(limit)), 0)
  }
}

/// A box in pixels, edges rather than pixel centres: the whole picture is 0, 0, width, height.
public struct PixelBox: Sendable, Hashable {
  /// Left edge.
  public var minX: Float
  /// Upper edge; y grows downwards.
  public var minY: Float
  /// Right edge.
  public var maxX: Float
  /// Lower edge.
  public var maxY: Float

  /// In the order of the reference's `box_inputs`.
  public init(minX: Float, minY: Float, maxX: Float, maxY: Float) {
    self.minX = minX
    self.minY = minY
    self.maxX = maxX
    self.maxY = maxY
  }
}

/// A picture of floating-point values, such as a decoder makes.
public struct FloatImage: Sendable, Hashable {
  /// Pixels from left to right.
  public let width: Int
  /// Pixels from top to bottom.
  public let height: Int
  /// Values a pixel.
  public let channels: Int
  /// `[height, width, channels]`, row-major.
  public let values: [Float]

  /// Wraps `values`, `[height, width, channels]`.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when a dimension is not in 1...16384 or `values` has another count.
  public init(width: Int, height: Int, channels: Int, values: [Float]) throws(ModelError) {
    let sides = 1...Image.maximumSide
    guard sides.contains(width), sides.contains(height), sides.contains(channels),
      values.count == width * height * channels
    else {
      throw Image.invalid("\(values.count) values do not make \(width) x \(height) pixels of \(channels) channels")
    }
    self.width = width
    self.height = height
    self.channels = channels
    self.values = values
  }
}
