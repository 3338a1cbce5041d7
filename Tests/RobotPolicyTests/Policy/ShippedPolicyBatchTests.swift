import Foundation
import RobotInterface
import RobotPolicy
import Tensors
import Testing

/// The shipped policy on recorded observations of its five tasks, whose instructions have different lengths.
@Suite("The shipped policy answers robots together as it answers each alone, to the bit")
struct ShippedPolicyBatchTests {
  static let weights: [WeightOptions] = [
    .standard, WeightOptions(format: .f32), WeightOptions(format: .bf16), WeightOptions(format: .int8),
    WeightOptions(format: .int8, activations: .f32), WeightOptions(format: .int8, activations: .int8),
  ]

  @Test(arguments: weights) func chunksAreTheSame(weights: WeightOptions) throws {
    let root = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    let bundle = try PolicyBundle.load(from: root.appending(path: "Policies/metaworld-mt5"))
    let policy = try UnifiedIOPolicy(bundle: bundle, weights: weights)
    let recorded = try RecordedObservations(of: bundle).observations
    // Far from each other, so that tasks are mixed.
    let observations = (0..<48).map { recorded[$0 * 211 % recorded.count] }
    #expect(Set(observations.map(\.instruction)).count == 5)
    var alone: [ActionChunk] = []
    for observation in observations {
      var context = EpisodeContext()
      alone.append(try policy.act(on: observation, context: &context))
    }
    var start = 0
    for size in [16, 3, 13, 12, 4] {
      var steps = observations[start..<start + size].map {
        PolicyStep(observation: $0, context: EpisodeContext())
      }
      for (result, expected) in zip(policy.act(on: &steps), alone[start...]) {
        var chunk = try result.get()
        chunk.timings = expected.timings
        #expect(chunk == expected)
      }
      start += size
    }
    #expect(start == observations.count)
  }
}
