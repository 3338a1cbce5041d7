#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension LogMelSpectrogram {
  /// A sound that has this spectrogram: 65,280 samples at 16 kHz.
  ///
  /// The mel filters are undone by least squares, then phases are found by the fast Griffin-Lim algorithm (Perraudin 2013, momentum
  /// 0.99), as librosa's `mel_to_audio` does. Random phases come from `seed`, so that the same sound is made again.
  ///
  /// - Parameters:
  ///   - iterations: 32 is the reference's choice; more sound a little better.
  ///   - seed: of the phases at the start.
  /// - Throws: ``ModelError`` `.outOfMemory` when there is no memory for the transform.
  public func waveform(iterations: Int = 32, seed: UInt64 = 0) throws(ModelError) -> Sound {
    let synthesis = try Self.synthesis.get()
    let magnitudes = binMagnitudes()
    var generator = SplitMix64(seed: seed)
    var phases: [Double] = []
    phases.reserveCapacity(magnitudes.count * 2)
    for _ in magnitudes.indices {
      let angle = Double.random(in: 0..<(2 * .pi), using: &generator)
      phases += [cos(angle), sin(angle)]
    }
    let momentum = 0.99 / 1.99
    var previous = [Double](repeating: 0, count: phases.count)
    for _ in 0..<max(iterations, 0) {
      let rebuilt = synthesis.forward(synthesis.inverse(Self.scaled(phases, by: magnitudes)))
      for bin in magnitudes.indices {
        let real = rebuilt[2 * bin] - momentum * previous[2 * bin]
        let imaginary = rebuilt[2 * bin + 1] - momentum * previous[2 * bin + 1]
        let length = (real * real + imaginary * imaginary).squareRoot() + 1e-30
        phases[2 * bin] = real / length
        phases[2 * bin + 1] = imaginary / length
      }
      previous = rebuilt
    }
    let samples = synthesis.inverse(Self.scaled(phases, by: magnitudes)).map { Float($0) }
    return Sound(checkedSamples: samples, sampleRate: Sound.modelRate)
  }

  /// `[steps, bins]`.
  private func binMagnitudes() -> [Double] {
    let estimate = SpectrumEstimate(Self.filterbank)
    return (0..<Self.steps).flatMap { step in
      estimate.magnitudes(
        (step * Self.bands..<(step + 1) * Self.bands).map { place in
          // Held to what ``init(segment:)`` can give, so that no generated value leaves the range of numbers.
          isHeard[place] ? min(exp(Double(values[place])), 1e5) : 0
        })
    }
  }

  /// - Parameter phases: `[count, 2]`.
  private static func scaled(_ phases: [Double], by magnitudes: [Double]) -> [Double] {
    var result = phases
    for bin in magnitudes.indices {
      result[2 * bin] *= magnitudes[bin]
      result[2 * bin + 1] *= magnitudes[bin]
    }
    return result
  }

  private static let synthesis = LazyTransform { () throws(ModelError) in
    try ShortTimeFourier(hop: hop, isSymmetric: false)
  }
}
