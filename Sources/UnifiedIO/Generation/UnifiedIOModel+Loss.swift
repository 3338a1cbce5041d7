import Tensors

/// How surprising a target is to the model.
public struct TargetLoss: Sendable, Hashable {
  /// `−log p` of each token that counts, in order, in nats.
  public var tokens: [Float]
  /// The place of each of them in the target.
  public var positions: [Int]

  /// Over all tokens that count.
  public var sum: Float { tokens.reduce(0, +) }
  /// 0 when no token counts.
  public var mean: Float { tokens.isEmpty ? 0 : sum / Float(tokens.count) }
}

extension UnifiedIOModel {
  /// The teacher-forced cross entropy of a target: every token given all before it.
  ///
  /// - Parameters:
  ///   - target: without BOS; text with EOS.
  ///   - mask: which tokens count; the others are left out of the loss and of what later tokens see, as the reference does with
  ///     padding. `nil`: all.
  /// - Throws: ``ModelError`` when the checkpoint does not write the modality, or for ids and lengths that do not fit; `.nonFinite`
  ///   when a logit is not finite.
  public func loss(
    of target: [Int32], mask: [Bool]? = nil, modality: TargetModality, given encoded: EncodedInput
  ) throws(ModelError) -> TargetLoss {
    guard mask == nil || mask?.count == target.count else {
      throw ModelError(.invalidInput, "mask", "\(target.count) tokens need as many entries, found \(mask?.count ?? 0)")
    }
    let positions = target.indices.filter { mask?[$0] ?? true }
    guard !positions.isEmpty else { return TargetLoss(tokens: [], positions: []) }
    let shifted = [Tokenizer.bos] + target.dropLast()
    let logits = try logits(of: positions.map { shifted[$0] }, at: positions, given: encoded, modality: modality)
    guard logits.isFinite else { throw .nonFinite("logits") }
    var losses: [Float] = []
    for (row, position) in positions.enumerated() {
      let token = Int(target[position])
      guard token >= 0, token < logits.columns else {
        throw ModelError(
          .tokenOutOfRange, modality.rawValue, "token \(token) is not below the vocabulary size \(logits.columns)")
      }
      losses.append(logits.logSumExp(row: row) - logits.withSpan { $0[row * logits.columns + token] })
    }
    return TargetLoss(tokens: losses, positions: positions)
  }
}
