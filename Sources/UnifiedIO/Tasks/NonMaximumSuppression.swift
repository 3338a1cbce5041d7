/// Drops boxes that say the same thing twice.
public enum NonMaximumSuppression {
  /// The boxes that stay, as indices in ascending order: a box goes when it overlaps an earlier one that stays by more than the
  /// threshold. Answers name the surest box first, so an earlier box is the better one.
  ///
  /// - Parameters:
  ///   - boxes: best first.
  ///   - threshold: intersection over union, 0...1; the release has 0.8.
  /// - Complexity: O(boxes²).
  public static func kept(_ boxes: [PixelBox], threshold: Float) -> [Int] {
    var kept: [Int] = []
    for (index, box) in boxes.enumerated() where kept.allSatisfy({ overlap(boxes[$0], box) <= threshold }) {
      kept.append(index)
    }
    return kept
  }

  /// Intersection over union, 0...1. A box without area overlaps nothing, itself included, and swapped corners are put in order,
  /// as in TensorFlow's `non_max_suppression`.
  public static func overlap(_ one: PixelBox, _ other: PixelBox) -> Float {
    let (a, b) = (one.ordered, other.ordered)
    let areas = (a.area, b.area)
    guard areas.0 > 0, areas.1 > 0 else { return 0 }
    let width = max(min(a.maxX, b.maxX) - max(a.minX, b.minX), 0)
    let height = max(min(a.maxY, b.maxY) - max(a.minY, b.minY), 0)
    return width * height / (areas.0 + areas.1 - width * height)
  }
}

extension PixelBox {
  /// The same box with its corners in order.
  public var ordered: PixelBox {
    PixelBox(minX: min(minX, maxX), minY: min(minY, maxY), maxX: max(minX, maxX), maxY: max(minY, maxY))
  }

  fileprivate var area: Float { (maxX - minX) * (maxY - minY) }
}
