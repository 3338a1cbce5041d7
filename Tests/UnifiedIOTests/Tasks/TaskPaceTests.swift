import Testing
import UnifiedIO

/// What the progress bar says.
@Suite struct TaskPaceTests {
  private func pace(_ steps: [(done: Int, at: Double)], total: Int = 100, unit: TaskProgress.Unit = .tokens) -> TaskPace
  {
    var pace = TaskPace()
    for step in steps { pace.record(TaskProgress(unit: unit, done: step.done, total: total), at: step.at) }
    return pace
  }

  @Test func theFirstTokensTimeIsNotCounted() {
    let pace = pace([(1, 5), (2, 5.5), (11, 7)])
    #expect(pace.rate == 5)
    #expect(pace.remaining == 89.0 / 5)
  }

  @Test func nothingIsKnownBeforeTwoTokens() {
    #expect(pace([]).line() == "")
    #expect(pace([(1, 5)]).rate == nil)
    #expect(pace([(1, 5), (2, 5)]).rate == nil)
    #expect(pace([(1, 5)]).line() == "░░░░░░░░░░░░░░░░░░░░ 1/100 tokens")
  }

  @Test func theLineHasABarARateAndTheRestOfTheTime() {
    #expect(
      pace([(1, 0), (51, 10)]).line()
        == "██████████░░░░░░░░░░ 51/100 tokens  5.0 tokens/s  at most 9.8 s left")
    #expect(
      pace([(1, 0), (10, 9)], total: 10, unit: .options).line()
        == "████████████████████ 10/10 options  1.0 options/s  0.0 s left")
    #expect(pace([(1, 0), (51, 10)]).line(width: 25).count == 25)
    #expect(pace([(1, 0)]).line(width: -4) == "")
  }

  @Test func aSmallerCountBeginsANewAnswer() {
    #expect(pace([(1, 0), (50, 1), (1, 9), (3, 10)]).rate == 2)
  }
}
