import Foundation
import Tensors

/// How beam search weighs and ends answers.
public struct BeamSearchOptions: Sendable, Hashable {
  /// Answers followed at the same time.
  public var beams: Int
  /// At most this many tokens, EOS included.
  public var maximumTokens: Int
  /// A finished answer scores `Σ log p / length^penalty`; EOS counts, BOS does not.
  public var lengthPenalty: Float
  /// Added to the log-probabilities of single tokens (after the softmax, as Hugging Face's beam search does).
  public var logitBias: [Int32: Float]

  public init(beams: Int, maximumTokens: Int = 512, lengthPenalty: Float = 1, logitBias: [Int32: Float] = [:]) {
    self.beams = beams
    self.maximumTokens = maximumTokens
    self.lengthPenalty = lengthPenalty
    self.logitBias = logitBias
  }
}

/// One answer of beam search.
public struct BeamHypothesis: Sendable, Hashable {
  /// Without BOS; with EOS when the model said it.
  public var tokens: [Int32]
  /// `Σ log p / length^penalty`; higher is better.
  public var score: Float
}

extension UnifiedIOModel {
  /// The most probable answers, best first, as Hugging Face's beam search finds them (version 4.36, `early_stopping` false).
  ///
  /// - Parameters:
  ///   - processor: sees the log-probabilities of each beam.
  ///   - onToken: called after each step; `false` ends all answers there.
  /// - Throws: ``ModelError`` when the checkpoint does not write the modality or fewer than one beam is asked for; `.nonFinite` when
  ///   a logit is not finite.
  public func beamSearch(
    _ modality: TargetModality = .text, from encoded: EncodedInput, options: BeamSearchOptions,
    processor: (any LogitsProcessor)? = nil, onToken: GenerationObserver? = nil
  ) throws(ModelError) -> [BeamHypothesis] {
    guard options.beams > 0 else {
      throw ModelError(.invalidInput, "beams", "must be at least 1, found \(options.beams)")
    }
    let target = try target(modality)
    let limit = min(options.maximumTokens, target.rotary.count)
    var finished = FinishedHypotheses(capacity: options.beams, lengthPenalty: options.lengthPenalty)
    var beams = [Beam(tokens: [], score: 0)]
    // One a beam; the beams are computed together.
    var states = [makeDecoderState(for: encoded, capacity: min(limit, 64))]
    var isDone = false

    for length in 1...max(limit, 1) where !isDone {
      let hidden = try advance(
        &states, tokens: beams.map { [$0.tokens.last ?? Tokenizer.bos] }, target: target)
      let logits = target.logits(hidden)
      guard logits.isFinite else { throw .nonFinite("logits of token \(length)") }
      var candidates: [Candidate] = []
      for (index, beam) in beams.enumerated() {
        let normalizer = logits.logSumExp(row: index)
        var choice = LogitsRow(
          ranges: [0..<Int32(logits.columns)], values: logits.row(index).map { $0 - normalizer })
        for (token, bias) in options.logitBias { choice.add(bias, to: token) }
        processor?.process(&choice, after: beam.tokens)
        candidates += RankedLogits.best(choice.values, count: 2 * options.beams).compactMap { place in
          choice.token(at: place).map {
            Candidate(beam: index, token: $0, score: beam.score + choice.values[place])
          }
        }
      }
      // Ties go to the earlier beam and the smaller id.
      candidates.sort { ($0.score, $1.beam, $1.token) > ($1.score, $0.beam, $0.token) }
      candidates = Array(candidates.prefix(2 * options.beams))

      var next: [Beam] = [], nextStates: [DecoderState] = []
      for (rank, candidate) in candidates.enumerated() where next.count < options.beams {
        let beam = beams[candidate.beam], tokens = beam.tokens + [candidate.token]
        if modality == .text, candidate.token == Tokenizer.eos {
          if rank < options.beams { finished.add(tokens, sum: candidate.score, length: length) }
        } else {
          next.append(Beam(tokens: tokens, score: candidate.score))
          nextStates.append(states[candidate.beam])
        }
      }
      isDone = finished.cannotImprove(bestSum: candidates.first?.score ?? -.infinity, length: length)
      beams = next
      states = nextStates
      if let onToken, let token = candidates.first?.token,
        !onToken(GenerationStep(token: token, count: length, limit: limit))
      {
        break
      }
    }
    if !isDone {
      for beam in beams { finished.add(beam.tokens, sum: beam.score, length: beam.tokens.count) }
    }
    return finished.hypotheses
  }
}

private struct Beam {
  let tokens: [Int32]
  let score: Float
}

private struct Candidate {
  let beam: Int
  let token: Int32
  let score: Float
}

/// The best complete answers so far.
private struct FinishedHypotheses {
  let capacity: Int
  let lengthPenalty: Float
  private(set) var hypotheses: [BeamHypothesis] = []

  init(capacity: Int, lengthPenalty: Float) {
    self.capacity = capacity
    self.lengthPenalty = lengthPenalty
  }

  mutating func add(_ tokens: [Int32], sum: Float, length: Int) {
    let score = sum / pow(Float(max(length, 1)), lengthPenalty)
    if hypotheses.count >= capacity, let worst = hypotheses.last, score <= worst.score { return }
    let place = hypotheses.firstIndex { $0.score < score } ?? hypotheses.count
    hypotheses.insert(BeamHypothesis(tokens: tokens, score: score), at: place)
    if hypotheses.count > capacity { hypotheses.removeLast() }
  }

  /// Hugging Face's heuristic: the best open beam, were it to end now, would not beat the worst finished answer.
  func cannotImprove(bestSum: Float, length: Int) -> Bool {
    guard hypotheses.count >= capacity, let worst = hypotheses.last else { return false }
    return worst.score >= bestSum / pow(Float(length), lengthPenalty)
  }
}
