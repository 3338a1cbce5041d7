import CSoundProcessing

extension Sound {
  /// The same sound at another rate, `⌈count · rate / sampleRate⌉` samples.
  ///
  /// soxr's HQ recipe, as librosa's `soxr_hq`; a sound that has the rate already is returned as it is.
  ///
  /// - Parameter rate: samples a second, in ``sampleRates``.
  /// - Throws: ``ModelError`` `.invalidSound` for other rates and for more than ``maximumSampleCount`` samples.
  public func resampled(to rate: Int) throws(ModelError) -> Sound {
    guard rate != sampleRate else { return self }
    guard Self.sampleRates.contains(rate) else {
      throw Self.invalid("cannot be brought to \(rate) samples a second; expected \(Self.sampleRates)")
    }
    let count = Int((Double(samples.count) * Double(rate) / Double(sampleRate)).rounded(.up))
    guard count <= Self.maximumSampleCount else {
      throw Self.invalid("\(count) samples at \(rate) a second are too long")
    }
    var converted = [Float](repeating: 0, count: count)
    // What soxr leaves of the last sample stays silent, as librosa pads it.
    let produced = uio2_sound_resample(samples, samples.count, Double(sampleRate), Double(rate), &converted, count)
    guard produced >= 0 else {
      throw Self.invalid("cannot be brought from \(sampleRate) to \(rate) samples a second")
    }
    return Sound(checkedSamples: converted, sampleRate: rate)
  }
}
