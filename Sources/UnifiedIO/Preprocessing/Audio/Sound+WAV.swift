import CSoundProcessing

extension Sound {
  /// A WAV file of 16-bit samples; what is louder than ±1 is clipped.
  ///
  /// - Throws: ``ModelError`` `.invalidSound` when the file cannot be made, as for lack of memory.
  public func wav() throws(ModelError) -> [UInt8] {
    let capacity = 128 + 2 * samples.count
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      count = uio2_sound_write_wav(samples, samples.count, UInt32(sampleRate), buffer.baseAddress, capacity)
    }
    guard !bytes.isEmpty else { throw Self.invalid("cannot be written as WAV") }
    return bytes
  }
}
