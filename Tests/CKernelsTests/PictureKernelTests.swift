import KernelLevels
import Testing

/// What convolutions and codebooks are made of; all of it moves numbers about and must be exact.
@Suite struct PictureKernelTests {
  @Test(arguments: KernelLevel.all) func windows(level: KernelLevel) {
    for (channels, height, width) in [(1, 1, 1), (2, 3, 5), (1, 1, 17), (3, 6, 15), (2, 17, 33)] {
      let x = Guarded(random(channels * height * width, seed: 1), skew: 1)
      for (kernel, stride, padding) in [(1, 1, 0), (3, 1, 1), (5, 1, 2), (3, 2, 0), (3, 2, 1), (7, 3, 3)] {
        let outWidth = (width + stride - 1) / stride, outHeight = (height + stride - 1) / stride
        for (first, rows) in [(0, outHeight), (outHeight / 2, outHeight - outHeight / 2)] {
          let columns = Guarded(
            repeating: Float.nan, count: channels * kernel * kernel * rows * outWidth, skew: 3)
          level.kernels.im2col(
            columns.pointer, x.pointer, channels, height, width, kernel, stride, padding, outWidth, first, rows)
          var expected: [Float] = []
          for channel in 0..<channels {
            for window in 0..<kernel * kernel {
              for pixel in 0..<rows * outWidth {
                let row = (first + pixel / outWidth) * stride + window / kernel - padding
                let column = pixel % outWidth * stride + window % kernel - padding
                let inside = (0..<height).contains(row) && (0..<width).contains(column)
                expected.append(inside ? x.pointer[(channel * height + row) * width + column] : 0)
              }
            }
          }
          expectIdentical(columns.values(), expected, "kernel \(kernel), stride \(stride)")
        }
      }
    }
  }

  @Test(arguments: KernelLevel.all) func doubledAndTransposed(level: KernelLevel) {
    for (rows, columns) in [(1, 1), (3, 17), (15, 65), (16, 16), (33, 130), (1, 1000)] {
      let x = Guarded(random(2 * rows * columns, seed: 2), skew: 1)
      let y = Guarded(repeating: Float.nan, count: 8 * rows * columns, skew: 2)
      level.kernels.upsample_nearest(y.pointer, x.pointer, 2, rows, columns)
      expectIdentical(
        y.values(),
        (0..<8 * rows * columns).map { index in
          x.pointer[index / (2 * columns) / 2 * columns + index % (2 * columns) / 2]
        })
      let turned = Guarded(repeating: Float.nan, count: rows * columns, skew: 3)
      level.kernels.transpose(turned.pointer, x.pointer, rows, columns)
      expectIdentical(
        turned.values(), (0..<rows * columns).map { x.pointer[$0 % rows * columns + $0 / rows] })
    }
  }

  @Test(arguments: KernelLevel.all) func nearestIsTheFirstOfTheSmallest(level: KernelLevel) {
    for count in awkwardSizes {
      let dots = Guarded(random(count, seed: 3), skew: 1), lengths = Guarded(random(count, seed: 4), skew: 2)
      if count > 40 { lengths.pointer[40] = .nan }
      var index = -1, margin: Float = .nan
      level.kernels.nearest(dots.pointer, lengths.pointer, 0.5, count, &index, &margin)
      let distances = (0..<count).map { 0.5 + lengths.pointer[$0] - 2 * dots.pointer[$0] }.filter { !$0.isNaN }.sorted()
      #expect(abs(0.5 + lengths.pointer[index] - 2 * dots.pointer[index] - distances[0]) < 1e-6)
      if count == 1 {
        #expect(margin == .infinity)
      } else {
        #expect(abs(margin - (distances[1] - distances[0])) < 1e-6)
      }
    }
    var index = -1, margin: Float = .nan
    let equal = Guarded([Float](repeating: 1, count: 40)), none = Guarded([Float](repeating: .nan, count: 40))
    level.kernels.nearest(equal.pointer, equal.pointer, 0, 40, &index, &margin)
    #expect(index == 0 && margin == 0)
    level.kernels.nearest(none.pointer, equal.pointer, 0, 40, &index, &margin)
    #expect(index == 0)
  }
}
