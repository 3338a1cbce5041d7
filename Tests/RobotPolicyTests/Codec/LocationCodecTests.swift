import RobotPolicy
import TestSupport
import Testing

@Suite("Location codec")
struct LocationCodecTests {
  static let ranges: [ClosedRange<Double>] = {
    var random = SeededGenerator(seed: 5)
    var ranges: [ClosedRange<Double>] = [
      -0.01...0.01, 0...1, 0.3...1, -1...1, 0.1...0.7, 0...(2 * .pi), 1e6...(1e6 + 1),
    ]
    for _ in 0..<40 {
      let scale = Double.random(in: -6...6, using: &random)
      let minimum = Double.random(in: -1...1, using: &random)
      ranges.append(minimum...(minimum + exp10(scale)))
    }
    return ranges
  }()

  private static func exp10(_ exponent: Double) -> Double {
    var value = 1.0
    for _ in 0..<Int(abs(exponent)) { value *= exponent < 0 ? 0.1 : 10 }
    return value
  }

  @Test(arguments: ranges)
  func everyBinSurvivesDecodingAndEncoding(range: ClosedRange<Double>) {
    let codec = LocationCodec(range: range)
    for bin in 0..<1_000 {
      #expect(codec.bin(of: codec.value(of: bin)) == bin)
      #expect(range.contains(codec.value(of: bin)))
    }
    #expect(codec.value(of: 0) == range.lowerBound)
  }

  @Test(arguments: ranges)
  func theErrorIsAtMostHalfABin(range: ClosedRange<Double>) throws {
    var random = SeededGenerator(seed: 6)
    let codec = LocationCodec(range: range)
    let width = range.upperBound - range.lowerBound
    for _ in 0..<500 {
      let value = Double.random(in: range, using: &random)
      let bin = try #require(codec.bin(of: value))
      let rounding = 4 * max(abs(range.lowerBound), abs(range.upperBound)).ulp
      #expect(abs(codec.value(of: bin) - value) <= width / 999 / 2 + rounding)
    }
  }

  @Test func valuesOutsideAreClippedAndThoseThatAreNotNumbersHaveNoBin() {
    let codec = LocationCodec(range: -0.5...0.5)
    #expect(codec.bin(of: -7) == 0)
    #expect(codec.bin(of: 1e300) == 999)
    #expect(codec.bin(of: .nan) == nil)
    #expect(codec.bin(of: .infinity) == nil)
    #expect(codec.value(of: -1) == -0.5)
    #expect(codec.value(of: 5_000) == 0.5)
    #expect(LocationCodec(range: 1...1).bin(of: 1) == nil)
  }

  /// The same numbers as `quantise` and `dequantise` of Policies/training/spec.py.
  @Test func trainingRoundsTheSameWay() {
    let codec = LocationCodec(range: -0.01...0.01)
    #expect(codec.bin(of: 0) == 500)
    #expect(codec.bin(of: 0.01) == 999)
    #expect(codec.bin(of: -0.0001) == 495)
    #expect(codec.value(of: 500) == -0.01 + 500.0 / 999.0 * 0.02)
  }

  @Test func textsOfBinsAreThoseOfTheVocabulary() {
    #expect(LocationCodec.text(of: 0) == "<extra_id_200>")
    #expect(LocationCodec.text(of: 999) == "<extra_id_1199>")
    for bin in 0..<1_000 { #expect(LocationCodec.bin(of: LocationCodec.text(of: bin)) == bin) }
    for text in [
      "<extra_id_199>", "<extra_id_1200>", "<extra_id_0200>", "<extra_id_+200>", "extra_id_200", "<extra_id_>",
    ] {
      #expect(LocationCodec.bin(of: text) == nil)
    }
  }
}
