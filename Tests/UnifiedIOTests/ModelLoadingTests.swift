import Foundation
import Tensors
import Testing
import UnifiedIO

/// Checkpoints that do not fit their configuration.
@Suite struct ModelLoadingTests {
  private let folder = Fixtures.url("tiny-a")

  private func error(of folder: URL) -> ModelError? {
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      _ = try UnifiedIOModel(directory: folder)
      return nil
    } catch {
      return error
    }
  }

  @Test func aMissingAndASurplusTensorAreNamed() throws {
    let name = "encoder.layers_1.mlp.wi_0.weight"
    let copy = try ChangedCheckpoint.copy(of: folder, renaming: name, to: "encoder.layers_9.mlp.wi_0.weight")
    let missing = error(of: copy)
    #expect(missing?.code == .missingTensor)
    #expect(missing?.subject == name)

    let extended = try ChangedCheckpoint.copy(of: folder) { data in
      let length = Int(data.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
      let addition = Data(#"{"stranger":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"#.utf8)
      data.replaceSubrange(8..<9, with: addition)
      var newLength = UInt64(length + addition.count - 1).littleEndian
      data.replaceSubrange(0..<8, with: Data(bytes: &newLength, count: 8))
    }
    let surplus = error(of: extended)
    #expect(surplus?.code == .surplusTensor)
    #expect(surplus?.subject == "stranger")
  }

  @Test(arguments: [
    (#""num_encoder_layers": 2"#, #""num_encoder_layers": 3"#, ModelError.Code.missingTensor),
    (#""num_encoder_layers": 2"#, #""num_encoder_layers": 1"#, .surplusTensor),
    (#""mlp_dim": 128, "mlp_activations": ["silu""#, #""mlp_dim": 64, "mlp_activations": ["silu""#, .shapeMismatch),
    (#""num_heads": 4, "num_encoder"#, #""num_heads": 5, "num_encoder"#, .invalidConfiguration),
    (#""emb_dim": 64"#, #""emb_dim": "many""#, .invalidConfiguration),
    (#""decoder_xattention_internval": 1"#, #""decoder_xattention_internval": 0"#, .invalidConfiguration),
    (#""t5_config""#, #""t6_config""#, .invalidConfiguration),
  ])
  func aConfigurationThatDoesNotFitIsAnError(old: String, new: String, expected: ModelError.Code) throws {
    let copy = try ChangedCheckpoint.copy(of: folder) { _ in }
    let url = copy.appending(path: "config.json")
    let text = try String(contentsOf: url, encoding: .utf8)
    #expect(text.contains(old))
    try FileManager.default.removeItem(at: url)
    try Data(text.replacing(old, with: new).utf8).write(to: url)
    #expect(error(of: copy)?.code == expected)
  }

  @Test func aTruncatedCheckpointIsAnError() throws {
    let copy = try ChangedCheckpoint.copy(of: folder) { $0.removeLast(1000) }
    #expect(error(of: copy)?.code == .invalidWeights)
  }

  @Test(arguments: [
    ("text_token_embedder.weight", 64 * 3 + 5, "[3, 5]"), ("encoder.encoder_norm.scale", 7, "[7]"),
    ("decoder.layers_1.mlp.wo.weight", 0, "[0, 0]"),
    ("target_embedders.image.vqgan.decoder.conv_out.bias", 1, "[1]"),
  ])
  func `a weight that is not finite is named with its place`(tensor: String, index: Int, place: String) throws {
    for value in [Float.nan, .infinity, -.infinity] {
      let error = error(of: try ChangedCheckpoint.copy(of: folder, changing: tensor) { $0 == index ? value : $1 })
      #expect(error?.code == .invalidWeights)
      #expect(error?.subject == tensor)
      #expect(error?.message.contains("at \(place)") == true, "\(error?.message ?? "")")
    }
  }

  @Test func inputsOutsideTheTablesAreErrors() throws {
    let model = try UnifiedIOModel(directory: folder)
    #expect(throws: ModelError.self) { try model.encode(ModelInput(text: [])) }
    #expect(throws: ModelError.self) { try model.encode(ModelInput(text: [99999])) }
    #expect(throws: ModelError.self) { try model.encode(ModelInput(text: [-1])) }
    #expect(throws: ModelError.self) { try model.encode(ModelInput(text: [Int32](repeating: 5, count: 513))) }
    let patch = PatchInput(patches: [Float](repeating: 0, count: 768), mask: [true], positions: [576])
    #expect(throws: ModelError.self) { try model.encode(ModelInput(text: [5], image: patch)) }
    let short = PatchInput(patches: [0], mask: [true], positions: [0])
    #expect(throws: ModelError.self) { try model.encode(ModelInput(text: [5], image: short)) }
    let encoded = try model.encode(ModelInput(text: [5]))
    #expect(throws: ModelError.self) { try model.logits(of: [4000], given: encoded) }
  }
}
