/// Tasks that make a picture or a sound.
extension TaskRunner {
  /// Paints what a text describes: the square that the model draws, pulled away from a picture of nothing in particular.
  ///
  /// - Throws: as ``makePicture(for:settings:)``.
  public func picture(
    of description: String, settings: MediaSettings = MediaSettings()
  ) throws(ModelError) -> Image {
    let prompt = try TaskPrompts.imageGeneration.text(settings.wording, about: description)
    return try makePicture(for: TaskInput(prompt: prompt), settings: settings)
  }

  /// Changes a picture as an instruction says.
  ///
  /// - Returns: in the size of the picture.
  /// - Throws: as ``makePicture(for:settings:)``.
  public func edit(
    _ image: Image, by instruction: String, settings: MediaSettings = MediaSettings()
  ) throws(ModelError) -> Image {
    let prompt = try TaskPrompts.imageEditing.text(settings.wording, about: instruction)
    return try makePicture(for: TaskInput(prompt: prompt, image: image), settings: settings)
  }

  /// Fills a region of a picture anew. The model does not see what is there, and nothing outside the region changes: it was taught
  /// the region alone.
  ///
  /// - Parameters:
  ///   - box: the region, in pixels of `image`. The model looks at patches, whose middles decide what it does not see.
  ///   - label: what shall be there, e.g. `cat`; the release always says it, in small letters.
  /// - Returns: in the size of the picture.
  /// - Throws: ``ModelError`` `.invalidInput` when the box shows nothing of the picture; otherwise as
  ///   ``makePicture(for:settings:)``.
  public func inpaint(
    _ box: PixelBox, of image: Image, label: String? = nil, settings: MediaSettings = MediaSettings()
  ) throws(ModelError) -> Image {
    let prompts = label == nil ? TaskPrompts.inpaintingOfBox : .inpainting
    let prompt = try prompts.text(settings.wording, about: label?.lowercased() ?? "")
    let placement = try placement(of: image), hidden = try placement.locations(of: box)
    let input = TaskInput(prompt: prompt, image: image, box: box)
    let painted = try paint(input, settings) { prepared in
      prepared.image?.hide(hidden, canvas: placement.canvas, patchSize: preprocessor.geometry.patchSize)
    }
    return image.replacing(box, by: try painted.quantized())
  }
}

extension TaskRunner {
  /// Makes a sound of 4.08 seconds that a text describes.
  ///
  /// - Parameter vocoder: see ``makeSound(for:vocoder:settings:)``.
  /// - Throws: as ``makeSound(for:vocoder:settings:)``.
  public func sound(
    of description: String, vocoder: Vocoder? = nil, settings: MediaSettings = MediaSettings()
  ) throws(ModelError) -> Sound {
    let prompt = try TaskPrompts.audioGeneration.text(settings.wording, about: description)
    return try makeSound(for: TaskInput(prompt: prompt), vocoder: vocoder, settings: settings)
  }
}

extension PatchInput {
  /// Masks the patches whose middle lies in a box.
  ///
  /// - Parameters:
  ///   - locations: top, left, bottom, right, each in 0...1 of the canvas.
  ///   - canvas: pixels.
  ///   - patchSize: pixels of a side.
  mutating func hide(_ locations: [Float], canvas: ImageSize, patchSize: Int) {
    let edges = locations.map { $0 * Float(canvas.height) }, columns = canvas.width / patchSize
    guard edges.count == 4 else { return }
    for (index, position) in positions.enumerated() {
      let middle = [position / columns, position % columns].map { Float($0 * patchSize + patchSize / 2) + 0.5 }
      if middle[0] > edges[0], middle[0] < edges[2], middle[1] > edges[1], middle[1] < edges[3] { mask[index] = false }
    }
  }
}

extension Image {
  /// The picture with the pixels that a box touches taken from another picture of the same size.
  func replacing(_ box: PixelBox, by other: Image) -> Image {
    func span(_ low: Float, _ high: Float, _ limit: Int) -> Range<Int> {
      let bounds = [low.rounded(.down), high.rounded(.up)].map { Int(min(max($0, 0), Float(limit))) }
      return bounds[0]..<max(bounds[0], bounds[1])
    }
    let rows = span(box.minY, box.maxY, min(height, other.height)), columns = span(box.minX, box.maxX, width)
    guard width == other.width else { return self }
    var result = pixels
    for row in rows {
      let part = ((row * width + columns.lowerBound) * 3)..<((row * width + columns.upperBound) * 3)
      result.replaceSubrange(part, with: other.pixels[part])
    }
    return Image(checkedWidth: width, height: height, pixels: result)
  }
}
