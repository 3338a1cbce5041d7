package import RobotInterface

/// Notices a camera that keeps sending the same picture while the robot is told to move.
///
/// Pictures are compared byte for byte: a live sensor never repeats itself exactly, and two arrays that differ do so early.
package struct FrozenCameraWatch: Sendable {
  private struct Memory {
    var data: [UInt8]
    /// Robot clock, nanoseconds: since when the picture is the same although the robot moves.
    var since: UInt64
    /// Found frozen; only another picture ends that, for the robot holds still meanwhile.
    var frozen = false
  }

  private var cameras: [String: Memory] = [:]
  /// Some robots never fill in `actionsConsumed`; what they report counts only once they have reported something.
  private var reportsConsumption = false
  /// The place that was reported last, and in which chunk.
  private var lastPlace: (chunk: Int, consumed: Int)?

  package init() {}

  /// Takes in the frames of an observation.
  ///
  /// - Parameters:
  ///   - observation: its frames, `capturedAt` and `actionsConsumed` are looked at.
  ///   - commandMoves: whether the last chunk tells the robot to move.
  ///   - chunk: a number of the last chunk, so that a place reported again is told from the same place in the next chunk; `nil`: every
  ///     observation follows another chunk.
  ///   - timeout: nanoseconds on the robot's clock; `nil`: nothing is ever frozen.
  /// - Returns: the index of the first frame whose camera has shown the same picture for longer than `timeout`; it stays
  ///   frozen until its picture changes. `nil` when every camera is alive.
  package mutating func observe(
    _ observation: Observation, commandMoves: Bool, chunk: Int? = nil, timeout: UInt64?
  ) -> Int? {
    guard let timeout else { return nil }
    reportsConsumption = reportsConsumption || observation.actionsConsumed > 0
    let moved = commandMoves && (!reportsConsumption || hasAdvanced(to: observation.actionsConsumed, in: chunk))
    let now = observation.capturedAt
    var frozen: Int?
    for (index, frame) in observation.frames.enumerated() {
      guard let memory = cameras[frame.camera], memory.data == frame.data, memory.since <= now else {
        cameras[frame.camera] = Memory(data: frame.data, since: now)
        continue
      }
      if memory.frozen || (moved && now - memory.since > timeout) {
        cameras[frame.camera]?.frozen = true
        frozen = frozen ?? index
      } else if !moved {
        cameras[frame.camera]?.since = now
      }
    }
    return frozen
  }

  private mutating func hasAdvanced(to consumed: Int, in chunk: Int?) -> Bool {
    guard let chunk else { return consumed > 0 }
    defer { lastPlace = (chunk, consumed) }
    guard let lastPlace, lastPlace.chunk == chunk else { return consumed > 0 }
    return consumed > lastPlace.consumed
  }
}
