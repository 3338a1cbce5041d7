import ArgumentParser
import Files
import UnifiedIO

/// Pictures and sounds that a model makes: where they go and what they are pulled away from.
struct MediaOutputOptions: ParsableArguments {
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

  /// The file, looked at; `nil` when none was named.
  ///
  /// - Parameter inputs: files and folders that the command reads.
  /// - Throws: `FileError` when it cannot be written.
  func target(besides inputs: [String]) throws -> OutputTarget? {
    try file.map { try OutputTarget($0, besides: inputs) }
  }

  /// Refuses a guidance that is no scale.
  func validate() throws {
    if let guidance, !(guidance.isFinite && guidance >= 0) {
      throw ValidationError("--guidance must be a number from 0 up, found \(guidance).")
    }
  }

  /// Refuses a negative prompt from which nothing is pulled away.
  ///
  /// - Parameter usual: the guidance without `--guidance`.
  func checkNegativePrompt(usual: Float) throws {
    guard negativePrompt != nil, (guidance ?? usual) == 0 else { return }
    throw ValidationError("--negative-prompt goes with a --guidance above 0.")
  }

  /// Refuses a file whose name does not say what will be in it.
  func checkEnding(_ output: TargetModality) throws {
    guard let file, let ending = output.fileEnding, !file.lowercased().hasSuffix(ending) else { return }
    throw ValidationError("-o needs the name of a \(ending) file, found \(file).")
  }
}

extension TargetModality: ExpressibleByArgument {}

extension TargetModality {
  /// Of the file that holds such an answer; `nil`: it is printed.
  var fileEnding: String? {
    switch self {
    case .text: nil
    case .image: ".png"
    case .audio: ".wav"
    }
  }
}
