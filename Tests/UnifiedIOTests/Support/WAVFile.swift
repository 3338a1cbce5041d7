/// WAV files with anything in them, correct or not.
enum WAVFile {
  /// - Parameters:
  ///   - samples: interleaved when there are several channels.
  ///   - declaredBytes: what the header says of the data; `nil`: the truth.
  static func float(
    _ samples: [Float], channels: Int = 1, rate: Int = 16_000, declaredBytes: UInt32? = nil
  ) -> [UInt8] {
    let data = samples.flatMap { little($0.bitPattern) }
    let format =
      little(UInt16(3)) + little(UInt16(channels)) + little(UInt32(rate)) + little(UInt32(rate * channels * 4))
      + little(UInt16(channels * 4)) + little(UInt16(32))
    let size = declaredBytes ?? UInt32(data.count)
    return Array("RIFF".utf8) + little(UInt32(clamping: 36 + Int(size))) + Array("WAVEfmt ".utf8) + little(UInt32(16))
      + format + Array("data".utf8) + little(size) + data
  }

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
