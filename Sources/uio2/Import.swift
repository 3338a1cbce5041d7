import ArgumentParser
import Foundation
import ModelImport
import UnifiedIO

/// `uio2 import`: weights as they are published become a checkpoint of this runtime.
struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turn published weights (pytorch_model.bin) into a checkpoint, without running any code from them.",
    discussion: """
      SOURCE is a file that torch.save wrote (new or old format) or a safetensors file, or a folder with one. The pickle in it is \
      read by a small machine that knows tensors and nothing else: whatever else it asks for is refused by name. Every tensor of the \
      configuration must be there with its shape, and no other. Weights are copied piece by piece, so a file larger than memory is fine.

        uio2 import downloads/uio2-large checkpoints/uio2-large --dtype bf16
        uio2 import pytorch_model.bin checkpoints/robot --config config.json --modalities text,image --targets text --no-codecs
      """)

  @Argument(help: "The published file, or the folder that it lies in.", completion: .file())
  var source: String

  @Argument(help: "The folder to write; must not hold weights yet.", completion: .directory)
  var destination: String

  @Option(
    help: "Element type: keep, f32, or bf16 (vision transformers and codecs stay in 32 bits, as in the release).")
  var dtype: CheckpointImport.Precision = .keep

  @OptionGroup var selection: ModalitySelection

  @Option(help: ArgumentHelp("The model's config.json; by default the one beside SOURCE.", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("Largest file, in gigabytes.", valueName: "GB"))
  var shardSize = 5.0

  func validate() throws { try Transfer.checkShardSize(shardSize) }

  func run() throws {
    let folder = URL(filePath: destination)
    try Transfer.check(folder)
    var options = CheckpointImport.Options()
    options.precision = dtype
    options.inputs = try selection.inputs
    options.targets = try selection.outputs
    options.codecs = selection.codecs
    options.configuration = config.map { URL(filePath: $0) }
    options.shardSize = Int(shardSize * 1e9)
    let plan = try CheckpointImport(URL(filePath: source), options: options)
    if !plan.leftOut.isEmpty { try Console.say("leaves out \(plan.leftOut.count) tensors of what is not wanted") }
    try Transfer.run(verb: "importing") { progress in
      try plan.write(to: folder, progress: progress)
    }
    try Console.say("\(destination): \(plan.tensors.count) tensors, \(Amount.bytes(plan.byteCount))")
  }
}

extension CheckpointImport.Precision: ExpressibleByArgument {}

/// `--modalities`, `--targets`, `--no-codecs`: which parts of a model are wanted.
struct ModalitySelection: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What the model shall read, comma-separated: text, image, image_history, audio, audio_history (default: all).",
      valueName: "list"))
  var modalities: String?

  @Option(
    help: ArgumentHelp(
      "What the model shall write, comma-separated: text, image, audio (default: all).", valueName: "list"))
  var targets: String?

  @Flag(inversion: .prefixedNo, help: "Keep the codecs that turn image and audio tokens into pictures and sound.")
  var codecs = true

  /// `nil`: all.
  var inputs: [Configuration.InputModality]? {
    get throws { try modalities.map { try Self.parsed($0, option: "--modalities") } }
  }

  /// `nil`: all.
  var outputs: [TargetModality]? {
    get throws { try targets.map { try Self.parsed($0, option: "--targets") } }
  }

  func validate() throws {
    _ = try inputs
    _ = try outputs
  }

  private static func parsed<Modality: RawRepresentable & CaseIterable>(
    _ list: String, option: String
  ) throws -> [Modality] where Modality.RawValue == String {
    let words = list.split(separator: ",", omittingEmptySubsequences: false)
    return try words.map { word in
      let name = word.trimmingCharacters(in: .whitespaces)
      guard let modality = Modality(rawValue: name) else {
        let known = Modality.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("\(option): “\(name)” is none of \(known)")
      }
      return modality
    }
  }
}
