import Tensors

/// What one modality contributes to the encoder's sequence, padding already dropped.
struct EncodedPart: Sendable {
  /// `[tokens, embedding]`, the modality embedding added.
  let embeddings: Tensor
  /// `[tokens, headDimension]`.
  let rotary: Tensor
}

/// Places of the valid tokens of each modality in the reference's padded sequence, for comparison with its tensors.
public struct SequenceLayout: Sendable, Hashable {
  public struct Part: Sendable, Hashable {
    public let modality: Configuration.InputModality
    /// Index of each kept token among the modality's tokens.
    public let kept: [Int]
  }
  public var parts: [Part] = []
}
