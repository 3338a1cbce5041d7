import Foundation
import Tensors
import Testing
import UnifiedIO
import UnifiedIOParity

/// The whole model against the official implementation. `UIO2_GOLDENS` names a complete golden folder to use instead.
@Suite struct ParityTests {
  private static let folder =
    ProcessInfo.processInfo.environment["UIO2_GOLDENS"].map { URL(filePath: $0) } ?? Fixtures.url("tiny-a")

  @Test(arguments: [
    "tokenizer_golden", "preproc", "internals_b1", "internals_b2_padded", "forward_targets", "generate_text",
    "generate_text_eos", "generate_image", "generate_audio", "codecs",
  ])
  func agreesWithTheOfficialImplementation(part: String) throws {
    let report = try Parity.run(folder: Self.folder, parts: [part])
    #expect(!report.rows.isEmpty)
    for row in report.rows {
      #expect(row.passed, "\(row.part) \(row.tensor): \(row.relativeError) > \(row.tolerance) \(row.note)")
    }
  }

  @Test func aDifferentWeightIsNoticed() throws {
    // The second decoder layer's MLP doubled: the comparison must see it, or it proves nothing.
    let folder = try ChangedCheckpoint.copy(of: Self.folder, doubling: "decoder.layers_1.mlp.wo.weight")
    defer { try? FileManager.default.removeItem(at: folder) }
    let report = try Parity.run(folder: folder, parts: ["internals_b1"])
    #expect(report.rows.first { $0.tensor == "decoder_layer0" }?.passed == true)
    #expect(report.rows.first { $0.tensor == "decoder_layer1" }?.passed == false)
    #expect(!report.passed)
  }

  @Test func aDifferentTokeniserIsNoticed() throws {
    let folder = try ChangedCheckpoint.copy(
      of: Self.folder, doubling: "target_embedders.image.vqgan.decoder.mid_block_2.conv2.weight")
    defer { try? FileManager.default.removeItem(at: folder) }
    let report = try Parity.run(folder: folder, parts: ["codecs"])
    #expect(report.rows.first { $0.tensor == "image.indices" }?.passed == true)
    #expect(report.rows.first { $0.tensor == "image.dec_mid" }?.passed == false)
    #expect(report.rows.first { $0.tensor == "image.decoded" }?.passed == false)
  }

  @Test func `a tensor of which the file keeps padding only is skipped, not failed`() throws {
    // Of the history's patches the file keeps every 16th: those are padding now.
    let copy = try ChangedCheckpoint.copy(of: Self.folder, file: "preproc.safetensors") { data in
      let file = try SafetensorsFile(path: Self.folder.appending(path: "preproc.safetensors").path)
      let mask = try #require(file.entries["ex10_mixed/inputs/audio_history/mask"])
      for patch in stride(from: 0, to: 128, by: 16) {
        data.replaceSubrange(mask.offset + 4 * patch..<mask.offset + 4 * patch + 4, with: [0, 0, 0, 0])
      }
    }
    defer { try? FileManager.default.removeItem(at: copy) }
    let report = try Parity.run(folder: copy, parts: ["internals_b1"])
    for tensor in ["audio_vit.audio_history.x", "audio_vit.audio_history.x1", "audio_history_pre_projection"] {
      let skipped = report.skipped.first { $0.part == "internals_b1: \(tensor)" }
      #expect(skipped?.reason.hasPrefix("nothing to compare") == true)
      #expect(!report.rows.contains { $0.tensor == tensor })
    }
    #expect(report.rows.allSatisfy { !$0.relativeError.isNaN })
  }

  @Test func unknownPartsAreRefused() {
    #expect(throws: ModelError.self) { try Parity.run(folder: Self.folder, parts: ["nonsense"]) }
  }

  @Test func comparingNothingDoesNotPass() {
    #expect(!ParityRow(part: "p", tensor: "t", relativeError: .nan, tolerance: 1).passed)
    #expect(!ParityReport().passed)
  }
}
