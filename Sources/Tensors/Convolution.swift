import CKernels

/// A two-dimensional convolution over a feature map `[channels, height, width]`.
///
/// Convolutions of 3 × 3 that keep the size, of 16 channels and more, go by Winograd's method. For the others windows are copied a few
/// rows at a time into a matrix that fits the processor's cache, and the products go to BLAS. Memory stays bounded by the feature maps
/// and, with Winograd's method, the points of the kernels, four to nine times the weight, as long as the call lasts.
public struct Convolution: Sendable {
  /// How output pixels lie over the input.
  public enum Sampling: Sendable, Hashable {
    /// As many pixels as before: `kernel / 2` zeros on every side.
    case same
    /// Every second pixel, one row of zeros below and one column right of the picture (the VQGAN's way of halving).
    case halving
  }

  /// `[outputs, inputs, kernel, kernel]`.
  public let weight: Tensor
  /// `[outputs]`.
  public let bias: Tensor
  public let sampling: Sampling

  /// - Precondition: the kernel is square and its side odd, the bias has one element an output.
  public init(weight: Tensor, bias: Tensor, sampling: Sampling = .same) {
    precondition(weight.shape.count == 4 && weight.shape[2] == weight.shape[3], "a convolution's kernel is square")
    precondition(weight.shape[2] % 2 == 1, "a convolution's kernel has a middle")
    precondition(bias.count == weight.shape[0], "the bias has one element an output")
    self.weight = weight
    self.bias = bias
    self.sampling = sampling
  }

  public var outputs: Int { weight.shape[0] }
  public var inputs: Int { weight.shape[1] }
  public var kernel: Int { weight.shape[2] }

  /// Floats of a window matrix: 1 MiB, which a second-level cache holds; each thread has one.
  private static let matrixSize = 256 << 10

  /// - Parameters:
  ///   - x: `[inputs, height, width]`; sides are even when halving.
  ///   - norm: applied to `x` first, followed by SiLU, y / (1 + e⁻ʸ).
  /// - Returns: `[outputs, height, width]`, or half of both sides.
  /// - Complexity: O(outputs · inputs · kernel² · pixels of the result).
  public func callAsFunction(_ x: Tensor, of norm: GroupNorm? = nil) -> Tensor {
    precondition(x.shape.count == 3 && x.shape[0] == inputs, "the feature map has as many channels as the kernel")
    let (height, width) = (x.shape[1], x.shape[2])
    if suitsWinograd(height: height, width: width) {
      return byWinograd(x, of: norm, tiling: Self.tiling(height: height, width: width))
    }
    return byWindows(norm.map { $0(x, appliesSiLU: true) } ?? x)
  }

  /// Adds the convolution of `x` to what went around it.
  ///
  /// - Parameters:
  ///   - x: as for ``callAsFunction(_:of:)``.
  ///   - norm: applied to `x` first, followed by SiLU.
  ///   - sum: of the result's shape; no memory is taken if nobody else has it.
  public func add(_ x: Tensor, of norm: GroupNorm? = nil, to sum: inout Tensor) {
    precondition(x.shape.count == 3 && x.shape[0] == inputs, "the feature map has as many channels as the kernel")
    let (height, width) = (x.shape[1], x.shape[2])
    guard suitsWinograd(height: height, width: width) else {
      sum += self(x, of: norm)
      return
    }
    precondition(sum.shape == [outputs, height, width], "what is added to has the result's shape")
    byWinograd(x, of: norm, into: &sum, adding: true, tiling: Self.tiling(height: height, width: width))
  }

  /// The convolution of a picture whose every pixel is first repeated twice in both directions.
  ///
  /// - Parameter x: `[inputs, height, width]`.
  /// - Returns: `[outputs, 2 · height, 2 · width]`, or, when halving, the sides of `x`.
  public func ofDoubled(_ x: Tensor) -> Tensor {
    precondition(x.shape.count == 3 && x.shape[0] == inputs, "the feature map has as many channels as the kernel")
    guard suitsDoubling(height: x.shape[1], width: x.shape[2]) else { return self(x.upsampledNearest()) }
    return byWinograd(x, tiling: .doubling)
  }

