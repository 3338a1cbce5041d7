import PolicyEvaluation
import RunDatabase
import Testing

/// The live line, and the lines that stay, event by event.
@Suite("The progress of an evaluation") struct EvaluationProgressTests {
  private func progress(_ episodes: Int = 10, rule: RunConfiguration.SuccessRule = .any) -> EvaluationProgress {
    EvaluationProgress(
      RunConfiguration(
        subject: .init(suite: "s", suiteDigest: "", policy: "p", policyDigest: "", success: rule),
        episodes: (0..<episodes).map { .init(task: "push-v3", seed: $0) }))
  }

  private func began(_ task: String, worker: Int = 0) -> Evaluation.Event {
    .began(.init(task: task, seed: 7), worker: worker)
  }

  private func step(_ step: Int, period: Double?) -> Evaluation.Event {
    .stepped(StepRecord(step: step, period: period), worker: 0)
  }

  private func end(
    _ task: String, success: Bool, limited: Int = 0, held: Int = 0, state: EpisodeRecord.State = .finished
  ) -> Evaluation.Event {
    .recorded(
      EpisodeRecord(
        episode: .init(task: task, seed: 7), attempt: 2, state: state,
        reason: state == .finished ? "" : "robot: crashed",
        successAtAnyStep: success, successAtEnd: false, steps: 88, heldSteps: held, limitedActions: limited,
        wallSeconds: 1.94), steps: [])
  }

  @Test func `follows an episode`() {
    var progress = progress()
    #expect(progress.line() == "waiting for the robot")
    _ = progress.record(began("push-v3"))
    #expect(progress.line() == "push-v3  episode 1/10  step 0  success –")
    _ = progress.record(step(4, period: nil))
    #expect(progress.line() == "push-v3  episode 1/10  step 4  success –")
    _ = progress.record(step(8, period: 40))
    #expect(progress.line() == "push-v3  episode 1/10  step 8  success –  25.0 Hz")
    _ = progress.record(end("push-v3", success: true))
    _ = progress.record(began("reach-v3"))
    #expect(progress.line() == "reach-v3  episode 2/10  step 0  success 1/1 (100 %)  25.0 Hz")
    #expect(progress.line(elapsed: .seconds(10)).hasSuffix("25.0 Hz  90 s left") == false)
    #expect(progress.line(elapsed: .seconds(10)).hasSuffix("2 min left"))
  }

  @Test func `names the tasks of all workers`() {
    var progress = progress()
    _ = progress.record(began("push-v3"))
    _ = progress.record(began("reach-v3", worker: 1))
    #expect(progress.line() == "push-v3, reach-v3  episode 1/10  success –")
  }

  @Test func `leaves a line for each attempt`() {
    var progress = progress()
    _ = progress.record(began("push-v3"))
    _ = progress.record(step(8, period: 40))
    #expect(
      progress.record(end("push-v3", success: true))
        == "push-v3  episode 1/10  seed 7  solved in 88 steps  1.9 s  success 1/1 (100 %)  25.0 Hz")
    #expect(
      progress.record(end("push-v3", success: false, limited: 3, held: 2))
        == "push-v3  episode 2/10  seed 7  not solved in 88 steps  1.9 s  3 limited  2 held  "
        + "success 1/2 (50 %)  25.0 Hz")
    #expect(
      progress.record(end("push-v3", success: false, state: .lost))
        == "push-v3  seed 7  attempt 2 lost, tried again: robot: crashed")
    #expect(
      progress.record(end("push-v3", success: false, state: .abandoned))
        == "push-v3  episode 3/10  seed 7  given up after 2 attempts: robot: crashed")
    _ = progress.record(began("push-v3"))
    #expect(progress.line().contains("success 1/2 (50 %)"), "what was given up is no failure")
  }

  @Test func `counts successes by the suite's rule`() {
    var progress = progress(rule: .end)
    #expect(progress.record(end("push-v3", success: true))?.contains("not solved") == true)
  }

  @Test func `a silence that lasts is told`() {
    var progress = progress()
    _ = progress.record(began("push-v3"))
    _ = progress.record(.silence(.seconds(4), worker: 0))
    #expect(!progress.line().contains("nothing"))
    _ = progress.record(.silence(.seconds(12), worker: 0))
    #expect(progress.line() == "push-v3  episode 1/10  step 0  success –  (nothing for 12 s)")
    _ = progress.record(step(1, period: nil))
    #expect(!progress.line().contains("nothing"))
  }

  @Test func `fits the terminal`() {
    var progress = progress()
    _ = progress.record(began("push-v3"))
    #expect(progress.line(width: 12) == "push-v3  epi")
    #expect(progress.line(width: 0).isEmpty)
    #expect(progress.line(width: -1).isEmpty)
  }

  @Test func `the rate follows the last periods`() {
    var progress = progress()
    _ = progress.record(began("a"))
    for _ in 0..<100 { _ = progress.record(step(4, period: 100)) }
    for _ in 0..<32 { _ = progress.record(step(4, period: 20)) }
    #expect(progress.line().hasSuffix("50.0 Hz"))
  }
}
