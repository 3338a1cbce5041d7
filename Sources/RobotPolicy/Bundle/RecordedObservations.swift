import Foundation
public import RobotInterface
import Tensors

/// Observations that were recorded beside a policy, with the tokens that its trainer decoded from them: what the policy's answers are
/// compared on.
///
/// The file is `agreement/observations.safetensors` of a bundle: pictures as they travelled, proprioception, the task of each, and
/// the ids that PyTorch decoded greedily with the same bf16-rounded weights.
public struct RecordedObservations: Sendable {
  /// In the order of the file.
  public let observations: [Observation]
  /// The trainer's tokens of each observation.
  public let tokens: [[Int32]]

  private struct Description: Decodable {
    struct Task: Decodable { let instruction: String }
    let tasks: [Task]
  }

  /// Reads the recording of a bundle.
  ///
  /// - Throws: ``PolicyError`` `.missingFile` when the bundle has none, `.unreadableFile` when it is not what it should be.
  public init(of bundle: PolicyBundle) throws(PolicyError) {
    let file = bundle.directory.appending(path: "agreement/observations.safetensors")
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw PolicyError(.missingFile, file.path, "the policy has no recorded observations beside it")
    }
    do {
      let recording = try SafetensorsFile(path: file.path)
      let description = try JSONDecoder().decode(
        Description.self, from: Data((recording.metadata["description"] ?? "{}").utf8))
      (observations, tokens) = try Self.read(recording, description, bundle.specification)
    } catch {
      throw PolicyError(.unreadableFile, file.path, "\(error)")
    }
  }

  private static func read(
    _ recording: SafetensorsFile, _ description: Description, _ specification: PolicySpecification
  ) throws -> ([Observation], [[Int32]]) {
    let offsets = try recording.integers("jpeg_offsets"), jpeg = try recording.bytes("jpeg")
    let states = try recording.tensor("proprioception"), tasks = try recording.integers("task")
    let flat = try recording.integers("tokens"), cameras = specification.cameras
    let isWhole =
      !tasks.isEmpty && states.rows == tasks.count && flat.count % tasks.count == 0
      && offsets.count == tasks.count * cameras.count + 1 && offsets.allSatisfy { (0...jpeg.count).contains($0) }
      && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 }
      && tasks.allSatisfy(description.tasks.indices.contains)
    guard isWhole else {
      throw TensorError(.shapeMismatch, recording.path, "tensors of the recording do not fit each other")
    }
    let observations = tasks.indices.map { index in
      let frames = cameras.enumerated().map { place, camera in
        let start = index * cameras.count + place
        return CameraFrame(
          camera: camera.name, encoding: .jpeg, width: camera.width, height: camera.height,
          data: Array(jpeg[offsets[start]..<offsets[start + 1]]))
      }
      return Observation(
        sequence: UInt64(index + 1), capturedAt: 0, sentAt: 0, frames: frames,
        proprioception: states.row(index).map { Double($0) }, instruction: description.tasks[tasks[index]].instruction)
    }
    let width = flat.count / tasks.count
    return (
      observations, tasks.indices.map { flat[$0 * width..<($0 + 1) * width].map { Int32(truncatingIfNeeded: $0) } }
    )
  }
}
