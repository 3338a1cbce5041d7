public import RobotInterface
public import Topics

/// An arm whose cameras and joints publish on their own: who they are, and how they are put together.
public struct TopicSettings: Sendable, Hashable {
  /// What a source tells of.
  public enum Role: Sendable, Hashable {
    /// A camera of the policy, by its name there.
    case camera(String)
    /// What the arm measures, and how far it is with its commands.
    case arm
  }

  /// A process that publishes.
  public struct Source: Sendable, Hashable {
    /// Its name, which is also its topic, and what it may do.
    public var source: TopicSource
    /// What it tells of.
    public var role: Role
    /// Where it publishes.
    public var endpoint: Endpoint

    /// Collects the parts.
    public init(_ source: TopicSource, _ role: Role, at endpoint: Endpoint) {
      self.source = source
      self.role = role
      self.endpoint = endpoint
    }
  }

  /// Sources of one arm at most.
  public static let maximumSources = 16

  /// The session's name, which is also the topic of its commands.
  public var session: String
  /// Used while the arm says none.
  public var instruction: String
  /// Hz: how often it is decided; `nil`: as often as the policy controls.
  public var rate: Double?
  /// Nanoseconds between the captures of samples that are put together.
  public var maximumSkew: UInt64
  /// All cameras of the policy, and one arm.
  public var sources: [Source]

  /// Collects the parts.
  public init(
    session: String = "arm", instruction: String = "", rate: Double? = nil, maximumSkew: UInt64 = 100_000_000,
    sources: [Source]
  ) {
    self.session = session
    self.instruction = instruction
    self.rate = rate
    self.maximumSkew = maximumSkew
    self.sources = sources
  }

  /// Nanoseconds between two decisions.
  func period(for capabilities: Capabilities) -> UInt64 {
    let rate = rate ?? (capabilities.controlRate > 0 ? capabilities.controlRate : 10)
    return UInt64(1e9 / min(max(rate, 0.1), 1000))
  }

  /// Makes sure that these are the sources of an arm that the policy can drive.
  ///
  /// - Throws: `.malformed` with what is at fault as subject.
  public func check(for capabilities: Capabilities) throws(RobotError) {
    try checkInstruction()
    guard sources.count <= Self.maximumSources else {
      throw RobotError(.malformed, "sources", "expected at most \(Self.maximumSources), found \(sources.count)")
    }
    for name in [session] + sources.map(\.source.name)
    where !(1...128).contains(name.utf8.count) || !name.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
      throw RobotError(.malformed, "sources", "a name is 1 to 128 printable ASCII characters, found “\(name)”")
    }
    guard Set(sources.map(\.source.name)).count == sources.count else {
      throw RobotError(.malformed, "sources", "each source has a name of its own")
    }
    let cameras = sources.compactMap { if case .camera(let name) = $0.role { name } else { nil } }
    let expected = capabilities.cameras.map(\.name)
    guard cameras.sorted() == expected.sorted() else {
      throw RobotError(
        .malformed, "sources",
        "expected each camera of the policy once (\(expected.joined(separator: ", "))), found "
          + (cameras.isEmpty ? "none" : cameras.joined(separator: ", ")))
    }
    guard sources.count(where: { $0.role == .arm }) == 1 else {
      throw RobotError(.malformed, "sources", "expected one arm, a source with \"arm\": true")
    }
    for source in sources where !source.endpoint.isLocal {
      throw RobotError(
        .unsupported, "\(source.endpoint)",
        "\(source.source.name) is on another machine, whose clock says nothing here; expected 127.0.0.1, [::1] or ipc://PATH"
      )
    }
    let limit = capabilities.limits.maximumObservationAge ?? .max
    for source in sources.map(\.source) where source.maximumAge > limit {
      throw RobotError(
        .malformed, source.name,
        "the policy takes observations of at most \(limit / 1_000_000) ms; expected an age_ms of at most that, found "
          + "\(source.maximumAge / 1_000_000)")
    }
  }

  private func checkInstruction() throws(RobotError) {
    let sample = Observation(
      sequence: 1, capturedAt: 1, sentAt: 1, frames: [], proprioception: [], instruction: instruction)
    do throws(RobotError) {
      try RequestMessage(requestID: 1, sessionID: "arm", body: .observation(sample)).validate()
    } catch {
      throw RobotError(.malformed, "instruction", error.message)
    }
  }
}
