import ArgumentParser
import Foundation
import ModelImport
import UnifiedIO

/// `--vocoder`, for subcommands that make sounds.
struct VocoderOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "HiFi-GAN's generator, which makes sounds audible: its folder or file (torch.save or safetensors, config.json beside it). Without it Griffin and Lim's method does.",
      valueName: "path"), completion: .file())
  var vocoder: String?

  var isGiven: Bool { vocoder != nil }

  /// What is read.
  var inputs: [String] { [vocoder].compactMap(\.self) }

  /// Reads it; `nil` when there is none.
  func load() throws -> Vocoder? { try vocoder.map { try Vocoder(contentsOf: URL(filePath: $0)) } }
}
