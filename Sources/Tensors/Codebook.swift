import CKernels

/// The entries of a vector quantiser: the nearest one is found by squared distance.
public struct Codebook: Sendable {
  /// `[entries, dimension]`.
  public let entries: Tensor
  /// `|e|²` of each entry.
  private let squaredLengths: Tensor

  /// - Parameter entries: `[entries, dimension]`, at least one.
  public init(_ entries: Tensor) {
    precondition(entries.shape.count == 2 && entries.rows > 0, "a codebook is a matrix with entries")
    self.entries = entries
    squaredLengths = Tensor(Self.squaredLengths(entries), shape: [entries.rows])
  }

  public var count: Int { entries.rows }
  public var dimension: Int { entries.columns }

  /// The entry nearest to each row.
  public struct Match: Sendable, Hashable {
    public let index: Int
    /// How much larger the squared distance of the second nearest entry is; what is smaller than a rounding error is a tie.
    public let margin: Float
  }

  /// The nearest entry of each row, the first among equals; `|z|² + |e|² − 2 z·e` as the reference computes it.
  ///
  /// - Parameter vectors: `[rows, dimension]`.
  /// - Complexity: O(rows · entries · dimension).
  public func nearest(to vectors: Tensor) -> [Match] {
    precondition(vectors.columns == dimension, "vectors are as wide as the codebook")
    let own = Self.squaredLengths(vectors)
    var matches: [Match] = []
    matches.reserveCapacity(vectors.rows)
    // In pieces, so that large codebooks need no matrix of all distances.
    for start in stride(from: 0, to: vectors.rows, by: 64) {
      let piece = vectors.rows(in: start..<min(start + 64, vectors.rows))
      let dots = piece.multiplied(byRowsOf: entries, 0..<count)
      withExtendedLifetime(dots) {
        for row in 0..<piece.rows {
          var index = 0, margin: Float = 0
          uio2_nearest(dots.pointer + row * count, squaredLengths.pointer, own[start + row], count, &index, &margin)
          matches.append(Match(index: index, margin: margin))
        }
      }
    }
    return matches
  }

  private static func squaredLengths(_ vectors: Tensor) -> [Float] {
    let columns = vectors.columns
    return vectors.withSpan { span in
      (0..<vectors.rows).map { row in
        var sum: Float = 0
        for column in 0..<columns { sum += span[row * columns + column] * span[row * columns + column] }
        return sum
      }
    }
  }
}
