import CSoundProcessing

/// The discrete Fourier transform of real signals of one length, in double precision.
///
/// Unchecked because the plan is never changed, and FFTW allows one plan to be used by several threads.
package final class FourierTransform: @unchecked Sendable {
  /// Values of a signal; a spectrum has `length / 2 + 1` bins.
  let length: Int
  private let plan: OpaquePointer

  /// - Parameter length: an even number of 2...2²⁴.
  /// - Throws: ``ModelError`` `.outOfMemory` when the system has no memory for the plan.
  package init(length: Int) throws(ModelError) {
    guard let plan = uio2_fourier_create(length) else {
      throw ModelError(
        .outOfMemory, "Fourier transform",
        "the system has no memory for a transform of \(length) values; free some and ask again")
    }
    self.length = length
    self.plan = plan
  }

  deinit { uio2_fourier_destroy(plan) }

  var bins: Int { length / 2 + 1 }

  /// - Parameters:
  ///   - signal: `[length]`.
  ///   - spectrum: `[bins, 2]`, real part first; written.
  func forward(_ signal: [Double], into spectrum: inout [Double]) {
    precondition(signal.count == length && spectrum.count == 2 * bins)
    uio2_fourier_forward(plan, signal, &spectrum)
  }

  /// The way back: ``forward(_:into:)`` undone, up to rounding.
  func inverse(_ spectrum: [Double], into signal: inout [Double]) {
    precondition(signal.count == length && spectrum.count == 2 * bins)
    uio2_fourier_inverse(plan, spectrum, &signal)
    let scale = 1 / Double(length)
    for index in signal.indices { signal[index] *= scale }
  }
}
