/// A picture that the decoder is taught, or scored on.
public struct ImageTarget: Sendable, Hashable {
  public let size: ImageSize
  /// `[height, width, 3]`, row-major, −1...1; padding is −1.
  public let pixels: [Float]
  /// Which tokens show something of the picture, row-major; padding is `false` and left out of the loss.
  public let mask: [Bool]

  /// - Throws: ``ModelError`` `.invalidImage` unless there are three values for each pixel.
  public init(size: ImageSize, pixels: [Float], mask: [Bool]) throws(ModelError) {
    guard size.height > 0, size.width > 0, size.height <= Image.maximumSide, size.width <= Image.maximumSide,
      pixels.count == size.height * size.width * 3
    else { throw Image.invalid("\(pixels.count) values do not make a target of \(size) pixels") }
    self.size = size
    self.pixels = pixels
    self.mask = mask
  }
}

extension Preprocessor {
  /// A target picture where the prompt has no picture: resized smoothly onto ``PreprocessingGeometry/targetImageSize``.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when the picture is too narrow to be scaled, `.invalidConfiguration` when the
  ///   target is no square of whole patches.
  public func imageTarget(_ image: Image) throws(ModelError) -> ImageTarget {
    let canvas = geometry.targetImageSize
    try checkTarget()
    let placement = try imageTargetPlacement(width: image.width, height: image.height)
    // One patch as large as the canvas is the canvas itself; mean and deviation 1/2 make −1...1 of 0...1.
    let half = [Float](repeating: 0.5, count: 3)
    let renderer = try PatchRenderer(placement: placement, patchSize: canvas.width, mean: half, deviation: half)
    let rows = placement.top..<(placement.top + placement.size.height)
    let columns = placement.left..<(placement.left + placement.size.width)
    return try ImageTarget(
      size: canvas, pixels: renderer.patches(of: image).patches,
      mask: mask { rows.contains($0) && columns.contains($1) })
  }

  /// A target picture that belongs to the prompt's picture (depth, normals, an edit): placed like that one, then resized; both
  /// times by nearest pixels, so that no new values arise.
  ///
  /// - Parameter input: of the image input; see ``imagePlacement(width:height:)``.
  /// - Throws: as ``imageTarget(_:)``.
  public func imageTarget(_ image: Image, placedLike input: ImagePlacement) throws(ModelError) -> ImageTarget {
    let canvas = geometry.targetImageSize
    try checkTarget()
    // For each row (column) of the target the source's, or nil on the padding.
    func sources(_ count: Int, canvas: Int, offset: Int, size: Int, source: Int) -> [Int?] {
      let resized = ResamplingWeights.nearest(from: source, to: size)
      return ResamplingWeights.nearest(from: canvas, to: count).map { place in
        resized.indices.contains(place - offset) ? resized[place - offset] : nil
      }
    }
    let rows = sources(
      canvas.height, canvas: input.canvas.height, offset: input.top, size: input.size.height, source: image.height)
    let columns = sources(
      canvas.width, canvas: input.canvas.width, offset: input.left, size: input.size.width, source: image.width)
    var pixels = [Float](repeating: -1, count: canvas.height * canvas.width * 3)
    for (y, row) in rows.enumerated() {
      guard let row else { continue }
      for (x, column) in columns.enumerated() {
        guard let column else { continue }
        for channel in 0..<3 {
          let byte = image.pixels[(row * image.width + column) * 3 + channel]
          pixels[(y * canvas.width + x) * 3 + channel] = Float(byte) * Float(1.0 / 255.0) * 2 - 1
        }
      }
    }
    return try ImageTarget(size: canvas, pixels: pixels, mask: mask { rows[$0] != nil && columns[$1] != nil })
  }

  /// Where a picture of this size lies on the canvas of a target; ``ImagePlacement`` `undo` gives a generated
  /// picture its shape.
  ///
  /// - Throws: ``ModelError`` `.invalidImage` when it is too narrow to be scaled.
  public func imageTargetPlacement(width: Int, height: Int) throws(ModelError) -> ImagePlacement {
    try ImagePlacement(source: ImageSize(height: height, width: width), canvas: geometry.targetImageSize)
  }

  /// A token counts when the middle pixel of its patch does.
  private func mask(_ isShown: (_ y: Int, _ x: Int) -> Bool) -> [Bool] {
    let patch = geometry.targetPatchSize, columns = geometry.targetImageSize.width / patch
    return (0..<(geometry.targetImageSize.height / patch * columns)).map { index in
      isShown(index / columns * patch + patch / 2, index % columns * patch + patch / 2)
    }
  }

  private func checkTarget() throws(ModelError) {
    let size = geometry.targetImageSize, patch = geometry.targetPatchSize
    guard size.height == size.width, patch > 0, size.width > 0, size.width % patch == 0 else {
      throw ModelError(
        .invalidConfiguration, "default_image_size", "\(size) is no square made of patches of \(patch) pixels")
    }
  }
}
