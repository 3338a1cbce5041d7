import ArgumentParser
import Foundation
import ModelImport
import Tensors
import UnifiedIO

/// `uio2 synthesize`: a checkpoint of a released size with random weights.
struct Synthesize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a checkpoint with random weights in a released size, to measure and to test with.",
    discussion: """
      Names and shapes are those of the release, codecs included; what such a model says is nonsense. The same seed gives the same \
      weights. In bf16 large has 2.7 GB, xl 6.9 and xxl 14.3.

        uio2 synthesize --size large checkpoints/random-large
        uio2 synthesize --size xxl --modalities text,image --targets text checkpoints/random-robot
      """)

  @Argument(help: "The folder to write; must not hold weights yet.", completion: .directory)
  var destination: String

  @Option(help: "Which configuration.")
  var size: ReleasedSize

  @Option(help: "Element type: f32, or bf16 (vision transformers and codecs stay in 32 bits, as in the release).")
  var dtype: CheckpointImport.Precision = .bf16

  @Option(help: ArgumentHelp("Seed of the random numbers.", valueName: "number"))
  var seed: UInt64 = 0

  @OptionGroup var selection: ModalitySelection

  @Option(help: ArgumentHelp("Largest file, in gigabytes.", valueName: "GB"))
  var shardSize = 5.0

  func validate() throws {
    try Transfer.checkShardSize(shardSize)
    guard dtype != .keep else { throw ValidationError("--dtype: there is nothing to keep; choose bf16 or f32") }
  }

  func run() throws {
    let folder = URL(filePath: destination)
    try Transfer.check(folder)
    let document = try size.configuration().restricted(inputs: selection.inputs, targets: selection.outputs)
    let checkpoint = try SyntheticCheckpoint(
      document, precision: dtype, seed: seed, codecs: selection.codecs, shardSize: Int(shardSize * 1e9))
    try Transfer.run(verb: "writing") { progress in
      try checkpoint.write(to: folder, progress: progress)
    }
    let parameters = checkpoint.tensors.reduce(0) { $0 + $1.count }
    try Console.say(
      "\(destination): \(checkpoint.tensors.count) tensors, \(Amount.count(parameters)) parameters, \(Amount.bytes(checkpoint.byteCount))"
    )
  }
}

extension ReleasedSize: ExpressibleByArgument {}
