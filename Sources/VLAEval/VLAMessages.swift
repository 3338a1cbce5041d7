public import MessagePack

/// Which key of an observation is which; the defaults are what vla-eval recommends.
public struct VLAKeys: Sendable, Hashable, Codable {
  /// A camera of ours and the name of its pictures in the map `images`.
  public struct Camera: Sendable, Hashable, Codable {
    /// The name by which the policy knows it.
    public var name: String
    /// The key within `images`.
    public var key: String

    /// Collects the parts.
    public init(name: String, key: String) {
      self.name = name
      self.key = key
    }
  }

  /// In the policy's order.
  public var cameras: [Camera]
  /// Keys of the state: the first that an observation has is taken, for benchmarks write one or the other. Empty: no state is read.
  public var state: [String]
  /// The key of the instruction.
  public var instruction: String

  /// Collects the parts.
  public init(
    cameras: [Camera], state: [String] = ["state", "states"], instruction: String = "task_description"
  ) {
    self.cameras = cameras
    self.state = state
    self.instruction = instruction
  }

  /// Every camera by its own name. A policy with one camera takes the only picture whatever its name is.
  public init(camerasNamed names: [String], hasState: Bool = true) {
    self.init(cameras: names.map { Camera(name: $0, key: $0) }, state: hasState ? ["state", "states"] : [])
  }
}

/// What a harness sent, by the names that a policy knows.
public struct VLAObservation: Sendable, Hashable {
  /// A camera's picture.
  public struct Picture: Sendable, Hashable {
    /// A name of ``VLAKeys/cameras``.
    public var camera: String
    /// Pixels, or a file: raw, PNG or JPEG as the harness is set (PNG unless said otherwise).
    public var image: WireImage

    /// Collects the parts.
    public init(camera: String, image: WireImage) {
      self.camera = camera
      self.image = image
    }
  }

  /// One for each of ``VLAKeys/cameras``, in that order.
  public var pictures: [Picture]
  /// Empty if the policy reads none.
  public var state: [Double]
  /// `nil` if the benchmark sent none.
  public var instruction: String?

  /// Collects the parts.
  public init(pictures: [Picture], state: [Double], instruction: String?) {
    self.pictures = pictures
    self.state = state
    self.instruction = instruction
  }
}

/// An episode's beginning.
public struct VLAEpisode: Sendable, Hashable {
  /// The task's name; empty if the benchmark gives none.
  public var task: String
  /// Whether the harness's clock goes on while it waits (`live`), or stands still.
  public var isLive: Bool

  /// Collects the parts.
  public init(task: String, isLive: Bool) {
    self.task = task
    self.isLive = isLive
  }
}

/// One frame of a harness.
public struct VLAFrame: Sendable, Hashable {
  /// What it says.
  public enum Body: Sendable, Hashable {
    /// The first frame of a connection, and of each reconnection. Answer with ``VLACodec/hello(_:answering:at:)``.
    case hello(version: String, benchmark: String?)
    /// Not answered.
    case episodeStart(VLAEpisode)
    /// Answered with an action or an error.
    case observation(VLAObservation)
    /// Not answered.
    case episodeEnd(succeeded: Bool?)
    /// The harness tells of an error of its own. Not answered.
    case error(String)
  }

  /// What it says.
  public var body: Body
  /// A count on the connection; the answer carries it too.
  public var sequence: Int
  /// Seconds since 1970 on the harness's clock, which need not be ours.
  public var sentAt: Double

  /// Collects the parts.
  public init(body: Body, sequence: Int, sentAt: Double) {
    self.body = body
    self.sequence = sequence
    self.sentAt = sentAt
  }
}

/// Why a frame cannot be used. The connection stays; only the frame is refused.
public struct VLAError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong; its subject is the key at fault, empty for the message itself.
  public var fault: MessagePackError
  /// Of the frame, for the answer; 0 if the frame could not be read so far.
  public var sequence: Int

  /// What the harness logs.
  public var description: String { fault.description }

  init(_ error: MessagePackError, sequence: Int) {
    fault = error
    self.sequence = sequence
  }
}
