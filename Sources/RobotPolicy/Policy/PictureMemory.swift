import RobotInterface
import Synchronization
import Tensors
import UnifiedIO

/// What the model takes in of pictures that come again and again: those of a prompt, which a robot sends with every observation, and those of a
/// camera whose picture has not changed.
///
/// A picture is known by its bytes as they came, compared in full, so that it need not be decoded to be recognised. (``PictureContent`` would
/// not do: what it leaves out can change the colours that a decoder makes.) The picture of a live camera
/// never comes twice and would push the others out: so only what has come before is kept. Sessions share what is kept.
final class PictureMemory: Sendable {
  /// Pictures that are kept, at most; those that were not used for longest go first.
  static let entryLimit = 32
  /// Bytes that are kept, at most, keys included.
  static let byteLimit = 32 << 20
  /// Pictures that are remembered as having come, by a fingerprint each.
  static let recentLimit = 512

  /// What a picture is for.
  enum Use: Sendable, Hashable {
    /// The image input.
    case image
    /// A frame of the history, or of a prompt.
    case history
    /// The image input, and a frame of the history of later steps.
    case imageAndHistory
  }

  /// What the model takes in of a picture.
  struct Shown: Sendable {
    /// For its first use.
    var input: PatchInput
    /// For later steps.
    var memory: PatchInput?

    fileprivate var bytes: Int { [input, memory].reduce(0) { $0 + ($1?.patches.count ?? 0) * 4 } }
  }

  private struct Key: Sendable, Hashable {
    let use: Use
    let encoding: CameraFrame.Encoding
    let width: Int
    let height: Int
    let fingerprint: ContentFingerprint

    init(_ frame: CameraFrame, _ use: Use) {
      self.use = use
      encoding = frame.encoding
      (width, height) = (frame.width, frame.height)
      fingerprint = ContentFingerprint(frame.data)
    }
  }

  private struct Entry: Sendable {
    let key: Key
    let data: [UInt8]
    let shown: Shown
    var bytes: Int { data.count + shown.bytes }
  }

  private struct State: Sendable {
    /// The one used last comes last.
    var entries: [Entry] = []
    var recent: [Key] = []
    var oldest = 0

    /// Whether a picture has come before; it has from now on.
    mutating func hasCome(_ key: Key) -> Bool {
      if recent.contains(key) { return true }
      if recent.count < PictureMemory.recentLimit {
        recent.append(key)
      } else {
        recent[oldest] = key
        oldest = (oldest + 1) % PictureMemory.recentLimit
      }
      return false
    }

    mutating func find(_ key: Key, _ data: [UInt8]) -> Shown? {
      guard let place = entries.lastIndex(where: { $0.key == key && $0.data == data }) else { return nil }
      entries.append(entries.remove(at: place))
      return entries.last?.shown
    }

    mutating func keep(_ entry: Entry) {
      guard entry.bytes <= PictureMemory.byteLimit, find(entry.key, entry.data) == nil else { return }
      entries.append(entry)
      var bytes = entries.reduce(0) { $0 + $1.bytes }
      while entries.count > PictureMemory.entryLimit || bytes > PictureMemory.byteLimit {
        bytes -= entries.removeFirst().bytes
      }
    }
  }

  private let state = Mutex(State())

  /// What the model takes in of `frame`, made if it is not known.
  func shown(
    _ frame: CameraFrame, as use: Use, make: () throws(RobotError) -> Shown
  ) throws(RobotError) -> Shown {
    let key = Key(frame, use)
    let (known, isRepeated) = state.withLock { state in
      let known = state.find(key, frame.data)
      return (known, known == nil && state.hasCome(key))
    }
    if let known { return known }
    let made = try make()
    if isRepeated { state.withLock { $0.keep(Entry(key: key, data: frame.data, shown: made)) } }
    return made
  }
}
