import CoreMetrics
import Foundation
import PrometheusMetrics
import Testing

@Suite("What was counted, as Prometheus reads it")
struct MetricsRegistryTests {
  private let registry = MetricsRegistry(
    [
      MetricDeclaration("requests_total", .counter, "Requests by wire and outcome.\nTwo lines, a \\."),
      MetricDeclaration("step_seconds", .histogram(buckets: [1, 0.1]), "Stages."),
      MetricDeclaration("queue_length", .gauge, "Waiting."),
    ], maximumSeries: 3, maximumFamilies: 5)

  /// The lines of a metric, without help and type.
  private func lines(_ name: String) -> [String] {
    registry.text().split(separator: "\n").map(String.init).filter { $0.hasPrefix(name) }
  }

  @Test func `declared metrics are there from the start, with help`() {
    #expect(
      registry.text() == """
        # HELP queue_length Waiting.
        # TYPE queue_length gauge
        # HELP requests_total Requests by wire and outcome.\\nTwo lines, a \\\\.
        # TYPE requests_total counter
        # HELP step_seconds Stages.
        # TYPE step_seconds histogram

        """)
  }

  @Test func `counters, with labels in one order`() {
    let labels = [("wire", "openpi"), ("outcome", "acted")]
    Counter(label: "requests_total", dimensions: labels, factory: registry).increment(by: 2)
    Counter(label: "requests_total", dimensions: labels.reversed(), factory: registry).increment()
    Counter(label: "requests_total", dimensions: labels, factory: registry).increment(by: -5)
    #expect(lines("requests") == [#"requests_total{outcome="acted",wire="openpi"} 3"#])
  }

  @Test func `histograms count up to and including their bounds`() {
    let recorder = Recorder(label: "step_seconds", dimensions: [], aggregate: true, factory: registry)
    for value in [0.05, 0.1, 0.5, 7] { recorder.record(value) }
    recorder.record(Double.nan)
    Timer(label: "step_seconds", dimensions: [], factory: registry).recordNanoseconds(1_000_000_000)
    #expect(
      lines("step") == [
        #"step_seconds_bucket{le="0.1"} 2"#, #"step_seconds_bucket{le="1"} 4"#, #"step_seconds_bucket{le="+Inf"} 5"#,
        "step_seconds_sum 8.65", "step_seconds_count 5",
      ])
  }

  @Test func `gauges that are set, and that are read`() {
    Meter(label: "queue_length", dimensions: [("wire", "a")], factory: registry).set(3)
    registry.show("queue_length", [("wire", "b")]) { 2.5 }
    registry.show("queue_length", [("wire", "c")]) { -.infinity }
    #expect(
      lines("queue") == [#"queue_length{wire="a"} 3"#, #"queue_length{wire="b"} 2.5"#, #"queue_length{wire="c"} -Inf"#])
  }

  @Test func `labels from outside do not grow without bounds`() {
    for index in 0..<100 {
      Counter(label: "requests_total", dimensions: [("wire", "w\(index)")], factory: registry).increment()
    }
    #expect(
      lines("requests") == [
        #"requests_total{wire="other"} 97"#, #"requests_total{wire="w0"} 1"#, #"requests_total{wire="w1"} 1"#,
        #"requests_total{wire="w2"} 1"#,
      ])
    let long = String(repeating: "ü", count: 1_000) + "\u{1b}"
    Meter(label: "queue_length", dimensions: [("a-b", "\"\\\n\u{7f}"), ("le", long), ("__x", "")], factory: registry)
      .set(1)
    let line = lines("queue")[0]
    #expect(line.hasPrefix(#"queue_length{a_b="\"\\??",label__x="",labelle="üü"#))
    #expect(line.utf8.count < 200)
  }

  @Test func `metrics in all are bounded, and a name counts in one way only`() {
    for index in 0..<10 { Counter(label: "more.\(index)", dimensions: [], factory: registry).increment() }
    #expect(lines("more") == ["more_0 1", "more_1 1"])
    Meter(label: "requests_total", dimensions: [], factory: registry).set(5)
    #expect(lines("requests").isEmpty)
  }

  @Test func `threads count together`() {
    let counter = Counter(label: "requests_total", dimensions: [], factory: registry)
    DispatchQueue.concurrentPerform(iterations: 4) { _ in for _ in 0..<1_000 { counter.increment() } }
    #expect(lines("requests") == ["requests_total 4000"])
  }
}
