/// What a daemon drives and expects; a robot that disagrees with it must refuse to move.
public struct Capabilities: Sendable, Hashable {
  /// A camera that the policy looks through.
  public struct Camera: Sendable, Hashable {
    /// Which of the model's inputs a camera feeds.
    public enum Input: String, Encodable, Sendable, Hashable, CaseIterable {
      /// The current picture; exactly one camera.
      case image
      /// A frame of the image history.
      case imageHistory = "image_history"
    }

    /// As in ``CameraFrame/camera``.
    public var name: String
    /// Pixels.
    public var width: Int
    /// Pixels.
    public var height: Int
    /// Degrees; `nil` when the policy does not care.
    public var verticalFieldOfView: Double?
    /// The model input that it feeds.
    public var input: Input

    /// Collects the parts.
    public init(name: String, width: Int, height: Int, verticalFieldOfView: Double?, input: Input) {
      self.name = name
      self.width = width
      self.height = height
      self.verticalFieldOfView = verticalFieldOfView
      self.input = input
    }
  }

  /// What the numbers of an action are. Open, because policies bring their action spaces with them.
  public struct ActionMode: RawRepresentable, Sendable, Hashable {
    /// As it travels; not empty.
    public var rawValue: String

    /// A mode of any name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// By how much to move.
    public static let delta = ActionMode(rawValue: "delta")
    /// Where to move.
    public static let absolute = ActionMode(rawValue: "absolute")
    /// What to take, and where to put it.
    public static let pickAndPlace = ActionMode(rawValue: "pick_and_place")
  }

  /// What a robot does when no fresh command is there.
  public enum Hold: String, Encodable, Sendable, Hashable, CaseIterable {
    /// Moves by nothing; for deltas and for pick-and-place.
    case zero
    /// Stays with the last command; for absolute poses.
    case `repeat`
  }

  /// A named number with its unit and range.
  public struct Quantity: Sendable, Hashable {
    /// Unique among the quantities of its list.
    public var name: String
    /// Such as `m`.
    public var unit: String
    /// Least value, in ``unit``.
    public var minimum: Double
    /// Greatest value, in ``unit``.
    public var maximum: Double
    /// Of proprioception, in ``unit``: how far outside its range a measured value is still accepted.
    public var tolerance: Double

    /// Collects the parts.
    public init(name: String, unit: String, minimum: Double, maximum: Double, tolerance: Double = 0) {
      self.name = name
      self.unit = unit
      self.minimum = minimum
      self.maximum = maximum
      self.tolerance = tolerance
    }
  }

  /// What a policy hears.
  public struct Audio: Sendable, Hashable {
    /// e.g. `instruction`.
    public var name: String
    /// Seconds; longer sounds are refused.
    public var maximumDuration: Double
    /// `true`: an observation has words or a sound. `false`: it has both.
    public var replacesInstruction: Bool

    /// Collects the parts.
    public init(name: String, maximumDuration: Double, replacesInstruction: Bool) {
      self.name = name
      self.maximumDuration = maximumDuration
      self.replacesInstruction = replacesInstruction
    }
  }

  /// Limits on one number of an action.
  public struct DimensionLimits: Sendable, Hashable {
    /// A name of ``Capabilities/actions``.
    public var name: String
    /// Where the commands may lead, in the dimension's unit; `nil`: not bounded.
    public var position: ClosedRange<Double>?
    /// Unit per second; `nil`: not bounded.
    public var maximumRate: Double?
    /// Unit, from the measured value; `nil`: not bounded.
    public var maximumJump: Double?

    /// Collects the parts.
    public init(
      name: String, position: ClosedRange<Double>? = nil, maximumRate: Double? = nil, maximumJump: Double? = nil
    ) {
      self.name = name
      self.position = position
      self.maximumRate = maximumRate
      self.maximumJump = maximumJump
    }
  }

