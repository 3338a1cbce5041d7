import Foundation
import PolicyEvaluation

extension RolloutRun {
  /// Two episodes of each of two tasks, begun on a day that everybody can read.
  static var sample: RolloutRun {
    get throws {
      RolloutRun(
        plan: try RolloutPlan(environment: "metaworld:reach-v3,push-v3", episodes: 2, seed: 7), weights: "bf16",
        version: "9.9", command: ["uio2", "rollout"], start: Date(timeIntervalSince1970: 1_764_460_800))
    }
  }
}
