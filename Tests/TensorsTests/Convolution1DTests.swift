import TestSupport
import Tensors
import Testing

/// One-dimensional convolutions against the plain sums in double precision.
@Suite struct Convolution1DTests {
  private func random(_ count: Int, _ generator: inout SeededGenerator) -> [Float] {
    (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
  }

  /// Steps, inputs, outputs, kernel, dilation.
  @Test(arguments: [
    [1, 1, 1, 1, 1], [1, 3, 2, 5, 1], [4, 2, 3, 7, 1], [50, 3, 5, 3, 12], [3, 2, 2, 5, 6], [17, 16, 1, 7, 2],
    // More windows than are copied at a time.
    [10_000, 8, 2, 7, 3],
  ])
  func agreesWithItsDefinition(size: [Int]) {
    let (steps, inputs, outputs, kernel, dilation) = (size[0], size[1], size[2], size[3], size[4])
    var generator = SeededGenerator(seed: UInt64(size.reduce(0, +)))
    let x = random(steps * inputs, &generator), weight = random(outputs * inputs * kernel, &generator)
    let bias = random(outputs, &generator)
    let convolution = Convolution1D(
      weight: Tensor(weight, shape: [outputs, inputs, kernel]), bias: Tensor(bias, shape: [outputs]),
      dilation: dilation)
    let result = convolution(Tensor(x, shape: [steps, inputs]))
    #expect(result.shape == [steps, outputs])
    let values = result.values
    for step in Set([0, 1, steps / 3, steps / 2, steps - 2, steps - 1]) where (0..<steps).contains(step) {
      for output in 0..<outputs {
        var sum = Double(bias[output])
        for input in 0..<inputs {
          for tap in 0..<kernel {
            let source = step + (tap - kernel / 2) * dilation
            guard (0..<steps).contains(source) else { continue }
            sum += Double(x[source * inputs + input]) * Double(weight[(output * inputs + input) * kernel + tap])
          }
        }
        #expect(abs(Double(values[step * outputs + output]) - sum) < 1e-4)
      }
    }
  }

  /// Steps, inputs, outputs, kernel, stride.
  @Test(arguments: [[1, 1, 1, 1, 1], [1, 3, 2, 16, 8], [5, 2, 3, 8, 4], [7, 4, 1, 3, 1], [9, 2, 2, 4, 4]])
  func transposedAgreesWithItsDefinition(size: [Int]) {
    let (steps, inputs, outputs, kernel, stride) = (size[0], size[1], size[2], size[3], size[4])
    var generator = SeededGenerator(seed: UInt64(size.reduce(0, +)))
    let x = random(steps * inputs, &generator), weight = random(inputs * outputs * kernel, &generator)
    let bias = random(outputs, &generator)
    var expected = (0..<(steps * stride * outputs)).map { Double(bias[$0 % outputs]) }
    for step in 0..<steps {
      for tap in 0..<kernel {
        let place = step * stride + tap - (kernel - stride) / 2
        guard (0..<(steps * stride)).contains(place) else { continue }
        for output in 0..<outputs {
          for input in 0..<inputs {
            expected[place * outputs + output] +=
              Double(x[step * inputs + input]) * Double(weight[(input * outputs + output) * kernel + tap])
          }
        }
      }
    }
    let convolution = TransposedConvolution1D(
      weight: Tensor(weight, shape: [inputs, outputs, kernel]), bias: Tensor(bias, shape: [outputs]), stride: stride)
    let result = convolution(Tensor(x, shape: [steps, inputs]))
    #expect(result.shape == [steps * stride, outputs])
    for (found, wanted) in zip(result.values, expected) { #expect(abs(Double(found) - wanted) < 1e-4) }
  }

  @Test func activationsAreWhatTheyAreCalled() {
    let values: [Float] = [-2, -0.5, 0, 0.5, 20]
    var leaky = Tensor(values, shape: [5]), bent = leaky
    leaky.applyLeakyReLU(slope: 0.1)
    #expect(leaky.values == [-0.2, -0.05, 0, 0.5, 20])
    bent.applyTanh()
    for (found, wanted) in zip(bent.values, [-0.964028, -0.462117, 0, 0.462117, 1]) {
      #expect(abs(Double(found) - wanted) < 1e-6)
    }
    #expect(Tensor(values, shape: [5]).values == values, "a copy is changed, not what it was copied from")
  }
}
