/// SplitMix64: the same numbers in every run, so that a failing case can be seen again.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// `bytes` with up to eight of them changed, and one time in four cut short.
  public mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var copy = bytes
    for _ in 0..<Int.random(in: 1...8, using: &self) {
      copy[Int.random(in: copy.indices, using: &self)] = UInt8.random(in: 0...255, using: &self)
    }
    if Int.random(in: 0..<4, using: &self) == 0 {
      copy.removeLast(Int.random(in: 0..<copy.count, using: &self))
    }
    return copy
  }
}

extension SeededGenerator {
  /// `bytes` with one to four of them changed, left out, repeated or put in, and now and then cut short.
  public mutating func changed(_ bytes: [UInt8]) -> [UInt8] {
    var copy = bytes
    for _ in 0..<Int.random(in: 1...4, using: &self) {
      guard !copy.isEmpty else { return copy }
      let place = Int.random(in: copy.indices, using: &self)
      switch Int.random(in: 0..<16, using: &self) {
      case 0..<5: copy[place] = UInt8.random(in: 0...255, using: &self)
      case 5..<9: copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      case 9..<11: copy.remove(at: place)
      case 11..<13: copy.insert([0x00, 0x7f, 0x80, 0xff][Int.random(in: 0..<4, using: &self)], at: place)
      case 13..<15:
        let end = min(copy.count, place + Int.random(in: 1...40, using: &self))
        copy.insert(contentsOf: copy[place..<end], at: Int.random(in: copy.indices, using: &self))
      default: copy.removeSubrange(place...)
      }
    }
    return copy
  }
}
