public import CoreMetrics
import Synchronization

/// Keeps what is counted through swift-metrics, and writes it as Prometheus reads it.
///
/// What clients can influence is bounded: each metric has a number of label sets, and whatever comes beyond is counted under the label value
/// `other`; values of labels are cut. Metrics that were not declared are kept as well, up to a number, so that a library's own are seen.
public final class MetricsRegistry: MetricsFactory, Sendable {
  /// The media type of ``text()``.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"
  /// The value of labels beyond the limit.
  public static let overflow = "other"
  /// Bytes of a label's value.
  static let maximumLabelBytes = 96

  private struct Label: Hashable, Comparable {
    var name: String
    var value: String

    static func < (first: Label, second: Label) -> Bool { (first.name, first.value) < (second.name, second.value) }
  }

  private struct Family {
    var declaration: MetricDeclaration
    var series: [[Label]: MetricSeries] = [:]
    /// Asked when the text is made.
    var readings: [[Label]: @Sendable () -> Double] = [:]
  }

  private let maximumSeries: Int
  private let maximumFamilies: Int
  private let families: Mutex<[String: Family]>

  /// - Parameters:
  ///   - declarations: what `/metrics` shows from the start, with help; later ones of the same name are ignored.
  ///   - maximumSeries: label sets of one metric.
  ///   - maximumFamilies: metrics in all, declared or not.
  public init(_ declarations: [MetricDeclaration], maximumSeries: Int = 64, maximumFamilies: Int = 256) {
    self.maximumSeries = maximumSeries
    self.maximumFamilies = max(maximumFamilies, declarations.count)
    let declared = declarations.map { ($0.name, Family(declaration: $0)) }
    families = Mutex(Dictionary(declared) { first, _ in first })
  }

  // MARK: Counting

  /// The series of a metric; one that is shown nowhere if the metric counts otherwise, or there are too many metrics.
  private func series(
    _ label: String, _ dimensions: [(String, String)], _ kind: MetricDeclaration.Kind
  ) -> MetricSeries {
    let declaration = MetricDeclaration(label, kind, "Not declared.")
    let labels = Self.labels(dimensions)
    return families.withLock { families in
      if families[declaration.name] == nil, families.count < maximumFamilies {
        families[declaration.name] = Family(declaration: declaration)
      }
      guard var family = families[declaration.name], Self.agree(family.declaration.kind, kind) else {
        return MetricSeries(kind)
      }
      let known = family.series[labels] != nil || family.series.count < maximumSeries
      let place = known ? labels : labels.map { Label(name: $0.name, value: Self.overflow) }
      if let series = family.series[place] { return series }
      let series = MetricSeries(family.declaration.kind)
      family.series[place] = series
      families[declaration.name] = family
      return series
    }
  }

  /// Whether a declared metric can count what somebody wants to count; its buckets are the declared ones.
  private static func agree(_ declared: MetricDeclaration.Kind, _ wanted: MetricDeclaration.Kind) -> Bool {
    switch (declared, wanted) {
    case (.counter, .counter), (.gauge, .gauge), (.histogram, .histogram): true
    default: false
    }
  }

  private static func labels(_ dimensions: [(String, String)]) -> [Label] {
    var labels: [String: String] = [:]
    for (name, value) in dimensions {
      let name = MetricDeclaration.sanitized(name)
      // `le` is the histograms' own, and two underscores are Prometheus'.
      labels[name == "le" || name.hasPrefix("__") ? "label" + name : name] = cut(value)
    }
    return labels.map { Label(name: $0.key, value: $0.value) }.sorted()
  }

  private static func cut(_ value: String) -> String {
    var result = ""
    for scalar in value.unicodeScalars {
      let next = scalar.value < 0x20 || scalar.value == 0x7f ? "?" : scalar
      guard result.utf8.count + UTF8.width(next) <= maximumLabelBytes else { break }
      result.unicodeScalars.append(next)
    }
    return result
  }

  /// Shows a value that is read when somebody asks: a queue's length, memory.
  ///
  /// - Parameter read: must be quick; called on whichever thread makes the text.
  public func show(
    _ name: String, _ dimensions: [(String, String)] = [], _ kind: MetricDeclaration.Kind = .gauge,
    read: @escaping @Sendable () -> Double
  ) {
    let declaration = MetricDeclaration(name, kind, "Not declared.")
    families.withLock { families in
      guard families[declaration.name] != nil || families.count < maximumFamilies else { return }
      families[declaration.name, default: Family(declaration: declaration)].readings[Self.labels(dimensions)] = read
    }
  }

  // MARK: Showing

  /// Everything, in the text format 0.0.4, metrics by name.
  public func text() -> String {
    let families = families.withLock { $0.values.sorted { $0.declaration.name < $1.declaration.name } }
    var text = ""
    for family in families {
      let name = family.declaration.name
      text += "# HELP \(name) \(Self.escaped(family.declaration.help, quotes: false))\n"
      switch family.declaration.kind {
      case .counter: text += "# TYPE \(name) counter\n"
      case .gauge: text += "# TYPE \(name) gauge\n"
      case .histogram: text += "# TYPE \(name) histogram\n"
      }
      var lines: [([Label], String)] = family.series.map { labels, series in
        (labels, Self.lines(name, labels, series.current, family.declaration.kind))
      }
      lines += family.readings.filter { family.series[$0.key] == nil }.map { labels, read in
        (labels, "\(name)\(Self.braces(labels)) \(Self.number(read()))\n")
      }
      for (_, line) in lines.sorted(by: { $0.0.lexicographicallyPrecedes($1.0) }) { text += line }
    }
    return text
  }

  private static func lines(
    _ name: String, _ labels: [Label], _ values: MetricSeries.Values, _ kind: MetricDeclaration.Kind
  ) -> String {
    guard case .histogram(let bounds) = kind else { return "\(name)\(braces(labels)) \(number(values.sum))\n" }
    var text = "", count: UInt64 = 0
    for (bound, inside) in zip(bounds + [.infinity], values.buckets) {
      count += inside
      text += "\(name)_bucket\(braces(labels + [Label(name: "le", value: number(bound))])) \(count)\n"
    }
    return text + "\(name)_sum\(braces(labels)) \(number(values.sum))\n\(name)_count\(braces(labels)) \(count)\n"
  }

  private static func braces(_ labels: [Label]) -> String {
    guard !labels.isEmpty else { return "" }
    return "{" + labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.append(character)
      }
    }
    return result
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return Int64(exactly: value).map(String.init) ?? "\(value)"
  }
}

// MARK: The facade

extension MetricsRegistry {
  /// A counter.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    SeriesCounter(series(label, dimensions, .counter))
  }

  /// A gauge.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    SeriesMeter(series(label, dimensions, .gauge))
  }

  /// A histogram with the declared buckets if it aggregates, else a gauge.
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    let kind: MetricDeclaration.Kind = aggregate ? .histogram(buckets: MetricDeclaration.seconds) : .gauge
    return SeriesRecorder(series(label, dimensions, kind), isHistogram: aggregate)
  }

  /// A histogram of seconds with the declared buckets.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    SeriesTimer(series(label, dimensions, .histogram(buckets: MetricDeclaration.seconds)))
  }

  /// What was counted stays.
  public func destroyCounter(_ handler: any CounterHandler) {}
  /// What was measured stays.
  public func destroyMeter(_ handler: any MeterHandler) {}
  /// What was recorded stays.
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  /// What was timed stays.
  public func destroyTimer(_ handler: any TimerHandler) {}
}
