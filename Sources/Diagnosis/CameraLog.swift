public import RobotInterface
import Recording
public import MCAP

/// What a recording tells of robots: their cameras, their state, and what they were refused.
public struct CameraLog: Sendable, Hashable {
  /// One camera of one session.
  public struct Camera: Sendable, Hashable {
    /// Pixels.
    public var width = 0
    public var height = 0
    /// Pictures.
    public var count = 0
    /// Nanoseconds for which it showed the same picture while the robot moved, at most.
    public var longestFreeze: UInt64 = 0
    fileprivate var picture = 0
    fileprivate var since: UInt64 = 0
    fileprivate var state: [Double] = []
  }

  /// One session.
  public struct Session: Sendable, Hashable {
    /// What it was told that the policy asks for; `nil`: the greeting is not in the recording.
    public var capabilities: Capabilities?
    public var cameras: [String: Camera] = [:]
    /// Nanoseconds between an observation's capture and its departure.
    public var ages: [UInt64] = []
    /// Nanoseconds between two observations.
    public var gaps: [UInt64] = []
    /// Numbers of the state that were measured outside of their range and tolerance.
    public var outside: Set<String> = []
    /// The largest count of numbers in a state.
    public var stateCount = 0
    /// Errors by what they say is at fault.
    public var refusals: [String: Int] = [:]
    fileprivate var last: UInt64?
  }

  /// By name.
  public private(set) var sessions: [String: Session] = [:]

  /// Reads a recording, also one that still grows: up to where it ends now.
  ///
  /// - Throws: ``MCAPError``: it cannot be read.
  public init(_ path: String) throws(MCAPError) {
    var reader = try RecordingReader(path)
    while let entry = try reader.next() {
      switch entry.content {
      case .request(let request):
        if case .observation(let observation) = request.body { add(observation, request.sessionID) }
      case .reply(let reply, _):
        switch reply.body {
        case .capabilities(let capabilities): sessions[reply.sessionID, default: Session()].capabilities = capabilities
        case .error(let error):
          sessions[reply.sessionID, default: Session()].refusals["\(error.code): \(error.subject)", default: 0] += 1
        case .acknowledgement: sessions[reply.sessionID]?.last = nil
        default: break
        }
      default: break
      }
    }
  }

  private mutating func add(_ seen: Observation, _ name: String) {
    var session = sessions[name] ?? Session()
    let now = seen.capturedAt
    if seen.sentAt >= now { session.ages.append(seen.sentAt - now) }
    // A greeting, a new episode and a clock that has begun anew are no gaps.
    if let last = session.last, now > last { session.gaps.append(now - last) }
    let isFirst = session.last.map { now <= $0 } ?? true
    session.last = now
    session.stateCount = max(session.stateCount, seen.proprioception.count)
    if let expected = session.capabilities?.proprioception {
      for (value, part) in zip(seen.proprioception, expected)
      where !(value >= part.minimum - part.tolerance && value <= part.maximum + part.tolerance) {
        session.outside.insert(part.name)
      }
    }
    for frame in seen.frames {
      var camera = session.cameras[frame.camera] ?? Camera()
      (camera.width, camera.height) = (frame.width, frame.height)
      camera.count += 1
      let picture = frame.data.hashValue
      if isFirst || picture != camera.picture || camera.count == 1 {
        (camera.picture, camera.since, camera.state) = (picture, now, seen.proprioception)
      } else if seen.proprioception != camera.state, now > camera.since {
        camera.longestFreeze = max(camera.longestFreeze, now - camera.since)
      }
      session.cameras[frame.camera] = camera
    }
    sessions[name] = session
  }
}
