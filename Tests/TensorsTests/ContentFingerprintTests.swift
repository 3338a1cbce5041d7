import Tensors
import Testing
import TestSupport

@Suite struct ContentFingerprintTests {
  @Test func everyPositionAndLengthCounts() {
    var generator = SeededGenerator(seed: 3)
    // Around the 32 bytes that are mixed at a time.
    for count in [0, 1, 7, 8, 9, 15, 16, 17, 40] {
      let values = (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
      let fingerprint = ContentFingerprint(values)
      #expect(fingerprint == ContentFingerprint(values.map { $0 }))
      #expect(fingerprint != ContentFingerprint(values + [0]))
      for index in values.indices {
        var other = values
        other[index] = other[index].nextUp
        #expect(fingerprint != ContentFingerprint(other))
      }
      for index in values.indices.dropFirst() {
        var other = values
        other.swapAt(index - 1, index)
        #expect(fingerprint != ContentFingerprint(other))
      }
    }
  }
}
