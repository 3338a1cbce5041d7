/// An object and its pixels.
public struct SegmentedObject: Sendable, Hashable {
  /// Its pixels, in the size of the picture.
  public var mask: Mask
  /// What was looked for; `nil` where the box alone was given.
  public var label: String?
  /// Where it was looked for, in pixels; `nil` where words alone were given.
  public var box: PixelBox?

  /// - Parameters:
  ///   - mask: in the size of the picture.
  ///   - label: what was looked for.
  ///   - box: where it was looked for.
  public init(mask: Mask, label: String? = nil, box: PixelBox? = nil) {
    self.mask = mask
    self.label = label
    self.box = box
  }
}
