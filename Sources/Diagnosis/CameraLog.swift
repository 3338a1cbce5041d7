public import RobotInterface
import Recording
import RobotPolicy
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
    /// How often the daemon refused it as frozen.
    public var refusals = 0
    /// The last different ones, as many as the daemon remembers.
    fileprivate var pictures: [PictureContent] = []
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
    /// The cameras of observations that wait for their answer, in the order of their frames, by request.
    fileprivate var waiting: [UInt64: [String]] = [:]
  }

  /// Observations of a session that wait for their answer: more than any daemon lets wait. Of older ones the answer is not in the recording.
  private static let maximumWaiting = 256

  /// By name.
  public private(set) var sessions: [String: Session] = [:]

  /// Reads a recording, also one that still grows: up to where it ends now.
  ///
  /// - Throws: ``MCAPError``: it cannot be read, or is empty.
  public init(_ path: String) throws(MCAPError) {
    var reader = try RecordingReader(path)
    guard !reader.isEmpty else {
      throw MCAPError(
        .malformed, path, "is empty: nothing was recorded there, or not yet; record while a robot asks (--record FILE)")
    }
    while let entry = try reader.next() {
      switch entry.content {
      case .request(let request):
        if case .observation(let observation) = request.body {
          add(observation, request.sessionID)
          expectAnswer(to: observation, request)
        }
      case .reply(let reply, _):
        let cameras = reply.body.isFinal ? sessions[reply.sessionID]?.waiting.removeValue(forKey: reply.requestID) : nil
        switch reply.body {
        case .capabilities(let capabilities): sessions[reply.sessionID, default: Session()].capabilities = capabilities
        case .error(let error):
          sessions[reply.sessionID, default: Session()].refusals["\(error.code): \(error.subject)", default: 0] += 1
          if error.code == .frozenCamera, let camera = cameras.flatMap(error.camera) {
            sessions[reply.sessionID]?.cameras[camera]?.refusals += 1
          }
        case .acknowledgement: sessions[reply.sessionID]?.last = nil
        default: break
        }
      default: break
      }
    }
  }

  /// Remembers which cameras an answer may be about.
  private mutating func expectAnswer(to seen: Observation, _ request: RequestMessage) {
    if sessions[request.sessionID]?.waiting.count ?? 0 >= Self.maximumWaiting {
      sessions[request.sessionID]?.waiting.removeAll()
    }
    sessions[request.sessionID]?.waiting[request.requestID] = seen.frames.map(\.camera)
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
      let picture = PictureContent(frame), isKnown = camera.pictures.contains(picture)
      if !isKnown { camera.pictures = camera.pictures.suffix(FrozenCameraWatch.remembered - 1) + [picture] }
      if isFirst || !isKnown {
        (camera.since, camera.state) = (now, seen.proprioception)
      } else if seen.proprioception != camera.state, now > camera.since {
        camera.longestFreeze = max(camera.longestFreeze, now - camera.since)
      }
      session.cameras[frame.camera] = camera
    }
    sessions[name] = session
  }
}

extension RobotError {
  /// The camera whose frame is at fault.
  fileprivate func camera(among cameras: [String]) -> String? {
    cameras.enumerated().first { subject == "observation.frames[\($0.offset)]" }?.element
  }
}