  /// By matrices of windows, which BLAS multiplies.
  private func byWindows(_ x: Tensor) -> Tensor {
    let (height, width) = (x.shape[1], x.shape[2])
    let stride = sampling == .halving ? 2 : 1, padding = sampling == .halving ? 0 : kernel / 2
    let (outHeight, outWidth) = (height / stride, width / stride)
    let result = Tensor(uninitialized: [outputs, outHeight, outWidth])
    let pixels = outHeight * outWidth, window = inputs * kernel * kernel
    guard pixels > 0 else { return result }
    let operations = 2 * outputs * window * pixels
    if kernel == 1, stride == 1 {
      Parallel.rows(pixels, operations: operations / pixels, unit: 64) { range in
        BLAS.multiply(
          weight.pointer, inputs, x.pointer + range.lowerBound, pixels, into: result.storage.base + range.lowerBound,
          pixels, m: outputs, n: range.count, k: inputs)
      }
    } else {
      let rowsAtOnce = min(outHeight, max(1, Self.matrixSize / (window * outWidth)))
      let shares = (outHeight + rowsAtOnce - 1) / rowsAtOnce
      Parallel.forEach(shares, operations: operations) { share in
        let first = share * rowsAtOnce
        let rows = min(rowsAtOnce, outHeight - first), count = rows * outWidth
        TensorMemory.withScratch(window * count) { columns in
          uio2_im2col(columns, x.pointer, inputs, height, width, kernel, stride, padding, outWidth, first, rows)
          BLAS.multiply(
            weight.pointer, window, columns, count, into: result.storage.base + first * outWidth, pixels, m: outputs,
            n: count, k: window)
        }
      }
    }
    uio2_add_to_rows(result.storage.base, bias.pointer, outputs, pixels)
    return result
  }
}

/// Group norm over a feature map `[channels, height, width]`: mean and variance over the pixels of neighbouring channels.
public struct GroupNorm: Sendable {
  /// `[channels]`.
  public let weight: Tensor
  /// `[channels]`.
  public let bias: Tensor
  public let groups: Int
  public let epsilon: Float

  /// - Precondition: `groups` divides the channels.
  public init(weight: Tensor, bias: Tensor, groups: Int, epsilon: Float) {
    precondition(weight.count == bias.count, "weight and bias of a group norm have the same width")
    precondition(groups > 0 && weight.count % groups == 0, "groups divide the channels")
    self.weight = weight
    self.bias = bias
    self.groups = groups
    self.epsilon = epsilon
  }

  /// - Parameters:
  ///   - x: `[channels, height, width]`.
  ///   - appliesSiLU: whether the result y becomes `y / (1 + e⁻ʸ)`.
  public func callAsFunction(_ x: Tensor, appliesSiLU: Bool = false) -> Tensor {
    let result = Tensor(uninitialized: x.shape), factors = factors(of: x), pixels = x.count / weight.count
    Parallel.rows(weight.count, operations: (appliesSiLU ? 30 : 4) * pixels) { range in
      let channel = range.lowerBound
      uio2_scale_shift(
        result.storage.base + channel * pixels, x.pointer + channel * pixels, factors.scale.pointer + channel,
        factors.shift.pointer + channel, range.count, pixels, appliesSiLU ? 1 : 0)
    }
    return result
  }

  /// The norm of `x` as `x · scale + shift`, one of each a channel.
  func factors(of x: Tensor) -> (scale: Tensor, shift: Tensor) {
    precondition(x.shape.first == weight.count, "the norm has as many channels as the feature map")
    let scale = Tensor(uninitialized: [weight.count]), shift = Tensor(uninitialized: [weight.count])
    let pixels = x.count / weight.count, members = weight.count / groups
    Parallel.rows(groups, operations: 4 * members * pixels) { range in
      let channel = range.lowerBound * members
      uio2_group_norm_factors(
        scale.storage.base + channel, shift.storage.base + channel, x.pointer + channel * pixels,
        weight.pointer + channel, bias.pointer + channel, range.count * members, range.count, pixels, epsilon)
    }
    return (scale, shift)
  }
}

extension Tensor {
  /// Every pixel of a feature map `[channels, height, width]` four times, `[channels, 2 · height, 2 · width]`.
  public func upsampledNearest() -> Tensor {
    precondition(shape.count == 3, "a feature map has channels, height and width")
    let result = Tensor(uninitialized: [shape[0], 2 * shape[1], 2 * shape[2]])
    uio2_upsample_nearest(result.storage.base, pointer, shape[0], shape[1], shape[2])
    return result
  }

  /// A matrix with rows and columns exchanged, `[columns, rows]`.
  public func transposed() -> Tensor {
    let result = Tensor(uninitialized: [columns, rows])
    uio2_transpose(result.storage.base, pointer, rows, columns)
    return result
  }

  /// `max(x, 0)`, in place.
  public mutating func applyReLU() {
    uio2_relu(mutablePointer(), count)
  }
}
