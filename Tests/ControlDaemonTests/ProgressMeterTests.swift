import ControlDaemon
import RobotInterface
import Testing

@Suite("Progress is reported at the first token, then not more often than asked for")
struct ProgressMeterTests {
  private func reports(interval: UInt64, every: UInt64, tokens: Int) -> [GenerationProgress] {
    var meter = ProgressMeter(interval: interval)
    return (0...tokens).compactMap { token in
      meter.record(tokens: token, limit: tokens, at: 1_000 + UInt64(token) * every) { "\(token)" }
    }
  }

  @Test func `the interval holds`() {
    let reports = reports(interval: 1_000_000_000, every: 300_000_000, tokens: 12)
    #expect(reports.map(\.tokens) == [1, 5, 9])
    #expect(reports.map(\.text) == ["1", "5", "9"])
    #expect(reports.allSatisfy { $0.limit == 12 })
  }

  @Test func `rate and remaining time are known from the second token on`() throws {
    let reports = reports(interval: 1_000_000, every: 250_000_000, tokens: 8)
    #expect(reports.map(\.tokens) == Array(1...8))
    #expect(reports[0].tokensPerSecond == nil)
    #expect(reports[0].remaining == nil)
    for report in reports.dropFirst() {
      #expect(abs(try #require(report.tokensPerSecond) - 4) < 1e-6)
    }
    let remaining = Double(try #require(reports[3].remaining))
    #expect(abs(remaining - 1e9) < 1e4)
    #expect(reports[7].remaining == nil, "nothing remains")
  }
}
