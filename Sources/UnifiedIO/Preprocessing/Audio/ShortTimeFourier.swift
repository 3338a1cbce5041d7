import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Spectra of overlapping windows, centred on every `hop`-th sample, and the way back (librosa's `stft` and `istft`).
struct ShortTimeFourier: Sendable {
  let hop: Int
  private let transform: FourierTransform
  private let window: [Double]

  /// Samples under a window.
  static let length = 1024

  /// - Parameter isSymmetric: whether the Hann window ends in zero on both sides, as the model's spectrograms have it; the
  ///   periodic one, which adds up evenly, is for synthesis.
  /// - Throws: ``ModelError`` `.outOfMemory` when there is no memory for the transform.
  init(hop: Int, isSymmetric: Bool) throws(ModelError) {
    self.hop = hop
    transform = try FourierTransform(length: Self.length)
    let steps = Double(isSymmetric ? Self.length - 1 : Self.length)
    // From -π, as SciPy has it, so that both ends are exactly zero.
    window = (0..<Self.length).map { 0.5 + 0.5 * cos(-Double.pi + 2 * Double.pi * Double($0) / steps) }
  }

  var bins: Int { transform.bins }

  /// - Parameter signal: more than `length / 2` samples; continued by reflection at both ends.
  /// - Returns: `[1 + count / hop, bins, 2]`, real part first.
  func forward(_ signal: [Double]) -> [Double] {
    let half = Self.length / 2
    precondition(signal.count > half, "too short to be reflected")
    let left = signal[1...half].reversed(), right = signal.suffix(half + 1).dropLast().reversed()
    let padded = Array(left) + signal + Array(right)
    let frames = 1 + signal.count / hop
    var result: [Double] = []
    result.reserveCapacity(frames * bins * 2)
    var frame = [Double](repeating: 0, count: Self.length)
    var spectrum = [Double](repeating: 0, count: bins * 2)
    for start in stride(from: 0, to: frames * hop, by: hop) {
      for index in 0..<Self.length { frame[index] = window[index] * padded[start + index] }
      transform.forward(frame, into: &spectrum)
      result += spectrum
    }
    return result
  }

  /// - Parameter spectra: as ``forward(_:)`` gives them, or changed.
  /// - Returns: `(frames - 1) · hop` samples whose spectra are, by least squares, the nearest.
  func inverse(_ spectra: [Double]) -> [Double] {
    let width = bins * 2, frames = spectra.count / width
    let total = Self.length + hop * max(frames - 1, 0)
    var signal = [Double](repeating: 0, count: total)
    var weight = [Double](repeating: 0, count: total)
    var frame = [Double](repeating: 0, count: Self.length)
    for index in 0..<frames {
      transform.inverse(Array(spectra[index * width..<(index + 1) * width]), into: &frame)
      let start = index * hop
      for place in 0..<Self.length {
        signal[start + place] += window[place] * frame[place]
        weight[start + place] += window[place] * window[place]
      }
    }
    let half = Self.length / 2
    return (half..<max(half, total - half)).map { weight[$0] > 1e-30 ? signal[$0] / weight[$0] : signal[$0] }
  }
}

/// A transform that is made when it is first needed and kept; where there was no memory for it, the next caller tries again.
final class LazyTransform: Sendable {
  private let made = Mutex<ShortTimeFourier?>(nil)
  private let make: @Sendable () throws(ModelError) -> ShortTimeFourier

  init(_ make: @escaping @Sendable () throws(ModelError) -> ShortTimeFourier) { self.make = make }

  /// - Throws: ``ModelError`` `.outOfMemory` when there is no memory for it.
  func get() throws(ModelError) -> ShortTimeFourier {
    let result = made.withLock { made -> Result<ShortTimeFourier, ModelError> in
      if let made { return .success(made) }
      return Result { () throws(ModelError) in
        let transform = try make()
        made = transform
        return transform
      }
    }
    return try result.get()
  }
}
