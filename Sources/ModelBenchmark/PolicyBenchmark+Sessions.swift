import RobotInterface
import RobotPolicy
import Tensors

extension PolicyBenchmark {
  /// Robots that are answered together: the time of each batch, and what it is to answering them one after the other.
  ///
  /// - Parameter counts: robots, 1 or more each; one robot is measured in any case.
  /// - Returns: a case for each count, in order.
  /// - Throws: what the policy throws.
  public func together(_ counts: [Int]) throws -> [BenchmarkReport.Case] {
    let inputs = try (0..<32).map { try observation($0) }
    let counts = Set(counts + [1]).sorted()
    var samples = [StageSamples](repeating: StageSamples(), count: counts.count)
    let clock = ContinuousClock()
    var next = 0
    // In turns, so that whatever else the machine does meets all of them.
    for round in 0..<steps + 3 {
      for (place, count) in counts.enumerated() {
        var batch = (next..<next + count).map {
          PolicyStep(observation: inputs[$0 % inputs.count], context: EpisodeContext())
        }
        next += count
        forgetInputs()
        let start = clock.now
        let chunks = policy.act(on: &batch)
        let whole = clock.now - start
        for chunk in chunks { _ = try chunk.get() }
        guard round >= 3, let chunk = try chunks.first?.get() else { continue }
        samples[place].add(chunk)
        samples[place].add(whole, to: .whole)
      }
    }
    let alone = samples.first?.figures[.whole]?.median ?? 0
    return zip(counts, samples).map { count, samples in
      let whole = samples.figures[.whole]?.median ?? 0
      return BenchmarkReport.Case(
        name: "\(specification.name): " + (count == 1 ? "1 robot alone" : "\(count) robots together"), encoderTokens: 0,
        stages: samples.named, rates: [],
        sessions: .init(
          count: count, each: whole / Double(count), ofOneByOne: alone > 0 ? whole / (Double(count) * alone) : 1))
    }
  }
}
