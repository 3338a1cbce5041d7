import Testing
import UnifiedIO

/// The way back from the canvas, and joints that were not seen; by hand.
@Suite struct TaskGeometryTests {
  @Test func pointsComeBackFromTheCanvas() throws {
    // 640 x 480 pixels lie scaled by 0.6 on 384 x 384, 48 rows from the top.
    let placement = try ImagePlacement(
      source: ImageSize(height: 480, width: 640), canvas: ImageSize(height: 384, width: 384))
    let inside = try placement.point(ofLocations: [0.25, 0.5])
    #expect(abs(inside.x - 320) < 0.01 && abs(inside.y - 80) < 0.01)
    let onPadding = try placement.point(ofLocations: [0.05, 1])
    #expect(onPadding.y == 0 && abs(onPadding.x - 640) < 0.01)
    #expect(throws: ModelError.self) { try placement.point(ofLocations: [0.5]) }
  }

  private let box = PixelBox(minX: 0, minY: 0, maxX: 100, maxY: 100)

  @Test func jointsThatWereNotNamedLieInTheMiddleOfTheOthers() throws {
    let pose = try #require(
      Pose(
        named: [
          ("nose", PixelPoint(x: 10, y: 20), 0.5), ("left knee", PixelPoint(x: 30, y: 60), 0.25),
        ], box: box))
    #expect(pose.isWellFormed)
    for keypoint in pose.keypoints {
      switch keypoint.name {
      case "nose": #expect(keypoint.point == PixelPoint(x: 10, y: 20) && keypoint.isVisible && keypoint.score == 0.5)
      case "left knee": #expect(keypoint.point == PixelPoint(x: 30, y: 60) && keypoint.isVisible)
      default: #expect(keypoint.point == PixelPoint(x: 20, y: 40) && !keypoint.isVisible && keypoint.score == 0)
      }
    }
  }

  @Test func ofAJointNamedTwiceTheFirstCounts() throws {
    let pose = try #require(
      Pose(named: [("nose", PixelPoint(x: 1, y: 2), 1), ("nose", PixelPoint(x: 3, y: 4), 1)], box: box))
    #expect(pose.keypoints[0].point == PixelPoint(x: 1, y: 2))
    #expect(!pose.isWellFormed)
    #expect(
      try !#require(Pose(named: [("nose", .init(x: 0, y: 0), 1), ("tail", .init(x: 0, y: 0), 1)], box: box))
        .isWellFormed)
    #expect(Pose(named: [("tail", PixelPoint(x: 1, y: 2), 1)], box: box) == nil)
    #expect(Pose(named: [], box: box) == nil)
  }

  @Test func theLimbsConnectJointsThatThereAre() {
    #expect(Pose.partNames.count == 17)
    for (one, other) in Pose.limbs { #expect((0..<17).contains(one) && (0..<17).contains(other) && one != other) }
  }
}
