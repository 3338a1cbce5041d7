/// How well a score, such as the confidence of a policy, tells successes from failures.
public enum Separation {
  /// The area under the receiver operating characteristic: the probability that a success has a higher score than a failure; ties
  /// count one half.
  ///
  /// - Returns: `nil` when there are no successes, no failures, or a score is not a number.
  /// - Complexity: O(n · log n).
  public static func areaUnderCurve(_ scored: [(score: Double, success: Bool)]) -> Double? {
    let successes = scored.count(where: \.success)
    let failures = scored.count - successes
    guard successes > 0, failures > 0, !scored.contains(where: { $0.score.isNaN }) else { return nil }
    let sorted = scored.sorted { $0.score < $1.score }
    var rankSum = 0.0
    var start = 0
    while start < sorted.count {
      let end = sorted[start...].firstIndex { $0.score != sorted[start].score } ?? sorted.count
      // Equal scores share the mean of their ranks, which count from 1.
      let rank = Double(start + 1 + end) / 2
      rankSum += rank * Double(sorted[start..<end].count(where: \.success))
      start = end
    }
    let (s, f) = (Double(successes), Double(failures))
    return (rankSum - s * (s + 1) / 2) / (s * f)
  }

  /// One bin of a calibration curve.
  public struct CalibrationBin: Sendable, Hashable {
    /// Mean score of the bin.
    public var meanScore: Double
    /// The bin's episodes.
    public var outcomes: Proportion
  }

  /// Episodes in bins of equal width over 0...1 by score; empty bins are left out.
  ///
  /// - Parameter bins: at least 1.
  public static func calibration(_ scored: [(score: Double, success: Bool)], bins: Int = 10) -> [CalibrationBin] {
    let bins = max(1, bins)
    var groups = [[(score: Double, success: Bool)]](repeating: [], count: bins)
    for entry in scored where (0...1).contains(entry.score) {
      groups[min(bins - 1, Int(entry.score * Double(bins)))].append(entry)
    }
    return groups.compactMap { group in
      guard !group.isEmpty, let outcomes = Proportion(successes: group.count(where: \.success), of: group.count) else {
        return nil
      }
      return CalibrationBin(meanScore: group.reduce(0) { $0 + $1.score } / Double(group.count), outcomes: outcomes)
    }
  }
}
