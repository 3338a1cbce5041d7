import CoreMetrics
import Synchronization

/// One line, or one histogram, of a metric: its values for one set of labels.
final class MetricSeries: Sendable {
  struct Values {
    /// Of a counter or a gauge; the sum of a histogram.
    var sum: Double = 0
    /// Values up to each bucket's bound and above the bound before; the last counts those above all.
    var buckets: [UInt64]
  }

  private let bounds: [Double]
  private let values: Mutex<Values>

  init(_ kind: MetricDeclaration.Kind) {
    if case .histogram(let buckets) = kind { bounds = buckets } else { bounds = [] }
    values = Mutex(Values(buckets: [UInt64](repeating: 0, count: bounds.count + 1)))
  }

  var current: Values { values.withLock { $0 } }

  func add(_ amount: Double) { values.withLock { $0.sum += amount } }
  func set(_ value: Double) { values.withLock { $0.sum = value } }

  func observe(_ value: Double) {
    guard !value.isNaN else { return }
    let index = bounds.firstIndex { value <= $0 } ?? bounds.count
    values.withLock { values in
      values.sum += value
      values.buckets[index] += 1
    }
  }
}

/// The facade's handlers, each on a series.
final class SeriesCounter: CounterHandler {
  private let series: MetricSeries
  init(_ series: MetricSeries) { self.series = series }
  func increment(by amount: Int64) { if amount > 0 { series.add(Double(amount)) } }
  func reset() { series.set(0) }
}

final class SeriesMeter: MeterHandler {
  private let series: MetricSeries
  init(_ series: MetricSeries) { self.series = series }
  func set(_ value: Int64) { series.set(Double(value)) }
  func set(_ value: Double) { series.set(value) }
  func increment(by amount: Double) { series.add(amount) }
  func decrement(by amount: Double) { series.add(-amount) }
}

final class SeriesRecorder: RecorderHandler {
  private let series: MetricSeries
  private let isHistogram: Bool

  init(_ series: MetricSeries, isHistogram: Bool) {
    self.series = series
    self.isHistogram = isHistogram
  }

  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) { if isHistogram { series.observe(value) } else { series.set(value) } }
}

final class SeriesTimer: TimerHandler {
  private let series: MetricSeries
  init(_ series: MetricSeries) { self.series = series }
  func recordNanoseconds(_ duration: Int64) { series.observe(Double(duration) / 1e9) }
}
