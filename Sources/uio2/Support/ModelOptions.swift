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

  /// What is read.
  var inputs: [String] { [model] + [tokenizer].compactMap(\.self) }

  /// Loads both.
  func load() throws -> TaskRunner {
    compute.apply()
    let folder = URL(filePath: model)
    try compute.check(checkpoint: folder)
    return try TaskRunner(
      directory: folder, tokenizer: tokenizer.map { URL(filePath: $0) }, weights: compute.options)
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

  @Option(help: "Of the random numbers; the same seed gives the same answer. (default: 0)")
  var seed: UInt64?

  @Option(help: "Answers followed at the same time; more than 1 is beam search.")
  var beams: Int = 1

  func validate() throws {
    func require(_ condition: Bool, _ message: String) throws { if !condition { throw ValidationError(message) } }
    if let maxTokens { try require(maxTokens >= 1, "--max-tokens must be at least 1, found \(maxTokens).") }
    if let temperature {
      try require(
        temperature.isFinite && temperature >= 0, "--temperature must be a number from 0 up, found \(temperature).")
    }
    if let topP { try require(topP > 0 && topP <= 1, "--top-p must be above 0 and at most 1, found \(topP).") }
    if let topK { try require(topK >= 1, "--top-k must be at least 1, found \(topK).") }
    try require((1...64).contains(beams), "--beams must be 1 to 64, found \(beams).")
    try require(beams == 1 || (temperature ?? 0) == 0, "--beams draws nothing; leave --temperature at 0.")
  }

  /// Refuses options of drawing where nothing is drawn.
  ///
  /// - Parameters:
  ///   - usual: the temperature without `--temperature`.
  ///   - otherwiseUsesSeed: whether the seed is for more than drawing, as the phases of a sound are.
  func checkDrawing(usual: Float, otherwiseUsesSeed: Bool = false) throws {
    guard (temperature ?? usual) == 0, topP != nil || topK != nil || (seed != nil && !otherwiseUsesSeed) else { return }
    throw ValidationError("--top-p, --top-k and --seed are about drawing; they go with a --temperature above 0.")
  }

  /// As the library takes them.
  func settings(wording: Int = 0, bar: ProgressBar) -> TaskSettings {
    TaskSettings(
      wording: wording, maximumTokens: maxTokens, temperature: temperature ?? 0, topK: topK, topP: topP,
      seed: seed ?? 0,
      beams: beams, onProgress: bar.observer)
  }

  /// As ``settings(wording:bar:)``, for pictures and sounds; absent options are the release's for the task.
  func mediaSettings(
    _ media: MediaOutputOptions, _ defaults: MediaSettings = MediaSettings(), wording: Int = 0, bar: ProgressBar
  ) -> MediaSettings {
    MediaSettings(
      guidance: media.guidance, negativePrompt: media.negativePrompt, temperature: temperature ?? defaults.temperature,
      topK: topK, topP: topP ?? defaults.topP, seed: seed ?? 0, wording: wording, onProgress: bar.observer)
  }
}
