import ArgumentParser
import Foundation
import ModelImport
import Tensors

/// `uio2 quantize`: a checkpoint with its matrices in 8 bits.
struct Quantize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a checkpoint with its matrices in 8 bits, ready to be mapped into memory.",
    discussion: """
      Every matrix gets 8-bit weights and a scale for each block of inputs of an output; embeddings, vectors, convolutions \
      and the tokenisers of pictures and sound stay as they are. What `--weights int8` does each time a model is loaded is done once, and starting takes as \
      long as mapping the file. `uio2 bench --distortion` tells what it costs in accuracy.

        uio2 quantize large large-int8
        uio2 generate --model large-int8 --prompt "…"
      """)

  @Argument(help: "The folder of config.json and the weights, in 32 or 16 bits.", completion: .directory)
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
    let quantization = try CheckpointQuantization(URL(filePath: source), block: block)
    try TransferDisplay.run(verb: "quantizing", bytes: quantization.byteCount) { progress in
      try quantization.write(to: URL(filePath: destination), progress: progress)
    }
    try Console.say("\(destination): \(quantization.tensors.count) tensors, \(Amount.bytes(quantization.byteCount))")
  }
}
