import Testing
import WebConsole

@Suite("Where a point is seen in a picture")
struct ProjectionTests {
  private func close(_ place: [Double]?, _ expected: [Double]) -> Bool {
    guard let place, place.count == expected.count else { return false }
    return zip(place, expected).allSatisfy { abs($0 - $1) < 1e-9 }
  }

  @Test func `a camera that looks along y sees its target in the middle, x to the right and z up`() throws {
    let camera = try #require(
      CameraProjection(camera: "c", position: [0, 0, 0], target: [0, 1, 0], verticalFieldOfView: 90, aspect: 2))
    #expect(close(camera.place(of: [0, 2, 0]), [0.5, 0.5]))
    // At 45 degrees a point is at the picture's edge: above, and half as far to the side in one twice as wide.
    #expect(close(camera.place(of: [0, 2, 2]), [0.5, 0]))
    #expect(close(camera.place(of: [2, 2, 0]), [0.75, 0.5]))
    #expect(camera.place(of: [0, -1, 0]) == nil)
    #expect(camera.place(of: [0, 0, 0]) == nil)
  }

  @Test func `one that looks straight down has y up in its picture`() throws {
    let camera = try #require(
      CameraProjection(camera: "c", position: [0, 0, 1], target: [0, 0, 0], verticalFieldOfView: 90, aspect: 1))
    #expect(close(camera.place(of: [1, 0, 0]), [1, 0.5]))
    #expect(close(camera.place(of: [0, 1, 0]), [0.5, 0]))
  }

  @Test func `a matrix is in pixels`() throws {
    let camera = try #require(
      CameraProjection(camera: "c", matrix: [100, 0, 0, 0, 0, 100, 0, 0, 0, 0, 1, 0], width: 200, height: 100))
    #expect(close(camera.place(of: [1, 0.5, 1]), [0.5, 0.5]))
  }

  @Test func `what is no camera is refused`() {
    #expect(CameraProjection(camera: "c", matrix: [1, 2, 3], width: 1, height: 1) == nil)
    #expect(
      CameraProjection(camera: "c", matrix: [Double](repeating: .nan, count: 12), width: 1, height: 1) == nil)
    for view in [0, 180, .nan] {
      #expect(
        CameraProjection(camera: "c", position: [0, 0, 0], target: [0, 1, 0], verticalFieldOfView: view, aspect: 1)
          == nil)
    }
    #expect(
      CameraProjection(camera: "c", position: [1, 1, 1], target: [1, 1, 1], verticalFieldOfView: 40, aspect: 1) == nil)
  }
}
