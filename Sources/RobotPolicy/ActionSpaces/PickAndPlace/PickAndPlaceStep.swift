/// One step of a pick-and-place answer, in location bins.
public struct PickAndPlaceStep: Sendable, Hashable {
  /// What is done with the thing.
  public enum Primitive: String, Sendable, Hashable, CaseIterable {
    /// Lifted and put down (suction cup).
    case pickAndPlace = "pick_and_place"
    /// Shoved over the table (spatula).
    case push

    /// The words before the two positions.
    var verbs: (from: String, to: String) { self == .push ? ("push", "push") : ("pick", "place") }
  }

  /// A position on the table and a rotation about the vertical, in bins 0...999.
  public struct Pose: Sendable, Hashable {
    /// Bin of the action space's x range.
    public let x: Int
    /// Bin of the action space's y range.
    public let y: Int
    /// Bin of one turn.
    public let rotation: Int

    /// - Parameters: bins; clipped to 0...999.
    public init(x: Int, y: Int, rotation: Int) {
      self.x = min(max(x, 0), LocationCodec.binCount - 1)
      self.y = min(max(y, 0), LocationCodec.binCount - 1)
      self.rotation = min(max(rotation, 0), LocationCodec.binCount - 1)
    }

    var bins: [Int] { [x, y, rotation] }
  }

  /// What is done.
  public var primitive: Primitive
  /// Where it begins.
  public var from: Pose
  /// Where it ends.
  public var to: Pose

  /// A step.
  public init(_ primitive: Primitive, from: Pose, to: Pose) {
    self.primitive = primitive
    self.from = from
    self.to = to
  }
}
