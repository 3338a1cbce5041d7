import Tensors

/// Resizes a grid of vectors as torch's antialiased bicubic interpolation (and `jax.image.resize`) does: a = −0.5, half-pixel
/// centres, the kernel widened when shrinking, weights renormalised at the borders.
enum BicubicResize {
  /// - Parameter table: `[from.count, features]`, row-major over the grid.
  /// - Returns: `[to.count, features]`.
  static func resized(_ table: Tensor, from: GridSize, to: GridSize) -> Tensor {
    guard from != to else { return table }
    let vertical = weights(from: from.height, to: to.height)
    let horizontal = weights(from: from.width, to: to.width)
    let features = table.columns, source = table.values
    var result = [Float](repeating: 0, count: to.count * features)
    for y in 0..<to.height {
      for x in 0..<to.width {
        let target = (y * to.width + x) * features
        for (sourceY, weightY) in vertical[y] {
          for (sourceX, weightX) in horizontal[x] {
            let weight = weightY * weightX, row = (sourceY * from.width + sourceX) * features
            for feature in 0..<features { result[target + feature] += weight * source[row + feature] }
          }
        }
      }
    }
    return Tensor(result, shape: [to.count, features])
  }

  /// The source cells of each target cell with their weights.
  private static func weights(from: Int, to: Int) -> [[(Int, Float)]] {
    let scale = Double(from) / Double(to), stretch = max(scale, 1)
    return (0..<to).map { target in
      let centre = (Double(target) + 0.5) * scale
      let cells = (0..<from).map { ($0, kernel((Double($0) + 0.5 - centre) / stretch)) }.filter { $0.1 != 0 }
      let sum = cells.reduce(0) { $0 + $1.1 }
      return cells.map { ($0.0, Float($0.1 / sum)) }
    }
  }

  private static func kernel(_ distance: Double) -> Double {
    let a = -0.5, x = abs(distance)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }
}
