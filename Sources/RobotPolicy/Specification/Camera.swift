public import RobotInterface

extension PolicySpecification {
  /// A camera and what the model does with it.
  public struct Camera: Encodable, Sendable, Hashable {
    /// Which of the model's inputs a camera feeds.
    public typealias Input = Capabilities.Camera.Input

    /// Unique among the cameras.
    public let name: String
    /// The model input that it feeds.
    public let input: Input
    /// Pixels.
    public let width: Int
    /// Pixels.
    public let height: Int
    /// Degrees, between 0 and 180; `nil` when the policy does not care.
    public let verticalFieldOfView: Double?
    /// For the `image` camera: how many of its frames from earlier steps the model sees as image history, 0...4.
    public let earlierFrames: Int

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case name, input, width, height
      case verticalFieldOfView = "vertical_field_of_view_degrees"
      case earlierFrames = "earlier_frames"
    }
  }

  /// Unified-IO 2 looks at so many history frames at most.
  public static let maximumHistoryFrames = 4

  /// History frames of every observation: those of the history cameras and those from earlier steps.
  package var historyFrames: Int {
    cameras.reduce(0) { $0 + $1.earlierFrames + ($1.input == .imageHistory ? 1 : 0) }
  }
}

extension PolicySpecification.Camera {
  private static let maximumSide = 8_192

  init(_ field: JSONField) throws(PolicyError) {
    let object = try field.object(CodingKeys.self)
    name = try object.required(.name).string()
    input = try object.required(.input).choice()
    width = try object.required(.width).integer(in: 1...Self.maximumSide)
    height = try object.required(.height).integer(in: 1...Self.maximumSide)
    verticalFieldOfView = try object.optional(.verticalFieldOfView)?.number(above: 0, upTo: 179)
    let earlier = object.optional(.earlierFrames)
    earlierFrames = try earlier?.integer(in: 0...PolicySpecification.maximumHistoryFrames) ?? 0
    if let earlier, earlierFrames > 0, input != .image {
      throw earlier.fault("expected 0 for a camera whose input is not \"image\", found \(earlierFrames)")
    }
  }
}
