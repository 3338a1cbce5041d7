import ControlDaemon
import Testing

@Suite("A latency histogram is right to a quarter of an octave")
struct LatencyHistogramTests {
  @Test func `quantiles of known durations`() {
    var histogram = LatencyHistogram()
    for duration in UInt64(1)...1000 { histogram.record(duration * 1_000) }
    #expect(histogram.count == 1000)
    #expect(histogram.maximum == 1_000_000)
    #expect(histogram.mean == 500_500)
    for (share, exact) in [(0.5, 500_000), (0.9, 900_000), (0.99, 990_000), (1, 1_000_000)] as [(Double, UInt64)] {
      let quantile = histogram.quantile(share)
      #expect(quantile >= exact && Double(quantile) <= Double(exact) * 1.25)
    }
  }

  @Test func `the ends of the range`() {
    var histogram = LatencyHistogram()
    #expect(histogram.quantile(0.5) == 0)
    #expect(histogram.mean == 0)
    for duration in [0, 1, 3, 4, 7, .max] as [UInt64] {
      var single = LatencyHistogram()
      single.record(duration)
      #expect(single.quantile(0) == duration)
      #expect(single.quantile(1) == duration)
      histogram.record(duration)
    }
    #expect(histogram.count == 6)
  }
}
