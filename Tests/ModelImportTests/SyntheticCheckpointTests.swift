import Foundation
import ModelImport
import Tensors
import Testing
import UnifiedIO

/// Random checkpoints have the release's shape, load, and are the same every time.
@Suite struct SyntheticCheckpointTests {
  @Test func `a disk that is too small is told in figures that differ`() {
    let room = 64 << 20
    #expect(Destination.shortage(of: 100 << 20, free: (100 << 20) + room) == nil)
    let text = Destination.shortage(of: 100 << 20, free: (100 << 20) + room - 1)
    #expect(text == "needs 164 MiB of disk, 163 MiB are free; make room for 1 MiB more or choose another disk")
    #expect(Destination.shortage(of: .max, free: .max)?.contains("far more") == true)
  }

  private func write(
    seed: UInt64 = 1, inputs: [Configuration.InputModality]? = nil, targets: [TargetModality]? = nil,
    shardSize: Int = 1 << 40
  ) throws -> URL {
    let document = try ReleasedSize.tiny.configuration().restricted(inputs: inputs, targets: targets)
    let folder = try Fixtures.folder()
    try SyntheticCheckpoint(document, seed: seed, shardSize: shardSize).write(to: folder)
    return folder
  }

  @Test func theSameSeedGivesTheSameWeightsInAnyPieces() throws {
    let one = try write(), same = try write(shardSize: 500_000), other = try write(seed: 2)
    let robot = try write(inputs: [.text, .image], targets: [.text])
    let bytes = try Data(contentsOf: one.appending(path: "model.safetensors"))
    #expect(try bytes == Data(contentsOf: write().appending(path: "model.safetensors")))
    #expect(try bytes != Data(contentsOf: other.appending(path: "model.safetensors")))
    let (a, b, c) = (try Checkpoint(directory: one), try Checkpoint(directory: same), try Checkpoint(directory: robot))
    #expect(b.files.count > 2 && a.names == b.names && c.names.count < a.names.count)
    for name in c.names {
      let shape = try #require(a.entry(name)).shape
      let values = try a.tensor(name, shape: shape).values
      #expect(try b.tensor(name, shape: shape).values == values)
      #expect(try c.tensor(name, shape: shape).values == values)
    }
  }

  @Test func widenedAndStoredWeightsGiveTheSameAnswers() throws {
    let folder = try write(inputs: [.text, .image], targets: [.text, .image])
    let patches = PatchInput(
      patches: (0..<768 * 3).map { Float($0 % 255) / 127 - 1 }, mask: [true, true, true], positions: [0, 7, 500])
    let input = ModelInput(text: [5, 32000, 17, 1], image: patches)
    let models = try [WeightFormat.f32, .bf16].map {
      try UnifiedIOModel(directory: folder, weights: WeightOptions(format: $0))
    }
    for modality in [TargetModality.text, .image] {
      let logits = try models.map {
        try $0.logits(of: [0, 9, 11], given: $0.encode(input), modality: modality).values
      }
      #expect(logits[0].contains { abs($0) > 0.5 }, "the weights say something")
      let furthest = zip(logits[0], logits[1]).map { abs($0 - $1) }.max() ?? .infinity
      // The caches are in half precision where the weights are.
      #expect(furthest < 2e-2, "\(furthest)")
      let text = try models.map { try $0.generate(modality, from: $0.encode(input), options: .greedy).tokens.prefix(8) }
      #expect(text[0] == text[1])
    }
  }

  @Test func aRandomCheckpointSurvivesAnImport() throws {
    let source = try write(), folder = try Fixtures.folder().appending(path: "imported")
    var options = CheckpointImport.Options()
    options.inputs = [.text, .imageHistory]
    options.targets = [.text]
    let plan = try CheckpointImport(source, options: options)
    #expect(plan.leftOut.contains("audio_token_embedder.weight"))
    try plan.write(to: folder)
    _ = try UnifiedIOModel(directory: folder)
    let checkpoint = try Checkpoint(directory: folder)
    #expect(checkpoint.contains("input_embedders.image_history.image_encoder.vision_transformer.class_embedding"))
    #expect(!checkpoint.contains("input_embedders.image.projection.weight"))
  }

  @Test func aDiskThatIsTooSmallIsSaidBeforeAnythingIsWritten() throws {
    let document = try ReleasedSize.xxl.configuration()
    var configuration = String(decoding: document.json, as: UTF8.self)
    configuration.replace(#""vocab_size": 33280"#, with: #""vocab_size": 16777216"#)
    configuration.replace(#""mlp_dim": 8192"#, with: #""mlp_dim": 16777216"#)
    let folder = try Fixtures.folder()
    let huge = try ConfigurationDocument(json: Data(configuration.utf8), subject: "test")
    do {
      try SyntheticCheckpoint(huge, precision: .f32).write(to: folder)
      Issue.record("terabytes were written")
    } catch {
      #expect(error.code == .noSpace)
      #expect(error.message.contains("MiB of disk"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}
