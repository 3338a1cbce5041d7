import Foundation
import RobotInterface
import RobotPolicy
import Testing

/// The shipped policy says the same tokens as the trainer's own forward pass, on recorded observations.
///
/// The recording lies beside the policy: pictures as they travelled, proprioception, and the ids that PyTorch decoded
/// greedily with the same bf16-rounded weights.
@Suite("The runtime and the trainer agree")
struct TrainerAgreementTests {
  @Test func tokensAreTheTrainers() throws {
    let root = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    let bundle = try PolicyBundle.load(from: root.appending(path: "Policies/metaworld-mt5"))
    let recording = try RecordedObservations(of: bundle)
    let policy = try UnifiedIOPolicy(bundle: bundle)
    #expect(recording.observations.count >= 500)
    var same = 0, all = 0, sameAnswers = 0
    for (observation, trainers) in zip(recording.observations, recording.tokens) {
      var context = EpisodeContext()
      let said = try policy.act(on: observation, context: &context).tokens
      #expect(said.count == trainers.count)
      same += zip(said, trainers).count { $0 == $1 }
      all += trainers.count
      sameAnswers += said == trainers ? 1 : 0
    }
    let share = Double(same) / Double(all)
    #expect(share >= 0.99, "\(same) of \(all) tokens, \(sameAnswers) of \(recording.tokens.count) whole answers")
  }
}
