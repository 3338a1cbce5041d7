/// Sizes of which memory is kept: four between neighbouring powers of two, so that little is wasted.
struct SizeClass: Hashable {
  /// All there are.
  static let count = 4 * (Int.bitWidth - 1 - smallest)
  /// The power of two of the smallest.
  private static let smallest = 6

  /// Below ``count``.
  let index: Int

  /// The class of the smallest blocks that hold so many bytes.
  init(for byteCount: Int) {
    let wanted = max(byteCount, 1 << Self.smallest)
    let power = Int.bitWidth - 1 - wanted.leadingZeroBitCount
    // Multiples of 64 only.
    let step = max(1 << Self.smallest, (1 << power) / 4)
    let capacity = (wanted + step - 1) / step * step
    let rounded = Int.bitWidth - 1 - capacity.leadingZeroBitCount
    index = 4 * (rounded - Self.smallest) + ((capacity >> (rounded - 2)) & 3)
  }

  init(index: Int) { self.index = index }

  /// Bytes of a block.
  var capacity: Int { (4 + (index & 3)) << (index / 4 + Self.smallest - 2) }

  /// The next larger one.
  var next: SizeClass { SizeClass(index: index + 1) }
}
