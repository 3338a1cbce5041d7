import ArgumentParser
import UnifiedIO

/// What the answer is, where it goes, and what a picture or a sound is pulled away from.
struct OutputOptions: ParsableArguments {
  @Option(help: "What the answer is.")
  var output: TargetModality = .text

  @Option(
    name: .customShort("o"),
    help: ArgumentHelp("Where the picture (.png) or the sound (.wav) is written.", valueName: "file"),
    completion: .file())
  var file: String?

  @Option(
    help: ArgumentHelp(
      "How far a picture or a sound is pulled away from --negative-prompt; 0: not at all (default: 10 for a picture from words, else 0).",
      valueName: "scale"))
  var guidance: Float?

  @Option(
    help: ArgumentHelp(
      "What it is pulled away from (default: the release's, \"\(Guidance.negativePrompt(for: .image))\" for pictures).",
      valueName: "text"))
  var negativePrompt: String?

  func validate() throws {
    guard let ending = output.fileEnding else {
      if file != nil || guidance != nil || negativePrompt != nil {
        throw ValidationError("-o, --guidance and --negative-prompt go with --output image or audio.")
      }
      return
    }
    guard file?.lowercased().hasSuffix(ending) == true else {
      throw ValidationError("--output \(output.rawValue) needs -o with the name of a \(ending) file.")
    }
  }

  /// Refuses sampling options that this kind of answer does not have.
  func check(_ sampling: SamplingOptions) throws {
    if output != .text, sampling.beams != 1 || sampling.maxTokens != nil {
      throw ValidationError("--beams and --max-tokens go with --output text.")
    }
  }
}

extension TargetModality: ExpressibleByArgument {}

extension TargetModality {
  /// Of the file that holds such an answer; `nil`: it is printed.
  fileprivate var fileEnding: String? {
    switch self {
    case .text: nil
    case .image: ".png"
    case .audio: ".wav"
    }
  }
}
