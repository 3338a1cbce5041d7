import ArgumentParser
import Foundation
import UnifiedIO

/// `--model` and `--tokenizer`, for every subcommand that runs a model on its own.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The folder of config.json, the weights and tokenizer.model.", valueName: "folder"),
    completion: .directory)
  var model: String

  @Option(
    help: ArgumentHelp("LLaMA's tokenizer.model (default: the one in the model's folder).", valueName: "file"),
    completion: .file())
  var tokenizer: String?

  @OptionGroup var compute: ComputeOptions

  /// Loads both.
  func load() throws -> TaskRunner {
    compute.apply()
    return try TaskRunner(
      directory: URL(filePath: model), tokenizer: tokenizer.map { URL(filePath: $0) }, weights: compute.options)
  }
}

/// How tokens are picked.
struct SamplingOptions: ParsableArguments {
  @Option(help: "Most tokens of the answer (default: the task's, 512 for generate).")
  var maxTokens: Int?

  @Option(
    help:
      "0: always the most probable token; above: draw, the more evenly the higher (default: 0; pictures and sounds 1; depth, normals and masks 0.9)."
  )
  var temperature: Float?

  @Option(
    help:
      "Draw from the most probable tokens that together have this probability (default: 1; pictures and sounds 0.9; masks 0.95)."
  )
  var topP: Float?

  @Option(help: "Draw from this many of the most probable tokens.")
  var topK: Int?

  @Option(help: "Of the random numbers; the same seed gives the same answer.")
  var seed: UInt64 = 0

  @Option(help: "Answers followed at the same time; more than 1 is beam search.")
  var beams: Int = 1

  /// As the library takes them.
  func settings(wording: Int = 0, bar: ProgressBar) -> TaskSettings {
    TaskSettings(
      wording: wording, maximumTokens: maxTokens, temperature: temperature ?? 0, topK: topK, topP: topP, seed: seed,
      beams: beams, onProgress: bar.observer)
  }

  /// As ``settings(wording:bar:)``, for pictures and sounds; absent options are the release's for the task.
  func mediaSettings(
    _ media: MediaOutputOptions, _ defaults: MediaSettings = MediaSettings(), wording: Int = 0, bar: ProgressBar
  ) -> MediaSettings {
    MediaSettings(
      guidance: media.guidance, negativePrompt: media.negativePrompt, temperature: temperature ?? defaults.temperature,
      topK: topK, topP: topP ?? defaults.topP, seed: seed, wording: wording, onProgress: bar.observer)
  }
}
