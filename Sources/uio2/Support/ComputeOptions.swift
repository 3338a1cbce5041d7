import ArgumentParser
import Foundation
import Tensors

/// How a model is kept and computed, for every subcommand that runs one.
struct ComputeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Matrices in memory: f32, bf16 or int8 (default: as the files have them where that suits their size).",
      valueName: "format"))
  var weights: WeightFormat?

  @Option(
    help: ArgumentHelp(
      "Inputs of products with int8 weights: int8, int16 or f32 (default: int8 in the encoders of large models, else int16).",
      valueName: "format"))
  var activations: ActivationFormat?

  @Option(
    help: ArgumentHelp("Threads of the computation (default: as many as there are processors).", valueName: "count"))
  var threads: Int?

  func validate() throws {
    if let threads, !(1...64).contains(threads) { throw ValidationError("--threads must be between 1 and 64.") }
    if let weights { try check(weights) }
  }

  /// Refuses `--activations` where no weights have 8 bits.
  ///
  /// - Parameter format: of the weights in use.
  func check(_ format: WeightFormat) throws {
    guard activations != nil, format != .int8 else { return }
    throw ValidationError("--activations goes with int8 weights, and these are \(format.rawValue); add --weights int8.")
  }

  /// As the other method, of the format that the checkpoint in `folder` will be kept in.
  func check(checkpoint folder: URL) throws {
    guard activations != nil, weights == nil else { return }
    try check(WeightFormat.suited(to: Checkpoint(directory: folder)))
  }

  /// Whether any of the options was given.
  var isGiven: Bool { weights != nil || activations != nil || threads != nil }

  /// As the library takes them.
  var options: WeightOptions { WeightOptions(format: weights, activations: activations) }

  /// Sets what holds for the whole process.
  func apply() {
    if let threads { ComputeThreads.count = threads }
  }
}

extension WeightFormat: ExpressibleByArgument {}
extension ActivationFormat: ExpressibleByArgument {}
