import Synchronization
import Tensors

/// What the input encoders made of pictures, sounds and prompts, kept by content: a frame that enters the history, a prompt image
/// that comes with every observation and an unchanged prompt are not encoded again.
///
/// A result that was kept is the one that computing it again would give, bit for bit, so it does not matter who asked first: examples
/// and sessions share it. The oldest results go when there are too many.
public final class EncodingCache: Sendable {
  /// What was asked for so far.
  public struct Statistics: Sendable, Hashable {
    /// Asked for and found.
    public var hits = 0
    /// Asked for and computed.
    public var misses = 0
    /// Kept at the moment.
    public var entries = 0
    /// Of what is kept, keys included.
    public var bytes = 0
  }

  /// At most so many results are kept.
  public static let entryLimit = 64
  /// At most so many bytes are kept.
  public static let byteLimit = 64 << 20

  /// What a result is of, beside the contents.
  enum Stage: Hashable {
    /// Embedded prompt.
    case text
    /// A vision transformer's features; `grid` decides where a position lies.
    case features(GridSize, isImage: Bool)
    /// A history frame after the resampler; the name is the modality's.
    case latents(String)
  }

  /// Contents are compared in full: two pictures with the same fingerprint are still two.
  struct Key: Hashable {
    let stage: Stage
    let tokens: [Int32]
    let patches: PatchInput?
    private let fingerprint: ContentFingerprint

    init(_ tokens: [Int32]) {
      stage = .text
      self.tokens = tokens
      patches = nil
      fingerprint = ContentFingerprint(tokens)
    }

    init(_ stage: Stage, _ patches: PatchInput, _ fingerprint: ContentFingerprint) {
      self.stage = stage
      tokens = []
      self.patches = patches
      self.fingerprint = fingerprint
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(stage)
      hasher.combine(fingerprint)
    }

    var bytes: Int { tokens.count * 4 + (patches.map { $0.patches.count * 4 + $0.count * 9 } ?? 0) }
  }

  private struct Entry {
    let tensors: [Tensor]
    let bytes: Int
    var lastUse: Int
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var uses = 0
    var statistics = Statistics()

    mutating func find(_ key: Key) -> [Tensor]? {
      uses += 1
      guard var entry = entries.removeValue(forKey: key) else {
        statistics.misses += 1
        return nil
      }
      statistics.hits += 1
      entry.lastUse = uses
      entries[key] = entry
      return entry.tensors
    }

    mutating func keep(_ tensors: [Tensor], for key: Key) {
      let bytes = key.bytes + tensors.reduce(0) { $0 + $1.count * 4 }
      // Another thread may have been faster.
      guard bytes <= EncodingCache.byteLimit, entries[key] == nil else { return }
      while statistics.entries >= EncodingCache.entryLimit || statistics.bytes + bytes > EncodingCache.byteLimit,
        let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        entries[oldest.key] = nil
        statistics.entries -= 1
        statistics.bytes -= oldest.value.bytes
      }
      entries[key] = Entry(tensors: tensors, bytes: bytes, lastUse: uses)
      statistics.entries += 1
      statistics.bytes += bytes
    }
  }

  private let state = Mutex(State())

  /// What was asked for so far.
  public var statistics: Statistics { state.withLock { $0.statistics } }

  /// Forgets every result, as a measurement of computing them wants it.
  public func removeAll() {
    state.withLock { state in
      state.entries.removeAll()
      state.statistics.entries = 0
      state.statistics.bytes = 0
    }
  }

  /// Whether a result is kept; not counted as asking for it.
  func has(_ key: Key) -> Bool { state.withLock { $0.entries[key] != nil } }

  /// The result for `key`, computed if it is not kept.
  func callAsFunction(_ key: Key, make: () throws(ModelError) -> [Tensor]) throws(ModelError) -> [Tensor] {
    if let kept = state.withLock({ $0.find(key) }) { return kept }
    let made = try make()
    state.withLock { $0.keep(made, for: key) }
    return made
  }
}
