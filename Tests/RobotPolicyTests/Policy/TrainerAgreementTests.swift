import Foundation
import RobotInterface
import RobotPolicy
import Tensors
import Testing

/// The shipped policy says the same tokens as the trainer's own forward pass, on recorded observations.
///
/// The recording lies beside the policy: pictures as they travelled, proprioception, and the ids that PyTorch decoded
/// greedily with the same bf16-rounded weights.
@Suite("The runtime and the trainer agree")
struct TrainerAgreementTests {
  private struct Description: Decodable {
    struct Task: Decodable { let instruction: String }
    let tasks: [Task]
  }

  private let bundle: PolicyBundle
  private let recording: SafetensorsFile
  private let description: Description

  init() throws {
    let root = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    bundle = try PolicyBundle.load(from: root.appending(path: "Policies/metaworld-mt5"))
    recording = try SafetensorsFile(
      path: root.appending(path: "Policies/metaworld-mt5/agreement/observations.safetensors").path)
    description = try JSONDecoder().decode(
      Description.self, from: Data((recording.metadata["description"] ?? "{}").utf8))
  }

  private func observations() throws -> [Observation] {
    let offsets = try recording.integers("jpeg_offsets"), jpeg = try recording.bytes("jpeg")
    let states = try recording.tensor("proprioception"), tasks = try recording.integers("task")
    let cameras = bundle.specification.cameras.map(\.name)
    return tasks.indices.map { index in
      let frames = cameras.indices.map { camera in
        let place = index * cameras.count + camera
        return CameraFrame(
          camera: cameras[camera], encoding: .jpeg, width: 128, height: 128,
          data: Array(jpeg[offsets[place]..<offsets[place + 1]]))
      }
      return Observation(
        sequence: UInt64(index + 1), capturedAt: 0, sentAt: 0, frames: frames,
        proprioception: states.row(index).map { Double($0) }, instruction: description.tasks[tasks[index]].instruction)
    }
  }

  @Test func tokensAreTheTrainers() throws {
    let policy = try UnifiedIOPolicy(bundle: bundle)
    let observations = try observations()
    let tokens = try recording.integers("tokens"), width = tokens.count / observations.count
    #expect(observations.count >= 500)
    var same = 0, sameAnswers = 0
    for (index, observation) in observations.enumerated() {
      var context = EpisodeContext()
      let said = try policy.act(on: observation, context: &context).tokens.map { Int($0) }
      let trainers = Array(tokens[index * width..<(index + 1) * width])
      #expect(said.count == width)
      same += zip(said, trainers).count { $0 == $1 }
      sameAnswers += said == trainers ? 1 : 0
    }
    let share = Double(same) / Double(tokens.count)
    #expect(share >= 0.99, "\(same) of \(tokens.count) tokens, \(sameAnswers) of \(observations.count) whole answers")
  }
}
