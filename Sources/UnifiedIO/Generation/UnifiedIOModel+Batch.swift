/// Several examples at once. Each is computed on its own: padding is never computed, results are those of single calls to the last
/// bit, and a product of few rows would be slower a row than one of a single row on the processors this was measured on.
extension UnifiedIOModel {
  /// Encodes every example; no padding is needed, whatever their lengths and modalities.
  public func encode(_ inputs: [ModelInput]) throws(ModelError) -> [EncodedInput] {
    var encoded: [EncodedInput] = []
    for input in inputs { encoded.append(try encode(input)) }
    return encoded
  }

  /// An answer in text to every example; as calling ``generateText(from:options:constraint:processor:onToken:)`` for one after the
  /// other with the same options.
  ///
  /// - Parameter onToken: is told which example the token is of; `false` ends that answer.
  public func generateText(
    from examples: [EncodedInput], options: GenerationOptions = .greedy, constraint: (any TokenConstraint)? = nil,
    processor: (any LogitsProcessor)? = nil, onToken: ((_ example: Int, GenerationStep) -> Bool)? = nil
  ) throws(ModelError) -> [TextGeneration] {
    var answers: [TextGeneration] = []
    for (index, encoded) in examples.enumerated() {
      let observer: GenerationObserver? = onToken.map { observe in { observe(index, $0) } }
      answers.append(
        try generateText(
          from: encoded, options: options, constraint: constraint, processor: processor, onToken: observer))
    }
    return answers
  }
}
