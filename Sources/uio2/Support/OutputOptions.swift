import ArgumentParser
import UnifiedIO

/// What the answer is, where it goes, and what a picture or a sound is pulled away from.
struct OutputOptions: ParsableArguments {
  @Option(help: "What the answer is.")
  var output: TargetModality = .text

  @OptionGroup var media: MediaOutputOptions

  func validate() throws {
    guard let ending = output.fileEnding else {
      if media.file != nil || media.guidance != nil || media.negativePrompt != nil {
        throw ValidationError("-o, --guidance and --negative-prompt go with --output image or audio.")
      }
      return
    }
    guard media.file != nil else {
      throw ValidationError("--output \(output.rawValue) needs -o with the name of a \(ending) file.")
    }
    try media.checkEnding(output)
  }

  /// Refuses sampling options that this kind of answer does not have.
  ///
  /// - Parameter readsMedia: whether the model is shown or played anything beside the prompt.
  func check(_ sampling: SamplingOptions, readsMedia: Bool) throws {
    if output != .text {
      try media.checkNegativePrompt(usual: Guidance.standardScale(for: output, isTextOnly: !readsMedia))
    }
    if output != .text, sampling.beams != 1 || sampling.maxTokens != nil {
      throw ValidationError("--beams and --max-tokens go with --output text.")
    }
    try sampling.checkDrawing(usual: output == .text ? 0 : 1, otherwiseUsesSeed: output == .audio)
  }
}