  /// What the policy's commands keep to; `nil`: no such limit.
  public struct Limits: Sendable, Hashable {
    /// The lower corner: x, y, z in metres, in the action frame.
    public var workspaceMinimum: [Double]?
    /// The upper corner, likewise.
    public var workspaceMaximum: [Double]?
    /// Metres per second.
    public var maximumSpeed: Double?
    /// Radians per second.
    public var maximumRotationRate: Double?
    /// Metres from the measured pose.
    public var maximumJump: Double?
    /// Nanoseconds.
    public var maximumObservationAge: UInt64?
    /// Nanoseconds.
    public var frozenCameraTimeout: UInt64?
    /// Bytes of one request.
    public var maximumMessageBytes: UInt64?
    /// Limits on single numbers of an action; dimensions without limits of their own are left out.
    public var dimensions: [DimensionLimits] = []

    /// No limits.
    public init() {}
  }

  /// What a person calls the policy.
  public var policyName: String
  /// Hex SHA-256 over the bundle's files.
  public var policyDigest: String
  /// Of the daemon.
  public var serverVersion: String
  /// The pictures that an observation must have; empty when no robot is served.
  public var cameras: [Camera]
  /// What a robot measures, in the order of ``Observation/proprioception``.
  public var proprioception: [Quantity]
  /// The numbers of an action, in the order of ``Action/values``.
  public var actions: [Quantity]
  /// e.g. `base`.
  public var actionFrame: String
  /// What the numbers of an action are; `nil` when no robot is served. A robot that does not know the mode must not move.
  public var actionMode: ActionMode?
  /// What a robot does without a fresh command; `nil` when no robot is served.
  public var hold: Hold?
  /// Actions in one chunk at most.
  public var chunkLength: Int
  /// Hz, of single actions.
  public var controlRate: Double
  /// What commands keep to, and what is accepted.
  public var limits: Limits
  /// The sentences that the policy knows; empty: it takes free text.
  public var instructions: [String]
  /// Whether the policy declares no limits at all, on purpose.
  public var isUnlimited: Bool
  /// Names of ``actions`` that nothing but their range bounds, on purpose; empty when ``isUnlimited``.
  public var unlimitedDimensions: [String]
  /// How the model's matrices are kept, such as `bf16`; empty: not said.
  public var weights: String
  /// How the inputs of products with 8-bit weights are taken, such as `int16`; empty: there are none, or it is not said.
  public var activations: String
  /// Nanoseconds for which commands are valid; `nil`: not said.
  public var deadline: UInt64?
  /// Proves that a client owns its session; empty when the session belongs to another client. A secret: it is never logged.
  public var sessionToken: [UInt8]
  /// What the policy hears; `nil`: nothing, and it refuses a sound.
  public var audio: Audio?

  /// Collects the parts.
  public init(
    policyName: String, policyDigest: String, serverVersion: String, cameras: [Camera], proprioception: [Quantity],
    actions: [Quantity], actionFrame: String, actionMode: ActionMode?, hold: Hold?, chunkLength: Int,
    controlRate: Double,
    limits: Limits, instructions: [String] = [], isUnlimited: Bool = false,
    unlimitedDimensions: [String] = [], weights: String = "", activations: String = "", deadline: UInt64? = nil,
    sessionToken: [UInt8] = [], audio: Audio? = nil
  ) {
    self.policyName = policyName
    self.policyDigest = policyDigest
    self.serverVersion = serverVersion
    self.cameras = cameras
    self.proprioception = proprioception
    self.actions = actions
    self.actionFrame = actionFrame
    self.actionMode = actionMode
    self.hold = hold
    self.chunkLength = chunkLength
    self.controlRate = controlRate
    self.limits = limits
    self.instructions = instructions
    self.isUnlimited = isUnlimited
    self.unlimitedDimensions = unlimitedDimensions
    self.weights = weights
    self.activations = activations
    self.deadline = deadline
    self.sessionToken = sessionToken
    self.audio = audio
  }
}
