import Foundation
import Tensors

/// Rows of `(cos, sin)` pairs, one a position, for rotary embedding (MODEL: "llama_rope").
struct RotaryTable: Sendable {
  /// `[positions, headDimension]`.
  let rows: Tensor

  /// Angles for text: `position · 10000^(−2j/d)`.
  init(length: Int, headDimension: Int) {
    let pairs = headDimension / 2
    var values = [Float](repeating: 0, count: length * headDimension)
    for position in 0..<length {
      for pair in 0..<pairs {
        let theta = 1 / pow(Float(10000), Float(2 * pair) / Float(headDimension))
        let angle = Float(position) * theta
        values[position * headDimension + 2 * pair] = cos(angle)
        values[position * headDimension + 2 * pair + 1] = sin(angle)
      }
    }
    rows = Tensor(values, shape: [length, headDimension])
  }

  /// Angles for a grid, row-major: the first half of the pairs turns with the row, the second with the column.
  ///
  /// - Parameter resolution: distance between neighbouring cells.
  init(grid: GridSize, headDimension: Int, resolution: Float) {
    let half = headDimension / 2, pairs = half / 2
    var values = [Float](repeating: 0, count: grid.count * headDimension)
    for y in 0..<grid.height {
      for x in 0..<grid.width {
        let base = (y * grid.width + x) * headDimension
        for pair in 0..<pairs {
          let theta = 1 / pow(Float(10000), Float(2 * pair) / Float(half))
          let vertical = Float(y) * resolution * theta, horizontal = Float(x) * resolution * theta
          values[base + 2 * pair] = cos(vertical)
          values[base + 2 * pair + 1] = sin(vertical)
          values[base + half + 2 * pair] = cos(horizontal)
          values[base + half + 2 * pair + 1] = sin(horizontal)
        }
      }
    }
    rows = Tensor(values, shape: [grid.count, headDimension])
  }

  var count: Int { rows.rows }

  /// The rows of the given positions, `[positions.count, headDimension]`.
  func callAsFunction(_ positions: [Int], of subject: String) throws(ModelError) -> Tensor {
    if let outside = positions.first(where: { $0 < 0 || $0 >= count }) {
      throw ModelError(
        .positionOutOfRange, subject, "position \(outside) has no row; the table has \(count), so use a shorter input")
    }
    return rows.gatheringRows(positions)
  }
}
