/// A joint of a person.
public struct Keypoint: Sendable, Hashable {
  /// One of ``Pose/partNames``.
  public var name: String
  /// In pixels of the original picture.
  public var point: PixelPoint
  /// Whether the model said where it is; otherwise ``point`` is the mean of those that it said, so that a guess is never far off.
  public var isVisible: Bool
  /// Geometric mean of the probabilities of the point's two tokens, 0...1; 0 when it is not visible.
  public var score: Double
}

/// The 17 joints of a person, in the order of COCO.
public struct Pose: Sendable, Hashable {
  /// Always 17, in the order of ``partNames``.
  public var keypoints: [Keypoint]
  /// Where the person was looked for, in pixels of the original picture.
  public var box: PixelBox
  /// Whether the answer named each part at most once and no other.
  public var isWellFormed: Bool

  /// What the joints are called, in answers too.
  public static let partNames = [
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
    "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle",
    "right ankle",
  ]

  /// The limbs that a drawing connects, as indices of ``keypoints``.
  public static let limbs = [
    (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12), (11, 13),
    (13, 15), (12, 14), (14, 16),
  ]

  /// Puts named points in their places; `nil` when none is named.
  ///
  /// The first point of a name counts. A joint that is not named gets the mean of those that are.
  package init?(named points: [(name: String, point: PixelPoint, score: Double)], box: PixelBox) {
    var places = [String: (point: PixelPoint, score: Double)]()
    isWellFormed = true
    for (name, point, score) in points {
      if Self.partNames.contains(name), places[name] == nil {
        places[name] = (point, score)
      } else {
        isWellFormed = false
      }
    }
    guard !places.isEmpty else { return nil }
    let count = Float(places.count)
    let said = Self.partNames.compactMap { places[$0]?.point }
    let mean = PixelPoint(x: said.map(\.x).reduce(0, +) / count, y: said.map(\.y).reduce(0, +) / count)
    keypoints = Self.partNames.map { name in
      Keypoint(
        name: name, point: places[name]?.point ?? mean, isVisible: places[name] != nil,
        score: places[name]?.score ?? 0)
    }
    self.box = box
  }
}

/// A person's joints and what the model said.
public struct PoseAnswer: Sendable, Hashable {
  /// `nil` when the model named no joint.
  public var pose: Pose?
  /// What it was read from.
  public var answer: TextAnswer
}
