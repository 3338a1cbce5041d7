package import RobotInterface

/// Notices a camera that keeps sending the same picture, or the same few in turn, while the robot is told to move.
///
/// Pictures are compared exactly, by what they show (``PictureContent``): a live sensor never repeats itself. The last few are remembered,
/// because a driver that has stopped may go round and round in its ring of buffers. One picture that comes now as PNG and now as JPEG or
/// raw is two pictures here.
package struct FrozenCameraWatch: Sendable {
  /// Pictures of a camera that are remembered: as many buffers as drivers have by default (V4L2: 4).
  package static let remembered = 4

  private struct Memory {
    /// The last different pictures, the latest at the end.
    var pictures: [PictureContent]
    /// Robot clock, nanoseconds: when it was seen last.
    var seen: UInt64
    /// Nanoseconds for which the robot has moved while the picture was the same. Times at which it stood still are left out, however
    /// many there are: they say nothing of the camera.
    var moved: UInt64 = 0
    /// Found frozen; only another picture ends that, for the robot holds still meanwhile.
    var frozen = false
  }

  private var cameras: [String: Memory] = [:]
  /// Some robots never fill in `actionsConsumed`; what they report counts only once they have reported something.
  private var reportsConsumption = false
  /// The place that was reported last, and in which chunk.
  private var lastPlace: (chunk: Int, consumed: Int)?
  /// Robot clock, nanoseconds: until when the commands of before the last observation's chunk make the robot move; `nil`: they did not.
  private var lastMovesUntil: UInt64?

  /// As `lastMovesUntil`, of the commands of an episode that has ended since the last observation.
  private var earlierMovesUntil: UInt64?

  package init() {}

  /// A new episode begins. What was commanded before it may have moved the robot until then.
  ///
  /// - Parameter movesUntil: nanoseconds on the robot's clock until which the commands of before it may move the robot; `nil`: none does.
  package mutating func beginEpisode(movesUntil: UInt64?) {
    if let movesUntil { earlierMovesUntil = max(earlierMovesUntil ?? 0, movesUntil) }
    lastPlace = nil
  }

  /// Takes in the frames of an observation.
  ///
  /// - Parameters:
  ///   - observation: its frames, `capturedAt` and `actionsConsumed` are looked at.
  ///   - movesUntil: nanoseconds on the robot's clock until which its commands make it move; `nil`: they do not.
  ///   - chunk: a number of the last chunk, so that a place reported again is told from the same place in the next chunk; `nil`: every
  ///     observation follows another chunk. Where the chunk is another one than at the last observation, the robot may have moved by what it
  ///     executed of the chunk before, however little of the new one it has executed.
  ///   - timeout: nanoseconds on the robot's clock; `nil`: nothing is ever frozen.
  /// - Returns: the index of the first frame whose camera has shown nothing but pictures of before for longer than `timeout` of motion; it
  ///   stays frozen until it shows another. `nil` when every camera is alive.
  package mutating func observe(
    _ observation: Observation, movesUntil: UInt64?, chunk: Int? = nil, timeout: UInt64?
  ) -> Int? {
    guard let timeout else { return nil }
    reportsConsumption = reportsConsumption || observation.actionsConsumed > 0
    let now = observation.capturedAt
    let progress = progress(to: observation.actionsConsumed, in: chunk)
    // Of the episode before nobody reports any more how far it was executed.
    let earlierEnd = earlierMovesUntil.map { min($0, now) }
    earlierMovesUntil = nil
    let end = end(of: progress, movesUntil, now).map { max($0, earlierEnd ?? 0) } ?? earlierEnd
    lastMovesUntil = movesUntil
    var frozen: Int?
    for (index, frame) in observation.frames.enumerated() {
      let picture = PictureContent(frame)
      guard let memory = cameras[frame.camera], memory.pictures.contains(picture), memory.seen <= now else {
        let before = cameras[frame.camera].map { $0.seen <= now ? $0.pictures : [] } ?? []
        cameras[frame.camera] = Memory(pictures: before.suffix(Self.remembered - 1) + [picture], seen: now)
        continue
      }
      let moved = memory.moved.addingClamped(end.map { $0 - min($0, memory.seen) } ?? 0)
      let isFrozen = memory.frozen || moved > timeout
      cameras[frame.camera]?.seen = now
      cameras[frame.camera]?.moved = moved
      cameras[frame.camera]?.frozen = isFrozen
      if isFrozen { frozen = frozen ?? index }
    }
    return frozen
  }

  /// How far the robot says that it has come since the last observation.
  private struct Progress {
    /// Whether it has executed anything of the last chunk.
    var hasAdvanced: Bool
    /// Whether it had another chunk before.
    var isInNewChunk: Bool
  }

  private mutating func progress(to consumed: Int, in chunk: Int?) -> Progress {
    let last = lastPlace
    lastPlace = chunk.map { ($0, consumed) }
    guard let last, last.chunk == chunk else { return Progress(hasAdvanced: consumed > 0, isInNewChunk: true) }
    return Progress(hasAdvanced: consumed > last.consumed, isInNewChunk: false)
  }

  /// Until when the robot has moved since the last observation; `nil`: it has not.
  private func end(of progress: Progress, _ movesUntil: UInt64?, _ now: UInt64) -> UInt64? {
    guard reportsConsumption else { return movesUntil.map { min($0, now) } }
    // What the robot says goes before what it was told, but of a chunk that was replaced it says nothing.
    if progress.hasAdvanced, movesUntil != nil { return now }
    return progress.isInNewChunk ? lastMovesUntil.map { min($0, now) } : nil
  }
}
