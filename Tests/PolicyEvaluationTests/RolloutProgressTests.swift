import PolicyEvaluation
import Testing

/// The live line, event by event.
@Suite struct RolloutProgressTests {
  private func start(_ task: String, index: Int) -> RolloutEvent {
    .episodeStart(.init(task: task, seed: 7 + index, episode: index, index: index, total: 10, instruction: "go"))
  }

  private func step(_ task: String, _ step: Int, period: Double?) -> RolloutEvent {
    .step(.init(task: task, seed: 7, step: step, policySteps: 1, success: false, period: period, latency: [:]))
  }

  private func end(_ task: String, success: Bool, limited: Int = 0, held: Int = 0) -> RolloutEvent.EpisodeEnd {
    .init(
      task: task, seed: 7, episode: 0, success: success, steps: 88, policySteps: 22, limitedActions: limited,
      heldSteps: held, wallSeconds: 1.94)
  }

  @Test func followsAnEpisode() {
    var progress = RolloutProgress()
    #expect(progress.line() == "waiting for the robot")
    progress.record(start("push-v3", index: 0))
    #expect(progress.line() == "push-v3  episode 1/10  step 0  success –")
    progress.record(step("push-v3", 4, period: nil))
    #expect(progress.line() == "push-v3  episode 1/10  step 4  success –")
    progress.record(step("push-v3", 8, period: 40))
    #expect(progress.line() == "push-v3  episode 1/10  step 8  success –  25.0 Hz")
    progress.record(.episodeEnd(end("push-v3", success: true)))
    progress.record(start("reach-v3", index: 1))
    #expect(progress.line() == "reach-v3  episode 2/10  step 0  success 1/1 (100 %)  25.0 Hz")
  }

  @Test func leavesALineForEachEpisode() {
    var progress = RolloutProgress()
    progress.record(start("push-v3", index: 0))
    progress.record(step("push-v3", 8, period: 40))
    let solved = end("push-v3", success: true)
    progress.record(.episodeEnd(solved))
    #expect(
      progress.summary(of: solved)
        == "push-v3  episode 1/10  seed 7  solved in 88 steps  1.9 s  success 1/1 (100 %)  25.0 Hz")
    let failed = end("push-v3", success: false, limited: 3, held: 2)
    progress.record(.episodeEnd(failed))
    #expect(
      progress.summary(of: failed)
        == "push-v3  episode 1/10  seed 7  not solved in 88 steps  1.9 s  3 limited  2 held  "
        + "success 1/2 (50 %)  25.0 Hz")
  }

  @Test func `a silence that lasts is told`() {
    var progress = RolloutProgress()
    progress.record(silence: .seconds(4))
    #expect(progress.line() == "waiting for the robot")
    progress.record(silence: .seconds(12))
    #expect(progress.line() == "waiting for the robot  (nothing for 12 s)")
    progress.record(start("push-v3", index: 0))
    #expect(progress.line() == "push-v3  episode 1/10  step 0  success –")
  }

  @Test func fitsTheTerminal() {
    var progress = RolloutProgress()
    progress.record(start("push-v3", index: 0))
    #expect(progress.line(width: 12) == "push-v3  epi")
    #expect(progress.line(width: 0).isEmpty)
    #expect(progress.line(width: -1).isEmpty)
  }

  @Test func theRateFollowsTheLastPeriods() {
    var progress = RolloutProgress()
    progress.record(start("a", index: 0))
    for _ in 0..<100 { progress.record(step("a", 4, period: 100)) }
    for _ in 0..<32 { progress.record(step("a", 4, period: 20)) }
    #expect(progress.line().hasSuffix("50.0 Hz"))
  }
}
