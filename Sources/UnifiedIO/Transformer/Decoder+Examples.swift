import Tensors

extension DecoderLayer {
  /// So many rows may go through the layer together without one changing another's bits.
  var rowsSummedAlike: Int {
    var layers = [selfAttention.query, selfAttention.key, selfAttention.value, selfAttention.output]
    // Its keys and values are of one example at a time.
    if let attention = cross?.attention { layers += [attention.query, attention.output] }
    layers += [mlp.gate, mlp.up, mlp.down]
    return layers.reduce(.max) { min($0, $1.rowsSummedAlike) }
  }
}

extension Decoder {
  /// Which examples go through the decoder together: neighbours with as many rows in all as are summed alike, and those with
  /// more rows each alone, as it would be without the others.
  ///
  /// - Parameter counts: new tokens of each example.
  /// - Returns: ranges of `counts` that follow each other.
  static func groups(of counts: [Int], rowsSummedAlike limit: Int) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    var rows = 0
    for (index, count) in counts.enumerated() {
      let (sum, overflow) = rows.addingReportingOverflow(count)
      if let last = groups.last, !overflow, sum <= limit {
        groups[groups.count - 1] = last.lowerBound..<index + 1
        rows = sum
      } else {
        groups.append(index..<index + 1)
        rows = count
      }
    }
    return groups
  }

  /// Feeds new tokens to several examples; each gets the bits that it would get alone.
  ///
  /// - Parameters:
  ///   - tokens: embedded, the examples one below the other.
  ///   - counts: new tokens of each example.
  ///   - states: of each example.
  /// - Returns: `[Σ counts, embedding]` after `decoder_norm`.
  func advance(_ tokens: EncodedPart, counts: [Int], states: inout [DecoderState]) -> Tensor {
    let groups = counts.count > 1 ? Self.groups(of: counts, rowsSummedAlike: rowsSummedAlike) : []
    guard groups.count > 1 else {
      return self(tokens.embeddings, rotary: tokens.rotary, counts: counts, states: &states)
    }
    var parts: [Tensor] = []
    var row = 0
    for group in groups {
      let counts = Array(counts[group])
      let rows = row..<row + counts.reduce(0, +)
      row = rows.upperBound
      var members = Array(states[group])
      // One owner only, so that the caches are not copied.
      for index in group { states[index] = DecoderState(caches: [], memories: []) }
      parts.append(
        self(
          tokens.embeddings.rows(in: rows), rotary: tokens.rotary.rows(in: rows), counts: counts, states: &members))
      states.replaceSubrange(group, with: members)
    }
    return Tensor.stacking(parts)
  }
}
