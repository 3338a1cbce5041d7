/// How long something took, as counts in buckets that grow by a quarter of an octave: exact to 25 %, a few hundred numbers
/// however long the daemon runs.
public struct LatencyHistogram: Sendable, Hashable {
  private static let bucketsPerOctave = 4
  private var buckets: [UInt64] = []

  /// How many durations were recorded.
  public private(set) var count: UInt64 = 0
  /// Their sum, nanoseconds.
  public private(set) var sum: UInt64 = 0
  /// The longest, nanoseconds; 0 when there is none.
  public private(set) var maximum: UInt64 = 0

  /// No durations.
  public init() {}

  /// Adds a duration, nanoseconds.
  public mutating func record(_ duration: UInt64) {
    let index = Self.index(of: duration)
    if index >= buckets.count { buckets.append(contentsOf: repeatElement(0, count: index + 1 - buckets.count)) }
    buckets[index] += 1
    count += 1
    sum &+= duration
    maximum = max(maximum, duration)
  }

  /// The arithmetic mean, nanoseconds; 0 when there is no duration.
  public var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

  /// The duration, nanoseconds, that `share` (0...1) of all durations do not exceed; at most 25 % above the true one, and
  /// never above ``maximum``. 0 when there is no duration.
  public func quantile(_ share: Double) -> UInt64 {
    guard count > 0 else { return 0 }
    let rank = max(1, (min(max(share, 0), 1) * Double(count)).rounded(.up))
    var seen = 0.0
    for (index, bucket) in buckets.enumerated() {
      seen += Double(bucket)
      if seen >= rank { return min(Self.upperBound(of: index), maximum) }
    }
    return maximum
  }

  /// How many durations were below a power of two of at least 4, nanoseconds; exact.
  public func count(below powerOfTwo: UInt64) -> UInt64 {
    guard powerOfTwo >= 4 else { return 0 }
    return buckets.prefix(Self.index(of: powerOfTwo)).reduce(0, +)
  }

  /// Octave in the high part, the two bits below the leading one in the low part; 0...3 ns have buckets of their own.
  private static func index(of duration: UInt64) -> Int {
    guard duration >= 4 else { return Int(duration) }
    let octave = 63 - duration.leadingZeroBitCount
    let quarter = Int((duration >> UInt64(octave - 2)) & 3)
    return (octave - 1) * bucketsPerOctave + quarter
  }

  private static func upperBound(of index: Int) -> UInt64 {
    guard index >= 4 else { return UInt64(index) }
    let octave = index / bucketsPerOctave + 1
    let quarter = UInt64(index % bucketsPerOctave)
    // The last bucket's bound is 2^64 - 1, which wrapping arithmetic gets right.
    return ((5 + quarter) << UInt64(octave - 2)) &- 1
  }
}
