/// What a daemon drives and expects; a robot that disagrees with it must refuse to move.
public struct Capabilities: Sendable, Hashable {
  public struct Camera: Sendable, Hashable {
    public var name: String
    /// Pixels.
    public var width: Int
    /// Pixels.
    public var height: Int
    /// Degrees; `nil` when the policy does not care.
    public var verticalFieldOfView: Double?
    /// The model input that the camera feeds: `image` or `image_history`.
    public var input: String

    public init(name: String, width: Int, height: Int, verticalFieldOfView: Double?, input: String) {
      self.name = name
      self.width = width
      self.height = height
      self.verticalFieldOfView = verticalFieldOfView
      self.input = input
    }
  }

  /// A named number with its unit and range.
  public struct Quantity: Sendable, Hashable {
    public var name: String
    public var unit: String
    public var minimum: Double
    public var maximum: Double
    /// Of proprioception, in ``unit``: how far outside its range a measured value is still accepted.
    public var tolerance: Double

    public init(name: String, unit: String, minimum: Double, maximum: Double, tolerance: Double = 0) {
      self.name = name
      self.unit = unit
      self.minimum = minimum
      self.maximum = maximum
      self.tolerance = tolerance
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

    public init(
      name: String, position: ClosedRange<Double>? = nil, maximumRate: Double? = nil, maximumJump: Double? = nil
    ) {
      self.name = name
      self.position = position
      self.maximumRate = maximumRate
      self.maximumJump = maximumJump
    }
  }

  public struct Limits: Sendable, Hashable {
    /// x, y, z in metres, in the action frame; `nil`: no box.
    public var workspaceMinimum: [Double]?
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

    public init() {}
  }

  public var policyName: String
  /// Hex SHA-256 over the bundle's files.
  public var policyDigest: String
  public var serverVersion: String
  public var cameras: [Camera]
  public var proprioception: [Quantity]
  public var actions: [Quantity]
  /// e.g. `base`.
  public var actionFrame: String
  /// `delta`, `absolute` or `pick_and_place`.
  public var actionMode: String
  /// What a robot does without a fresh command: `zero` or `repeat`.
  public var hold: String
  /// Actions in one chunk at most.
  public var chunkLength: Int
  /// Hz, of single actions.
  public var controlRate: Double
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

  public init(
    policyName: String, policyDigest: String, serverVersion: String, cameras: [Camera], proprioception: [Quantity],
    actions: [Quantity], actionFrame: String, actionMode: String, hold: String, chunkLength: Int, controlRate: Double,
    limits: Limits, instructions: [String] = [], isUnlimited: Bool = false,
    unlimitedDimensions: [String] = [], weights: String = "", activations: String = "", deadline: UInt64? = nil,
    sessionToken: [UInt8] = []
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
  }
}
