import Foundation
import Tensors

/// Picks a token from logits: greedy, or temperature, top-k, top-p and a seeded draw, in the order of Hugging Face's processors.
struct TokenSampler {
  private let options: GenerationOptions
  private var random: SplitMix64

  init(_ options: GenerationOptions) {
    self.options = options
    random = SplitMix64(seed: options.seed)
  }

  /// - Parameter logits: one for each candidate, not empty; candidates of −∞ are never picked.
  /// - Returns: the index picked and its probability among the candidates under the untouched logits.
  /// - Throws: ``ModelError`` `.nonFinite` when there is a NaN among the logits, or no finite one is the largest.
  mutating func pick(_ logits: [Float]) throws(ModelError) -> (index: Int, probability: Double) {
    guard let maximum = logits.max(), maximum.isFinite, logits.isFinite || !logits.contains(where: \.isNaN) else {
      throw .nonFinite("logits")
    }
    let index = options.temperature > 0 ? draw(logits) : logits.firstIndex(of: maximum) ?? 0
    // The sum is rounded, and may come out below its largest term.
    let probability = min(exp(Double(logits[index] - logits.logSumExp)), 1)
    guard probability.isFinite else { throw .nonFinite("probability") }
    return (index, probability)
  }

  private mutating func draw(_ logits: [Float]) -> Int {
    let isCut = options.topK.map { $0 > 0 } ?? false
    let order = isCut ? RankedLogits.best(logits, count: options.topK ?? 0) : RankedLogits.order(logits)
    let maximum = logits[order[0]]
    var weights = order.map { exp(Double(logits[$0] - maximum) / Double(options.temperature)) }
    if let topP = options.topP, topP < 1 {
      let total = weights.reduce(0, +)
      var cumulative = 0.0
      var kept = 0
      while kept < weights.count, kept == 0 || cumulative < Double(topP) * total {
        cumulative += weights[kept]
        kept += 1
      }
      weights = Array(weights.prefix(kept))
    }
    var remaining = random.unit() * weights.reduce(0, +)
    for (rank, weight) in weights.enumerated() {
      remaining -= weight
      if remaining < 0 { return order[rank] }
    }
    return order[weights.count - 1]
  }
}

/// A small generator with a known sequence for every seed (Steele, Lea, Flood 2014).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
