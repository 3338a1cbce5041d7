import Foundation
import Tensors
import TestSupport
import Testing

/// Convolutions, group norm and codebooks against plain double-precision loops.
@Suite struct ConvolutionTests {
  private func random(_ shape: [Int], seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &generator) }, shape: shape)
  }

  private func expectClose(_ ours: [Float], _ reference: [Double], _ location: SourceLocation = #_sourceLocation) {
    #expect(ours.count == reference.count, sourceLocation: location)
    for (a, b) in zip(ours, reference) where !(abs(Double(a) - b) <= 1e-4 * max(1, abs(b))) {
      Issue.record("\(a) differs from \(b)", sourceLocation: location)
      return
    }
  }

  /// - Parameter padding: zeros above and left of the picture; as many as needed below and right.
  private func reference(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor, stride: Int, padding: Int, size: (height: Int, width: Int)
  ) -> [Double] {
    let (inputs, height, width) = (x.shape[0], x.shape[1], x.shape[2])
    let (outputs, kernel) = (weight.shape[0], weight.shape[2])
    let pixels = x.values, weights = weight.values, biases = bias.values
    var result: [Double] = []
    for o in 0..<outputs {
      for y in 0..<size.height {
        for column in 0..<size.width {
          var sum = Double(biases[o])
          for i in 0..<inputs {
            for ky in 0..<kernel {
              for kx in 0..<kernel {
                let sy = y * stride + ky - padding, sx = column * stride + kx - padding
                guard (0..<height).contains(sy), (0..<width).contains(sx) else { continue }
                sum +=
                  Double(pixels[(i * height + sy) * width + sx])
                  * Double(weights[((o * inputs + i) * kernel + ky) * kernel + kx])
              }
            }
          }
          result.append(sum)
        }
      }
    }
    return result
  }

  @Test(arguments: [(1, 1, 1), (2, 3, 5), (5, 1, 7), (3, 6, 2), (4, 9, 17), (16, 4, 4), (19, 6, 21)])
  func sizesAreKept(channels: Int, height: Int, width: Int) {
    let x = random([channels, height, width], seed: 1)
    for kernel in [1, 3, 5] {
      let weight = random([3, channels, kernel, kernel], seed: 2), bias = random([3], seed: 3)
      let y = Convolution(weight: weight, bias: bias)(x)
      #expect(y.shape == [3, height, width])
      expectClose(
        y.values,
        reference(x, weight, bias, stride: 1, padding: kernel / 2, size: (height, width)))
    }
  }

  @Test(arguments: [(1, 2, 2), (3, 4, 6), (2, 10, 18)]) func sizesAreHalved(channels: Int, height: Int, width: Int) {
    let x = random([channels, height, width], seed: 4)
    let weight = random([5, channels, 3, 3], seed: 5), bias = random([5], seed: 6)
    let y = Convolution(weight: weight, bias: bias, sampling: .halving)(x)
    #expect(y.shape == [5, height / 2, width / 2])
    expectClose(y.values, reference(x, weight, bias, stride: 2, padding: 0, size: (height / 2, width / 2)))
  }

  @Test func picturesThatAreComputedInPiecesHaveNoSeams() {
    // 24 · 25 · 96 floats a row: the window matrix holds 4 of the 41 rows.
    let x = random([24, 41, 96], seed: 7), weight = random([2, 24, 5, 5], seed: 8), bias = random([2], seed: 9)
    let y = Convolution(weight: weight, bias: bias)(x)
    expectClose(y.values, reference(x, weight, bias, stride: 1, padding: 2, size: (41, 96)))
  }

  @Test func norDoThoseWhoseTilesAre() {
    let x = random([16, 41, 35], seed: 7), weight = random([7, 16, 3, 3], seed: 8), bias = random([7], seed: 9)
    let convolution = Convolution(weight: weight, bias: bias), whole = convolution(x)
    #expect(convolution.suitsWinograd(height: 41, width: 35))
    expectClose(whole.values, reference(x, weight, bias, stride: 1, padding: 1, size: (41, 35)))
    for tiling in [WinogradTiling.four, .six] {
      let atOnce = convolution.byWinograd(x, tiling: tiling)
      expectClose(atOnce.values, whole.values.map { Double($0) })
      for limit in [1, 36 * 23 * 9 * 2] {
        #expect(convolution.byWinograd(x, tiling: tiling, windowLimit: 0, pointLimit: limit).values == atOnce.values)
      }
    }
  }

  @Test func largePicturesHaveLargerTiles() {
    #expect(Convolution.tiling(height: 64, width: 64) == .six)
    #expect(Convolution.tiling(height: 256, width: 200) == .six)
    #expect(Convolution.tiling(height: 32, width: 32) == .four)
    // Two of six rows would be thrown away.
    #expect(Convolution.tiling(height: 4, width: 1024) == .four)
    let x = random([16, 70, 61], seed: 30), weight = random([3, 16, 3, 3], seed: 31), bias = random([3], seed: 32)
    expectClose(
      Convolution(weight: weight, bias: bias)(x).values,
      reference(x, weight, bias, stride: 1, padding: 1, size: (70, 61)))
  }

  /// Where a norm goes before and a short cut around, whichever way the products are made.
  @Test(arguments: [(32, 20, 24, 3), (8, 6, 10, 3), (32, 20, 24, 1)])
  func normsAndShortCuts(inputs: Int, height: Int, width: Int, kernel: Int) {
    let x = random([inputs, height, width], seed: 20), added = random([5, height, width], seed: 21)
    let convolution = Convolution(
      weight: random([5, inputs, kernel, kernel], seed: 22), bias: random([5], seed: 23))
    let norm = GroupNorm(
      weight: random([inputs], seed: 24), bias: random([inputs], seed: 25), groups: 4, epsilon: 1e-6)
    var expected = convolution(norm(x, appliesSiLU: true))
    expectClose(convolution(x, of: norm).values, expected.values.map { Double($0) })
    expected += added
    var sum = added
    let before = added.values
    convolution.add(x, of: norm, to: &sum)
    expectClose(sum.values, expected.values.map { Double($0) })
    #expect(added.values == before)
  }

  @Test func doublingNeedsNoLargerPicture() {
    let x = random([16, 50, 53], seed: 26)
    let convolution = Convolution(weight: random([7, 16, 3, 3], seed: 27), bias: random([7], seed: 28))
    #expect(convolution.suitsDoubling(height: 50, width: 53))
    #expect(!convolution.suitsDoubling(height: 20, width: 20))
    let expected = convolution(x.upsampledNearest()), result = convolution.ofDoubled(x)
    #expect(result.shape == [7, 100, 106])
    expectClose(result.values, expected.values.map { Double($0) })
    #expect(convolution.byWinograd(x, tiling: .doubling, windowLimit: 0, pointLimit: 1).values == result.values)
    let small = random([16, 20, 20], seed: 29)
    #expect(convolution.ofDoubled(small).values == convolution(small.upsampledNearest()).values)
  }

  @Test(arguments: [(4, 2, 3), (6, 3, 700), (32, 32, 5)]) func groupNorm(channels: Int, groups: Int, pixels: Int) {
    let x = random([channels, 1, pixels], seed: 10)
    let weight = random([channels], seed: 11), bias = random([channels], seed: 12)
    let y = GroupNorm(weight: weight, bias: bias, groups: groups, epsilon: 1e-6)(x)
    let values = x.values.map { Double($0) }, members = channels / groups * pixels
    let expected = values.indices.map { index -> Double in
      let group = values[(index / members * members)..<((index / members + 1) * members)]
      let mean = group.reduce(0, +) / Double(members)
      let variance = group.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(members)
      let channel = index / pixels
      return (values[index] - mean) / (variance + 1e-6).squareRoot() * Double(weight.values[channel])
        + Double(bias.values[channel])
    }
    expectClose(y.values, expected)
  }

  @Test func doublingRepeatsPixels() {
    let x = Tensor([1, 2, 3, 4, 5, 6], shape: [1, 2, 3])
    let y = x.upsampledNearest()
    #expect(y.shape == [1, 4, 6])
    #expect(y.values == [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 4, 4, 5, 5, 6, 6])
  }

  @Test(arguments: [(1, 5), (3, 1), (17, 33), (16, 16)]) func transposing(rows: Int, columns: Int) {
    let x = random([rows, columns], seed: 13), y = x.transposed()
    #expect(y.shape == [columns, rows])
    #expect(y.transposed().values == x.values)
    #expect(y.values[rows - 1] == x.values[(rows - 1) * columns])
  }

  @Test func activations() {
    var x = Tensor([-30, -1, 0, 2, 30], shape: [5])
    x.applyReLU()
    #expect(x.values == [0, 0, 0, 2, 30])
  }

  @Test func theNearestEntryWinsAndTheFirstAmongEquals() {
    let codebook = Codebook(Tensor([0, 0, 3, 4, 3, 4, -1, 0], shape: [4, 2]))
    let matches = codebook.nearest(to: Tensor([3, 3, -0.75, 0, 0, 0], shape: [3, 2]))
    #expect(matches.map(\.index) == [1, 3, 0])
    #expect(matches[0].margin == 0)
    #expect(matches[1].margin == 0.5)
  }

  @Test func nearestAgreesWithAllDistances() {
    let entries = random([70, 5], seed: 14), vectors = random([131, 5], seed: 15)
    let matches = Codebook(entries).nearest(to: vectors)
    for (row, match) in matches.enumerated() {
      let distances = (0..<70).map { entry in
        zip(vectors.row(row), entries.row(entry)).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
      }
      let best = distances.min() ?? .infinity
      #expect(abs(distances[match.index] - best) < 1e-5)
    }
  }
}
