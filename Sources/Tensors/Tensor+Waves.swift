#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The activations of vocoders.
extension Tensor {
  /// `x` where it is positive, `slope · x` elsewhere, in place.
  public mutating func applyLeakyReLU(slope: Float) {
    let values = mutablePointer()
    for index in 0..<count { values[index] *= values[index] >= 0 ? 1 : slope }
  }

  /// The hyperbolic tangent, in place.
  public mutating func applyTanh() {
    let values = mutablePointer()
    for index in 0..<count { values[index] = tanh(values[index]) }
  }
}
