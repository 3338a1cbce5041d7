#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif
import RobotInterface

/// Where a point of the action frame is seen in a camera's picture.
public struct CameraProjection: Sendable, Hashable {
  /// The camera's name.
  public let camera: String
  /// From (x, y, z, 1) in metres to (column · w, row · w, w) as parts of the picture, 3 × 4, row by row.
  private let matrix: [Double]

  /// A projection as calibrations write it.
  ///
  /// - Parameters:
  ///   - camera: its name.
  ///   - matrix: from (x, y, z, 1) in metres to (column · w, row · w, w) in pixels, 3 × 4, row by row.
  ///   - width: of the picture, pixels.
  ///   - height: of the picture, pixels.
  /// - Returns: `nil` when it is no such matrix.
  public init?(camera: String, matrix: [Double], width: Int, height: Int) {
    guard matrix.count == 12, matrix.allSatisfy(\.isFinite), width > 0, height > 0 else { return nil }
    self.camera = camera
    self.matrix = matrix.enumerated().map { index, value in
      index < 4 ? value / Double(width) : index < 8 ? value / Double(height) : value
    }
  }

  /// A pinhole camera that stands somewhere and looks at something, upright.
  ///
  /// - Parameters:
  ///   - camera: its name.
  ///   - position: of the camera, metres in the action frame.
  ///   - target: a point in the middle of its picture.
  ///   - verticalFieldOfView: degrees, above 0 and below 180.
  ///   - aspect: the picture's width by its height.
  /// - Returns: `nil` when that is no camera.
  public init?(camera: String, position: [Double], target: [Double], verticalFieldOfView: Double, aspect: Double) {
    guard position.count == 3, target.count == 3, (position + target).allSatisfy(\.isFinite), aspect > 0,
      verticalFieldOfView > 0, verticalFieldOfView < 180
    else { return nil }
    func cross(_ a: [Double], _ b: [Double]) -> [Double] {
      [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    }
    func unit(_ vector: [Double]) -> [Double]? {
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return length > 1e-9 ? vector.map { $0 / length } : nil
    }
    guard let forward = unit(zip(target, position).map { $0 - $1 }) else { return nil }
    // One that looks straight down has the frame's y axis pointing up in its picture.
    guard let right = unit(cross(forward, [0, 0, 1])) ?? unit(cross(forward, [0, 1, 0])) else { return nil }
    let down = cross(forward, right)
    let focal = 0.5 / tan(verticalFieldOfView * .pi / 360)
    func row(_ axis: [Double], scale: Double) -> [Double] {
      let vector = (0..<3).map { axis[$0] * scale + forward[$0] * 0.5 }
      return vector + [-zip(vector, position).reduce(0) { $0 + $1.0 * $1.1 }]
    }
    self.camera = camera
    matrix =
      row(right, scale: focal / aspect) + row(down, scale: focal)
      + (forward + [-zip(forward, position).reduce(0) { $0 + $1.0 * $1.1 }])
  }

  /// Column and row of a point as parts of the picture, 0...1 inside of it; `nil` for a point behind the camera.
  public func place(of point: [Double]) -> [Double]? {
    guard point.count == 3 else { return nil }
    let (column, row, depth) = (dot(0, point), dot(4, point), dot(8, point))
    guard depth > 1e-9 else { return nil }
    let place = [column / depth, row / depth]
    return place.allSatisfy { $0.isFinite && abs($0) < 1e6 } ? place : nil
  }

  private func dot(_ start: Int, _ point: [Double]) -> Double {
    matrix[start] * point[0] + matrix[start + 1] * point[1] + matrix[start + 2] * point[2] + matrix[start + 3]
  }
}

/// Where commands lead, as points of the action frame.
struct CommandPath: Sendable {
  private let mode: Capabilities.ActionMode?
  /// Places of x, y, z among the measured values.
  private let measured: [Int]?
  /// Places of x, y, z among the numbers of an action.
  private let commanded: [Int]?

  /// Metres whose names end in x, y and z.
  init(_ capabilities: Capabilities) {
    mode = capabilities.actionMode
    measured = Self.point(capabilities.proprioception)
    commanded = Self.point(capabilities.actions)
  }

  private static func point(_ quantities: [Capabilities.Quantity]) -> [Int]? {
    let places = ["x", "y", "z"].compactMap { axis in
      quantities.firstIndex { $0.unit == "m" && ($0.name == axis || $0.name.hasSuffix("_\(axis)")) }
    }
    return places.count == 3 ? places : nil
  }

  /// From where the robot was measured to where each command leads, as one line; a line for each thing that is picked or pushed. Empty when
  /// the names do not tell.
  func lines(from state: [Double], _ actions: [Action]) -> [[[Double]]] {
    if mode == .pickAndPlace {
      // x, y and an angle of where from, and of where to.
      return actions.filter { $0.values.count == 6 }.map { action in
        [[action.values[0], action.values[1], 0], [action.values[3], action.values[4], 0]]
      }
    }
    guard let commanded, !actions.isEmpty, actions.allSatisfy({ $0.values.count > commanded.max() ?? 0 }) else {
      return []
    }
    let targets = actions.map { action in commanded.map { action.values[$0] } }
    let start = measured.flatMap { places in
      state.count > places.max() ?? 0 ? places.map { state[$0] } : nil
    }
    switch mode {
    case .absolute: return [(start.map { [$0] } ?? []) + targets]
    case .delta:
      guard let start else { return [] }
      let path = targets.reduce(into: [start]) { path, step in
        path.append(zip(path[path.count - 1], step).map { $0 + $1 })
      }
      return [path]
    default: return []
    }
  }
}
