/// Tasks that mark the pixels of an object.
extension TaskRunner {
  /// Marks the pixels of the object in a box.
  ///
  /// - Parameters:
  ///   - box: in pixels of `image`.
  ///   - label: what the object is, e.g. `cat`; the release always says it.
  /// - Returns: in the size of the picture.
  /// - Throws: ``ModelError`` `.invalidInput` when the box shows nothing of the picture; otherwise as
  ///   ``makePicture(for:settings:)``.
  public func mask(
    in box: PixelBox, of image: Image, label: String? = nil, settings: MediaSettings = .mask
  ) throws(ModelError) -> Mask {
    let prompts = label == nil ? TaskPrompts.segmentationOfBox : .segmentation
    let prompt = try prompts.text(settings.wording, about: label ?? "")
    return Mask(try paint(TaskInput(prompt: prompt, image: image, box: box), settings))
  }

  /// Marks the pixels of what an expression describes, in one go.
  ///
  /// The release was taught this wording; its runner does not use it, see
  /// ``masks(of:in:threshold:overlap:settings:)``.
  ///
  /// - Returns: in the size of the picture.
  /// - Throws: as ``makePicture(for:settings:)``.
  public func mask(
    of expression: String, in image: Image, settings: MediaSettings = .mask
  ) throws(ModelError) -> Mask {
    let prompt = try TaskPrompts.segmentationOfExpression.text(settings.wording, about: expression)
    return Mask(try paint(TaskInput(prompt: prompt, image: image), settings))
  }

  /// Finds all regions of a category, then marks the pixels in each, as the released runner does: one answer for the boxes and a
  /// picture for every box. Masks without a pixel are left out.
  ///
  /// - Parameters:
  ///   - category: e.g. `person`.
  ///   - threshold: see ``regions(of:in:threshold:overlap:withoutCategory:settings:)``, as `overlap`.
  /// - Throws: as ``makePicture(for:settings:)``.
  public func masks(
    of category: String, in image: Image, threshold: Double = 0.3, overlap: Float? = 0.8,
    settings: MediaSettings = .mask
  ) throws(ModelError) -> [SegmentedObject] {
    // Before the boxes are looked for, which takes its time.
    _ = try model.tokenizer(model.imageTokenizer, .image)
    let search = TaskSettings(onProgress: settings.onProgress)
    let regions = try regions(of: category, in: image, threshold: threshold, overlap: overlap, settings: search)
    let placement = try placement(of: image)
    var objects: [SegmentedObject] = []
    for region in regions.objects {
      let box = region.box.ordered
      // A box without area cannot be asked about.
      guard (try? placement.locations(of: box)) != nil else { continue }
      let mask = try mask(in: box, of: image, label: category, settings: settings)
      if mask.box != nil { objects.append(SegmentedObject(mask: mask, label: category, box: box)) }
    }
    return objects
  }
}
