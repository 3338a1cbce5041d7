import Foundation
import Tensors
import Testing
import UnifiedIO

/// The list of tensors agrees with the checkpoints that the official code writes.
@Suite struct TensorInventoryTests {
  private func checkAgreement(_ folder: URL, withCodecs: Bool) throws {
    let document = try ConfigurationDocument(contentsOf: folder.appending(path: "config.json"))
    let inventory = try document.inventory(withCodecs: withCodecs)
    let checkpoint = try Checkpoint(directory: folder)
    #expect(Set(inventory.items.map(\.name)) == Set(checkpoint.names))
    #expect(inventory.items.count == checkpoint.names.count, "no name occurs twice")
    for item in inventory.items { #expect(checkpoint.entry(item.name)?.shape == item.shape, "\(item.name)") }
  }

  @Test func agreesWithTheFixture() throws {
    try checkAgreement(Fixtures.url("tiny-a"), withCodecs: true)
  }

  @Test(arguments: [(ReleasedSize.large, 1.1e9), (.xl, 3.2e9), (.xxl, 6.8e9)])
  func releasedSizesHaveThePublishedNumberOfParameters(size: ReleasedSize, parameters: Double) throws {
    let inventory = try size.configuration().inventory()
    let count = Double(inventory.parameterCount)
    #expect(abs(count / parameters - 1) < 0.025, "\(count)")
    #expect(Set(inventory.items.map(\.name)).count == inventory.items.count)
  }

  @Test func crossAttentionAndCosineScalesFollowTheConfiguration() throws {
    let document = try ReleasedSize.xxl.configuration()
    var configuration = document.configuration
    #expect(try document.inventory().items.contains { $0.name.hasSuffix("layers_1.xattention.logit_scale") })
    #expect(try !document.inventory().items.contains { $0.name.hasSuffix("layers_1.xattention.key_norm.scale") })
    configuration.transformer.crossAttentionInterval = 2
    let crossing = try TensorInventory(configuration).items.filter {
      $0.name.hasSuffix("encoder_decoder_attention.out.weight")
    }
    #expect(crossing.count == 13, "every second of 24 layers, and the last")
  }

  @Test func fewerModalitiesMeanFewerTensors() throws {
    let document = try ReleasedSize.tiny.configuration()
    let robot = try document.restricted(inputs: [.imageHistory], targets: [.text])
    #expect(robot.configuration.inputModalities == [.text, .imageHistory])
    let names = try robot.inventory().items.map(\.name)
    #expect(names.contains { $0.hasPrefix("input_embedders.image_history.image_encoder.vision_transformer.") })
    #expect(!names.contains { $0.contains("audio") || $0.contains("vqgan") || $0.hasPrefix("input_embedders.image.") })
    let inventory = try robot.inventory()
    #expect(inventory.isLeftOut("audio_token_embedder.weight"))
    #expect(inventory.isLeftOut("target_embedders.image.vqgan.quant_conv.bias"))
    #expect(inventory.isLeftOut("input_embedders.image.projection.weight"))
    #expect(!inventory.isLeftOut("encoder.layers_99.mlp.wo.weight"))
    #expect(throws: ModelError.self) { try robot.restricted(inputs: [.audio], targets: nil) }
    #expect(throws: ModelError.self) { try robot.restricted(inputs: nil, targets: [.image]) }
    #expect(throws: ModelError.self) { try robot.restricted(inputs: nil, targets: []) }
  }

  @Test func absurdNumbersAreErrors() throws {
    let document = try ReleasedSize.tiny.configuration()
    var configuration = document.configuration
    configuration.transformer.decoderLayers = 1 << 23
    #expect(throws: ModelError.self) { try TensorInventory(configuration) }
    for (old, new) in [
      (#""ch_mult": [1, 2, 2, 4]"#, #""ch_mult": []"#), (#""n_embed": 256"#, #""n_embed": -1"#),
      (#""proj_dim": 8"#, #""proj_dim": 99999999999"#), (#""z_channels": 4"#, #""z_channels": "four""#),
    ] {
      let text = String(decoding: document.json, as: UTF8.self)
      #expect(text.contains(old))
      #expect(throws: ModelError.self) {
        try ConfigurationDocument(json: Data(text.replacing(old, with: new).utf8), subject: "test")
      }
    }
  }
}
