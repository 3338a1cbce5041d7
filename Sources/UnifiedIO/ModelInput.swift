/// Patches of one picture (or one audio segment), ready for the vision (or audio) transformer.
public struct PatchInput: Sendable, Hashable {
  /// `[count, patchLength]`, row-major; an image patch is `dy · 48 + dx · 3 + channel`, normalised.
  public var patches: [Float]
  /// Which patches show something, `[count]`; padding is `false`.
  public var mask: [Bool]
  /// Row of the position tables for each patch, `[count]`.
  public var positions: [Int]

  public init(patches: [Float], mask: [Bool], positions: [Int]) {
    self.patches = patches
    self.mask = mask
    self.positions = positions
  }

  public var count: Int { mask.count }
}

/// One example for the encoder; parts that are absent are not computed.
public struct ModelInput: Sendable, Hashable {
  /// SentencePiece ids with the modality prefix and the final EOS.
  public var text: [Int32]
  public var image: PatchInput?
  /// One entry a frame, oldest first.
  public var imageHistory: [PatchInput]
  public var audio: PatchInput?
  public var audioHistory: [PatchInput]

  public init(
    text: [Int32], image: PatchInput? = nil, imageHistory: [PatchInput] = [], audio: PatchInput? = nil,
    audioHistory: [PatchInput] = []
  ) {
    self.text = text
    self.image = image
    self.imageHistory = imageHistory
    self.audio = audio
    self.audioHistory = audioHistory
  }
}
