import RobotInterface
import Synchronization

/// What the model takes in of the sounds that came last.
///
/// A robot sends its spoken instruction with every observation, so it is decoded once and then known by its bytes, which are compared
/// in full. Sessions share what is kept. What the encoder makes of it is kept by `EncodingCache`.
final class SoundMemory: Sendable {
  /// Sounds that are kept, at most; those that were not used for longest go first.
  static let entryLimit = 32
  /// Bytes that are kept, at most, keys included.
  static let byteLimit = 32 << 20

  private struct Entry: Sendable {
    let clip: AudioClip
    let input: SoundInput
    var bytes: Int { clip.data.count + input.bytes }
  }

  /// The one used last comes last.
  private let entries = Mutex<[Entry]>([])

  /// The input for `clip`, made if it is not known. Two threads that come with a new sound at once both make it.
  func input(
    for clip: AudioClip, make: () throws(RobotError) -> SoundInput
  ) throws(RobotError) -> SoundInput {
    if let known = entries.withLock({ Self.find(clip, in: &$0) }) { return known }
    let made = Entry(clip: clip, input: try make())
    entries.withLock { entries in
      guard made.bytes <= Self.byteLimit, !entries.contains(where: { $0.clip == clip }) else { return }
      entries.append(made)
      var bytes = entries.reduce(0) { $0 + $1.bytes }
      while entries.count > Self.entryLimit || bytes > Self.byteLimit {
        bytes -= entries.removeFirst().bytes
      }
    }
    return made.input
  }

  private static func find(_ clip: AudioClip, in entries: inout [Entry]) -> SoundInput? {
    guard let place = entries.lastIndex(where: { $0.clip == clip }) else { return nil }
    entries.append(entries.remove(at: place))
    return entries.last?.input
  }
}
