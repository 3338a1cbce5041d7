public import UnifiedIO

/// What a model takes in of a sound.
public struct SoundInput: Sendable, Hashable {
  /// The last segment.
  public var audio: PatchInput
  /// The segments before it, oldest first.
  public var history: [PatchInput]

  /// Collects the parts.
  public init(audio: PatchInput, history: [PatchInput] = []) {
    self.audio = audio
    self.history = history
  }

  /// Of the numbers.
  var bytes: Int { ([audio] + history).reduce(0) { $0 + $1.patches.count * 4 + $1.count * 9 } }
}
