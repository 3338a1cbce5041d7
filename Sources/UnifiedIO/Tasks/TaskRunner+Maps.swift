/// Tasks that say something about every pixel: distance and direction.
extension TaskRunner {
  /// Estimates how far away every pixel is.
  ///
  /// The released weights have seen little of this task.
  ///
  /// - Returns: in the size of the picture.
  /// - Throws: as ``makePicture(for:settings:)``.
  public func depth(of image: Image, settings: MediaSettings = .map) throws(ModelError) -> DepthMap {
    let prompt = try TaskPrompts.depth.text(settings.wording)
    return DepthMap(try paint(TaskInput(prompt: prompt, image: image), settings))
  }

  /// Estimates which way every surface faces.
  ///
  /// - Returns: in the size of the picture.
  /// - Throws: as ``makePicture(for:settings:)``.
  public func surfaceNormals(of image: Image, settings: MediaSettings = .map) throws(ModelError) -> NormalMap {
    let prompt = try TaskPrompts.surfaceNormals.text(settings.wording)
    return try NormalMap(try paint(TaskInput(prompt: prompt, image: image), settings))
  }
}
