import Foundation
import ModelImport
import Tensors
import Testing
import UnifiedIO

/// A configuration that differs from the golden checkpoint's wherever the release's sizes differ from each other, and more: scaled-cosine
/// resamplers, head dimension 32, cross-attention in every second decoder layer; with random weights.
@Suite struct OtherConfigurationTests {
  private let folder: URL
  private let model: UnifiedIOModel

  init() throws {
    folder = try Fixtures.folder()
    try SyntheticCheckpoint(Self.document(), precision: .f32, seed: 5).write(to: folder)
    model = try UnifiedIOModel(directory: folder)
  }

  private static func document() throws -> ConfigurationDocument {
    var text = String(decoding: try ReleasedSize.tiny.configuration().json, as: UTF8.self)
    for (old, new) in [
      (#""emb_dim": 64, "num_heads": 4, "head_dim": 16"#, #""emb_dim": 64, "num_heads": 2, "head_dim": 32"#),
      (#""num_decoder_layers": 2"#, #""num_decoder_layers": 5"#),
      (#""decoder_xattention_internval": 1"#, #""decoder_xattention_internval": 2"#),
      // The second layer of the resamplers looks at its own latents.
      (#""xattention_index": [0, 1]"#, #""xattention_index": [0]"#),
      (
        #""xattn_qk_norm": true, "xattn_scaled_cosine": false"#, #""xattn_qk_norm": false, "xattn_scaled_cosine": true"#
      ),
      (#""attn_qk_norm": true, "attn_scaled_cosine": false"#, #""attn_qk_norm": false, "attn_scaled_cosine": true"#),
    ] {
      #expect(text.contains(old))
      text.replace(old, with: new)
    }
    return try ConfigurationDocument(json: Data(text.utf8), subject: "test")
  }

  /// Text, a picture, a sound, and a frame of history of each.
  private static func input(history: Float = 0.5) -> ModelInput {
    func patches(_ count: Int, _ length: Int, _ factor: Float) -> PatchInput {
      PatchInput(
        patches: (0..<count * length).map { sin(Float($0) * 0.37) * factor },
        mask: [Bool](repeating: true, count: count), positions: (0..<count).map { $0 * 3 })
    }
    return ModelInput(
      text: [5, 32_000, 17, 1], image: patches(6, 768, 1), imageHistory: [patches(5, 768, history)],
      audio: patches(4, 256, 1), audioHistory: [patches(3, 256, history)])
  }

  private func furthest(_ one: Tensor, _ other: Tensor) -> Float {
    zip(one.values, other.values).map { abs($0 - $1) }.max() ?? .infinity
  }

  @Test func theConfigurationIsTheOther() throws {
    let checkpoint = try Checkpoint(directory: folder)
    for history in ["image_history", "audio_history"] {
      let resampler = "input_embedders.\(history).resampler.perceiver.layers_"
      #expect(checkpoint.contains(resampler + "0.xattention.logit_scale"))
      #expect(checkpoint.contains(resampler + "1.attention.logit_scale"))
    }
    let crossing = (0..<5).map { checkpoint.contains("decoder.layers_\($0).encoder_decoder_attention.out.weight") }
    #expect(crossing == [true, false, true, false, true])
    #expect(checkpoint.entry("decoder.layers_0.self_attention.query_norm.scale")?.shape == [32])
  }

  @Test func everythingIsRead() throws {
    let whole = try model.encode(Self.input())
    // The tokens of text, picture and sound, and four latents for each frame of history.
    #expect(whole.output.shape == [4 + 6 + 4 + 4 + 4, 64])
    #expect(whole.output.values.allSatisfy { $0.isFinite })
    #expect(furthest(whole.output, try model.encode(Self.input(history: -0.5)).output) > 1e-2)
  }

  /// The decoder's caches, with layers that keep no memory of the encoder, against all tokens at once.
  @Test(arguments: [TargetModality.text, .image, .audio])
  func whatIsGeneratedIsWhatTheLogitsSay(modality: TargetModality) throws {
    let encoded = try model.encode(Self.input())
    let said = try model.generate(modality, from: encoded, options: GenerationOptions(maximumTokens: 12)).tokens
    let logits = try model.logits(of: [0] + said.dropLast(), given: encoded, modality: modality)
    for (place, token) in said.enumerated() {
      let row = logits.row(place)
      #expect((row.max() ?? .infinity) - row[Int(token)] < 1e-4)
    }
    let other = try model.encode(ModelInput(text: [9, 1]))
    let elsewhere = try model.logits(of: [0] + said.dropLast(), given: other, modality: modality)
    #expect(furthest(logits, elsewhere) > 1e-3, "the decoder looks at the encoder")
  }

  @Test func picturesAndSoundsComeOut() throws {
    let encoded = try model.encode(Self.input())
    let picture = try model.generateImage(from: encoded)
    #expect(picture.width == 256 && picture.height == 256 && picture.values.allSatisfy { (0...1).contains($0) })
    let spectrogram = try model.generateSpectrogram(from: encoded)
    #expect(spectrogram.values.count == 256 * 128 && spectrogram.values.allSatisfy { $0.isFinite })
  }

  /// A cosine does not see the length of a query; the learnt factor it does.
  @Test func attentionOfTheResamplersGoesByTheCosine() throws {
    let before = try model.encode(Self.input()).output
    for history in ["image_history", "audio_history"] {
      let attention = "input_embedders.\(history).resampler.perceiver.layers_0.xattention."
      let longer = try changed(attention + "query.weight", by: 8)
      #expect(furthest(try longer.encode(Self.input()).output, before) < 1e-4)
      let sharper = try changed(attention + "logit_scale", by: 1.5)
      #expect(furthest(try sharper.encode(Self.input()).output, before) > 1e-3)
    }
  }

  /// The same model with every element of a tensor multiplied.
  private func changed(_ tensor: String, by factor: Float) throws -> UnifiedIOModel {
    let copy = try Fixtures.folder().appending(path: "copy")
    try FileManager.default.copyItem(at: folder, to: copy)
    let url = copy.appending(path: "model.safetensors")
    let file = try SafetensorsFile(path: folder.appending(path: "model.safetensors").path)
    let entry = try #require(file.entries[tensor])
    let values = try file.tensor(tensor).values.map { $0 * factor }
    var data = try Data(contentsOf: url)
    values.withUnsafeBytes { data.replaceSubrange(entry.offset..<(entry.offset + entry.length), with: $0) }
    try data.write(to: url)
    return try UnifiedIOModel(directory: copy)
  }
}
