import ArgumentParser
import Foundation
import ModelImport
import RobotPolicy
import Tensors

/// `uio2 quantize`: a checkpoint with its matrices in 8 bits.
struct Quantize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a checkpoint, or a policy, with its matrices in 8 bits.",
    discussion: """
      Every matrix gets 8-bit weights and a scale for each block of inputs of an output; embeddings, vectors, convolutions \
      and the tokenisers of pictures and sound stay as they are. What `--weights int8` does each time a model is loaded is done once, and \
      starting takes as long as reading the file. `uio2 bench --distortion` tells what it costs in accuracy. Of a policy everything else \
      is copied too, so that the result is a policy.

        uio2 quantize large large-int8
        uio2 quantize Policies/metaworld-mt5 policies/metaworld-mt5-int8
        uio2 generate --model large-int8 --prompt "…"
      """)

  @Argument(
    help: "The folder of config.json and the weights, in 32 or 16 bits, or of a policy.", completion: .directory)
  var source: String

  @Argument(help: "The folder to write; must not hold weights yet.", completion: .directory)
  var destination: String

  @Option(
    help: ArgumentHelp(
      "Inputs that share a scale: a power of two from 4 up (default: 256, of small matrices 32).", valueName: "count"))
  var block: Int?

  func validate() throws {
    if let block, block < 4 || block & (block - 1) != 0 {
      throw ValidationError("--block must be a power of two from 4 up.")
    }
  }

  func run() throws {
    let source = URL(filePath: source), folder = URL(filePath: destination)
    try Transfer.check(folder)
    let isPolicy = FileManager.default.fileExists(atPath: source.appending(path: "policy.json").path)
    let bundle = isPolicy ? try PolicyBundle.load(from: source) : nil
    if let bundle {
      // What lies beside the weights is found when the bundle is read; the model is not built yet.
      try Transfer.check(bundle.modelDirectory(inCopy: folder))
      try bundle.checkCompanions(to: folder)
    }
    let quantization = try CheckpointQuantization(bundle?.modelDirectory ?? source, block: block)
    try Transfer.run(verb: "quantizing") { progress in
      try quantization.write(to: bundle?.modelDirectory(inCopy: folder) ?? folder, progress: progress)
    }
    if let bundle { try Console.say("copied \(try bundle.copyCompanions(to: folder).joined(separator: ", "))") }
    try Console.say("\(destination): \(quantization.tensors.count) tensors, \(Amount.bytes(quantization.byteCount))")
  }
}
