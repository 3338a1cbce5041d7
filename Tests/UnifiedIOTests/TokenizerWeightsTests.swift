import Foundation
import Testing
import UnifiedIO

/// The weights of the image and audio tokenisers: all, none, or an error.
@Suite struct TokenizerWeightsTests {
  private let folder = Fixtures.url("tiny-a")

  private func failure(_ body: () throws -> Void) -> ModelError? {
    do {
      try body()
      return nil
    } catch {
      return error as? ModelError
    }
  }

  @Test(arguments: [
    "target_embedders.image.vqgan.decoder.up_3_block_2.conv1.weight",
    "target_embedders.image.vqgan.encoder.down_1_block_0.nin_shortcut.bias",
    "target_embedders.audio.vqgan.encoder.encoder_norm.bias",
  ])
  func aMissingTensorIsNamed(name: String) throws {
    let copy = try ChangedCheckpoint.copy(of: folder, renaming: name, to: String(name.dropLast()) + "X")
    defer { try? FileManager.default.removeItem(at: copy) }
    let error = failure { _ = try UnifiedIOModel(directory: copy) }
    #expect(error?.code == .missingTensor)
    #expect(error?.subject == name)
  }

  @Test(arguments: [
    (#""ch": 32"#, #""ch": 64"#, ModelError.Code.shapeMismatch),
    (#""ch": 32"#, #""ch": 33"#, .invalidConfiguration),
    (#""n_embed": 256"#, #""n_embed": 255"#, .shapeMismatch),
    (#""double_z": false"#, #""double_z": true"#, .invalidConfiguration),
    (#""ch_mult": [1, 2, 2, 4]"#, #""ch_mult": []"#, .invalidConfiguration),
    (#""ch_mult": [1, 2, 2, 4]"#, #""ch_mult": [1, 2, 4]"#, .invalidConfiguration),
    (#""num_res_blocks": 2"#, #""num_res_blocks": 1"#, .surplusTensor),
    (#""attn_resolutions": [32]"#, #""attn_resolutions": [32, 64]"#, .missingTensor),
    (#""image_vqgan""#, #""other_vqgan""#, .invalidConfiguration),
    (#""proj_dim": 8"#, #""proj_dim": 9"#, .shapeMismatch),
    (#""act_fn": "relu""#, #""act_fn": "gelu""#, .invalidConfiguration),
    (#""decoder_num_heads": 4"#, #""decoder_num_heads": 3"#, .invalidConfiguration),
    (#""default_input_size": [128, 256]"#, #""default_input_size": [0, 256]"#, .invalidConfiguration),
  ])
  func aConfigurationThatDoesNotFitIsAnError(old: String, new: String, expected: ModelError.Code) throws {
    let copy = try ChangedCheckpoint.copy(of: folder) { _ in }
    defer { try? FileManager.default.removeItem(at: copy) }
    let url = copy.appending(path: "config.json")
    let text = try String(contentsOf: url, encoding: .utf8)
    #expect(text.contains(old))
    try FileManager.default.removeItem(at: url)
    try Data(text.replacing(old, with: new).utf8).write(to: url)
    let error = failure { _ = try UnifiedIOModel(directory: copy) }
    #expect(error?.code == expected, "\(error?.description ?? "no error")")
  }

  @Test func withoutTokenisersTheModelLoadsAndSaysWhatIsMissing() throws {
    let copy = try ChangedCheckpoint.copy(of: folder, leavingOut: { $0.contains(".vqgan.") })
    defer { try? FileManager.default.removeItem(at: copy) }
    let model = try UnifiedIOModel(directory: copy)
    #expect(!model.hasTokenizer(.image) && !model.hasTokenizer(.audio))
    let encoded = try model.encode(ModelInput(text: [5, 1]))
    let image = failure { _ = try model.generateImage(from: encoded) }
    #expect(image?.code == .missingTensor)
    #expect(image?.subject == "target_embedders.image.vqgan")
    let audio = failure { _ = try model.generateSpectrogram(from: encoded) }
    #expect(audio?.subject == "target_embedders.audio.vqgan")
    // The ids themselves need no tokeniser.
    #expect(
      try model.generateTokens(.image, from: encoded, options: GenerationOptions(maximumTokens: 3)).count == 3)
  }
}
