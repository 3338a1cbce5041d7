import RobotInterface
import WebConsole

/// Where a camera is, as a file of addresses says: so that a console can draw commands into its picture.
struct CalibratedCamera {
  /// How it is said.
  private enum Place {
    /// From (x, y, z, 1) in metres to pixels, 3 × 4, row by row.
    case matrix([Double])
    case standing(position: [Double], target: [Double])
  }

  let name: String
  private let place: Place

  /// Reads a list.
  ///
  /// - Parameter bad: makes the error from where in the list it is, and what is wrong.
  static func list(
    _ value: Any, _ bad: (String) -> CommandFailure
  ) throws(CommandFailure) -> [CalibratedCamera] {
    guard let entries = value as? [[String: Any]] else { throw bad(": expected a list of objects with a name each") }
    var cameras: [CalibratedCamera] = []
    for (index, entry) in entries.enumerated() {
      try ListenFile.check(entry, ["name", "matrix", "position", "target"]) { bad("[\(index)]: \($0)") }
      guard let name = entry["name"] as? String else { throw bad("[\(index)].name: expected a text") }
      let numbers = { (key: String) in entry[key] as? [Double] }
      if let matrix = numbers("matrix"), matrix.count == 12, entry["position"] == nil, entry["target"] == nil {
        cameras.append(CalibratedCamera(name: name, place: .matrix(matrix)))
      } else if let position = numbers("position"), let target = numbers("target"), position.count == 3,
        target.count == 3, entry["matrix"] == nil
      {
        cameras.append(CalibratedCamera(name: name, place: .standing(position: position, target: target)))
      } else {
        throw bad(
          "[\(index)]: expected matrix, of 12 numbers, or position and target, of 3 numbers each in metres")
      }
    }
    return cameras
  }

  /// The projection into the pictures of the policy's camera of this name.
  ///
  /// - Throws: `CommandFailure` when the policy has no such camera, or does not say what it sees.
  func projection(for capabilities: Capabilities) throws(CommandFailure) -> CameraProjection {
    guard let camera = capabilities.cameras.first(where: { $0.name == name }) else {
      let names = capabilities.cameras.map(\.name).joined(separator: ", ")
      throw CommandFailure(.badData, "--listen-file: cameras: the policy has no camera \(name); expected \(names)")
    }
    let projection: CameraProjection?
    switch place {
    case .matrix(let matrix):
      projection = CameraProjection(camera: name, matrix: matrix, width: camera.width, height: camera.height)
    case .standing(let position, let target):
      guard let view = camera.verticalFieldOfView else {
        throw CommandFailure(
          .badData,
          "--listen-file: cameras: the policy does not say the field of view of \(name); give its matrix instead")
      }
      projection = CameraProjection(
        camera: name, position: position, target: target, verticalFieldOfView: view,
        aspect: Double(camera.width) / Double(max(1, camera.height)))
    }
    guard let projection else {
      throw CommandFailure(.badData, "--listen-file: cameras: \(name): that is no camera; look at its numbers")
    }
    return projection
  }
}
