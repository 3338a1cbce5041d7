import Tensors

/// The decoder under the hand of whoever measures it: one token at a time, to one example or several.
package struct DecodingSession {
  private let model: UnifiedIOModel
  private let target: TargetEmbedder
  private var states: [DecoderState]

  /// Computes the cross-attention keys and values of each example.
  package init(
    _ model: UnifiedIOModel, _ examples: [EncodedInput], modality: TargetModality = .text
  ) throws(ModelError) {
    self.model = model
    target = try model.target(modality)
    states = examples.map { model.makeDecoderState(for: $0, capacity: 64) }
  }

  /// Feeds tokens to each example.
  ///
  /// - Returns: logits of each example's last token, `[examples, vocabulary]`.
  package mutating func feed(_ tokens: [[Int32]]) throws(ModelError) -> Tensor {
    let hidden = try model.advance(&states, tokens: tokens, target: target)
    var row = -1
    let last = tokens.map {
      row += $0.count
      return row
    }
    return target.logits(hidden.rows == last.count ? hidden : hidden.gatheringRows(last))
  }
}

extension UnifiedIOModel {
  /// The encoder's matrix products alone, on rows of zeros: what they cost without attention, norms and activations.
  ///
  /// - Returns: operations computed, 2 a multiply-add.
  package func computeEncoderProducts(rows: Int) -> Double {
    let transformer = configuration.transformer
    let narrow = Tensor(zeros: [rows, transformer.embeddingSize]), wide = Tensor(zeros: [rows, transformer.mlpSize])
    var operations = 0.0
    for layer in encoder.layers {
      let attention = layer.attention
      for (layers, x) in [
        ([attention.query, attention.key, attention.value], narrow), ([attention.output], narrow),
        ([layer.mlp.gate, layer.mlp.up], narrow), ([layer.mlp.down], wide),
      ] {
        _ = Linear.each(layers, of: x)
        operations += layers.reduce(0) { $0 + 2 * Double(rows) * Double($1.inputs) * Double($1.outputs) }
      }
    }
    return operations
  }
}
