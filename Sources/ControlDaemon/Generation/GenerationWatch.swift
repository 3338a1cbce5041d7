import RobotInterface
import Synchronization
import UnifiedIO

/// Follows one generation: keeps what was said, lets others go first between tokens, and times the stages without them.
final class GenerationWatch: Sendable {
  private struct State {
    var tokens: [Int32] = []
    var wasEnded = false
    var timings: StageTimings
    /// The stage at hand and its beginning, nanoseconds; others' time moves the beginning on.
    var stage = Stage.encode
    var begin = MonotonicClock.nanoseconds()

    /// Books the time since the last stage.
    mutating func enter(_ next: Stage) {
      let now = MonotonicClock.nanoseconds()
      timings[stage] += now &- begin
      (stage, begin) = (next, now)
    }
  }

  private let goesOn: @Sendable (GenerationMoment) -> Bool
  private let decode: @Sendable ([Int32]) -> String
  private let state: Mutex<State>

  /// - Parameters:
  ///   - prepared: the time that the stages before the model took. What follows until the first token, which comes out of it, counts
  ///     as encoding.
  ///   - goesOn: of the caller; see ``Generating/generate(_:prepared:goesOn:)``.
  ///   - decode: makes text of tokens.
  init(
    _ prepared: StageTimings, _ goesOn: @escaping @Sendable (GenerationMoment) -> Bool,
    decode: @escaping @Sendable ([Int32]) -> String
  ) {
    self.goesOn = goesOn
    self.decode = decode
    state = Mutex(State(timings: prepared))
  }

  /// Lets others go first before there is a token.
  ///
  /// - Returns: whether the answer is still wanted.
  func pause() -> Bool { ask(GenerationMoment()) }

  /// Takes a token into account, and lets others go first.
  func token(_ progress: TaskProgress) -> Bool {
    let tokens = state.withLock { state in
      if let token = progress.token { state.tokens.append(token) }
      if state.stage != .generate { state.enter(.generate) }
      return state.tokens
    }
    return ask(GenerationMoment(tokens: progress.done, limit: progress.total) { [decode] in decode(tokens) })
  }

  private func ask(_ moment: GenerationMoment) -> Bool {
    let begin = MonotonicClock.nanoseconds()
    let isWanted = goesOn(moment)
    let end = MonotonicClock.nanoseconds()
    state.withLock { state in
      state.begin &+= end &- begin
      if !isWanted { state.wasEnded = true }
      // What follows the last token, as making a picture of them, is a stage of its own.
      if moment.tokens > 0, moment.tokens == moment.limit { state.enter(.post) }
    }
    return isWanted
  }

  /// The answer in text.
  func result(_ answer: TextAnswer) -> GenerationResult {
    let (timings, wasEnded) = close()
    let generation = answer.generation
    let reason: GenerationResult.FinishReason =
      if wasEnded { .cancelled } else if generation.finishReason == .end { .end } else { .length }
    // Also when it is not a number.
    let isKnown = generation.confidence > 0
    return GenerationResult(
      text: answer.text, tokens: generation.tokens, finishReason: reason, timings: timings,
      confidence: isKnown ? min(generation.confidence, 1) : nil)
  }

  /// The answer as a file.
  func result(_ media: GenerationResult.Media) -> GenerationResult {
    GenerationResult(finishReason: .end, timings: close().timings, media: media)
  }

  /// What there is of a picture, a sound or an answer that nobody wants any more: nothing.
  func result() -> GenerationResult { GenerationResult(finishReason: .cancelled, timings: close().timings) }

  private func close() -> (timings: StageTimings, wasEnded: Bool) {
    state.withLock { state in
      state.enter(state.stage)
      return (state.timings, state.wasEnded)
    }
  }
}
