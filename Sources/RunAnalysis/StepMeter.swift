import Reporting
import RunDatabase

/// Gathers what the steps of all episodes say.
struct StepMeter: Sendable {
  private var periods: [Double] = []
  private var durations: [String: [Double]] = [:]
  private var scored: [(score: Double, success: Bool)] = []
  private var confidenceRange: ClosedRange<Double>?

  mutating func add(_ steps: [StepRecord], success: Bool) {
    for step in steps {
      if let period = step.period { periods.append(period) }
      for (stage, duration) in step.latency { durations[stage, default: []].append(duration) }
    }
    let confidences = steps.compactMap(\.confidence)
    guard let least = confidences.min(), let most = confidences.max() else { return }
    confidenceRange = min(least, confidenceRange?.lowerBound ?? least)...max(most, confidenceRange?.upperBound ?? most)
    scored.append((confidences.reduce(0, +) / Double(confidences.count), success))
  }

  /// Policy steps a second: 1000 over the median period; `nil` without periods.
  static func rate(_ periods: [Double]) -> Double? {
    guard let median = Percentile.median(of: periods), median > 0 else { return nil }
    return 1000 / median
  }

  var controlRate: Double? { Self.rate(periods) }

  var p99Period: Double? { Percentile.percentile(99, of: periods) }

  var latencies: [RunSummary.Latency] {
    durations.compactMap { name, values in
      guard let median = Percentile.median(of: values), let p90 = Percentile.percentile(90, of: values),
        let p99 = Percentile.percentile(99, of: values)
      else { return nil }
      return RunSummary.Latency(name: name, median: median, p90: p90, p99: p99)
    }.sorted { ($1.median, $0.name) < ($0.median, $1.name) }
  }

  var confidence: RunSummary.Confidence? {
    guard let range = confidenceRange, range.lowerBound < range.upperBound else { return nil }
    return RunSummary.Confidence(
      areaUnderCurve: Separation.areaUnderCurve(scored), bins: Separation.calibration(scored))
  }
}
