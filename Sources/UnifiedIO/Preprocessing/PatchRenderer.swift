/// Puts a picture on its canvas and cuts it into normalised patches.
///
/// One canvas row is made at a time, resized vertically and then horizontally as TensorFlow does, so that a large picture needs
/// no copy in floating point.
struct PatchRenderer {
  private let placement: ImagePlacement
  private let patchSize: Int
  /// Mean and deviation for each value of a canvas row: constant over the channels' period, so that the loops stay plain.
  private let means: [Float]
  private let deviations: [Float]

  /// CLIP's, in the order red, green, blue.
  static let mean: [Float] = [0.48145466, 0.4578275, 0.40821073]
  static let deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]

  /// - Parameters:
  ///   - mean: subtracted from the values 0...1 of each channel.
  ///   - deviation: divides them then.
  /// - Throws: ``ModelError`` `.invalidConfiguration` unless the canvas is a positive multiple of `patchSize` each way.
  init(
    placement: ImagePlacement, patchSize: Int, mean: [Float] = Self.mean, deviation: [Float] = Self.deviation
  ) throws(ModelError) {
    let canvas = placement.canvas
    guard patchSize > 0, canvas.height % patchSize == 0, canvas.width % patchSize == 0 else {
      throw ModelError(.invalidConfiguration, "image size", "\(canvas) is not made of patches of \(patchSize) pixels")
    }
    self.placement = placement
    self.patchSize = patchSize
    means = (0..<(canvas.width * 3)).map { mean[$0 % 3] }
    deviations = (0..<(canvas.width * 3)).map { deviation[$0 % 3] }
  }

  /// - Parameter image: of the size that the placement was made for.
  func patches(of image: Image) -> PatchInput {
    let canvas = placement.canvas
    let columns = canvas.width / patchSize
    let rows = canvas.height / patchSize
    let valueCount = canvas.height * canvas.width * 3
    let patches = [Float](unsafeUninitializedCapacity: valueCount) { out, initializedCount in
      render(image, into: out)
      initializedCount = valueCount
    }
    // A patch counts when its middle pixel shows the picture.
    let shown = (0..<(rows * columns)).map { patch in
      let y = patch / columns * patchSize + patchSize / 2
      let x = patch % columns * patchSize + patchSize / 2
      return (placement.top..<(placement.top + placement.size.height)).contains(y)
        && (placement.left..<(placement.left + placement.size.width)).contains(x)
    }
    return PatchInput(patches: patches, mask: shown, positions: Array(0..<(rows * columns)))
  }

  /// Writes every value of `out`, `[patches, patchSize · patchSize · 3]`.
  private func render(_ image: Image, into out: UnsafeMutableBufferPointer<Float>) {
    let canvas = placement.canvas
    let size = placement.size
    let isResized = size != placement.source
    let vertical = ResamplingWeights(from: image.height, to: isResized ? size.height : image.height)
    let horizontal = ResamplingWeights(from: image.width, to: isResized ? size.width : image.width)
    var mixed = [Float](repeating: 0, count: image.width * 3)
    // Columns left and right of the picture keep this value: padding is black before normalisation.
    var row = [Float](repeating: 0, count: canvas.width * 3)
    let padding = normalized(row)
    var normal = padding
    for y in 0..<canvas.height {
      let pictureRow = y - placement.top
      guard (0..<size.height).contains(pictureRow) else {
        scatter(padding, row: y, into: out)
        continue
      }
      mixRows(of: image, weights: vertical, index: pictureRow, into: &mixed)
      if isResized {
        mixColumns(of: mixed, weights: horizontal, into: &row)
      } else {
        row.replaceSubrange((placement.left * 3)..<((placement.left + size.width) * 3), with: mixed)
      }
      normalize(row, into: &normal)
      scatter(normal, row: y, into: out)
    }
  }

  /// One row of the vertically resized picture, 0...1.
  private func mixRows(of image: Image, weights: ResamplingWeights, index: Int, into mixed: inout [Float]) {
    let stride = image.width * 3
    image.pixels.withUnsafeBufferPointer { pixels in
      mixed.withUnsafeMutableBufferPointer { mixed in
        for tap in 0..<weights.taps {
          let weight = weights.weights[index * weights.taps + tap]
          let source = UnsafeBufferPointer(rebasing: pixels[((weights.starts[index] + tap) * stride)...].prefix(stride))
          if tap == 0 {
            for i in 0..<stride { mixed[i] = weight * (Float(source[i]) * Self.unit) }
          } else {
            for i in 0..<stride { mixed[i] += weight * (Float(source[i]) * Self.unit) }
          }
        }
      }
    }
  }

  /// Resizes one row horizontally into its place on the canvas.
  private func mixColumns(of mixed: [Float], weights: ResamplingWeights, into row: inout [Float]) {
    let taps = weights.taps
    mixed.withUnsafeBufferPointer { source in
      weights.weights.withUnsafeBufferPointer { weight in
        weights.starts.withUnsafeBufferPointer { starts in
          row.withUnsafeMutableBufferPointer { row in
            for x in 0..<starts.count {
              var sum = SIMD3<Float>.zero
              var from = starts[x] * 3
              for tap in 0..<taps {
                sum += weight[x * taps + tap] * SIMD3(source[from], source[from + 1], source[from + 2])
                from += 3
              }
              let to = (placement.left + x) * 3
              row[to] = sum.x
              row[to + 1] = sum.y
              row[to + 2] = sum.z
            }
          }
        }
      }
    }
  }

  private func normalized(_ row: [Float]) -> [Float] {
    var result = row
    normalize(row, into: &result)
    return result
  }

  private func normalize(_ row: [Float], into result: inout [Float]) {
    row.withUnsafeBufferPointer { row in
      means.withUnsafeBufferPointer { means in
        deviations.withUnsafeBufferPointer { deviations in
          result.withUnsafeMutableBufferPointer { result in
            for i in 0..<row.count {
              // Rounding may leave the range by a hair; the reference clips.
              let value = row[i] < 0 ? 0 : (row[i] > 1 ? 1 : row[i])
              result[i] = (value - means[i]) / deviations[i]
            }
          }
        }
      }
    }
  }

  /// Copies a canvas row into the patches it crosses.
  private func scatter(_ row: [Float], row y: Int, into out: UnsafeMutableBufferPointer<Float>) {
    let run = patchSize * 3
    let columns = placement.canvas.width / patchSize
    row.withUnsafeBufferPointer { row in
      for column in 0..<columns {
        let patch = y / patchSize * columns + column
        let start = (patch * patchSize + y % patchSize) * run
        _ = out[start..<(start + run)].initialize(fromContentsOf: row[(column * run)..<((column + 1) * run)])
      }
    }
  }

  /// What the reference multiplies bytes by.
  private static let unit = Float(1.0 / 255.0)
}
