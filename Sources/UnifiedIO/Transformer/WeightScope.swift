import Tensors

/// A part of a checkpoint whose names begin with the same words, so that a layer can name its weights as the reference does.
struct WeightScope {
  let checkpoint: Checkpoint
  let prefix: String
  /// How the matrices are kept.
  var options: WeightOptions

  init(_ checkpoint: Checkpoint, _ prefix: String = "", options: WeightOptions) {
    self.checkpoint = checkpoint
    self.prefix = prefix
    self.options = options
  }

  subscript(_ name: String) -> WeightScope {
    WeightScope(checkpoint, prefix + name + ".", options: options)
  }

  /// The same part with matrices in 32 bits: where a little noise decides between neighbours in a codebook.
  var exact: WeightScope {
    var scope = self
    scope.options.format = .f32
    return scope
  }

  /// The same part with matrices in 16 bits at least: of embeddings, each of whose rows stands for itself. Rounded to 8 bits, the
  /// logits of neighbouring locations, which are nearly equal, would change places.
  var rowByRow: WeightScope {
    var scope = self
    if options.format == .int8 || (options.format == nil && checkpoint.isQuantized) { scope.options.format = .bf16 }
    return scope
  }

  /// The same part with finer activations unless told otherwise: where few rows meet many weights, whose way from memory is what costs.
  var fine: WeightScope {
    var scope = self
    scope.options.activations = options.activations ?? .int16
    return scope
  }

  /// The same part, in 16 bits at least where it is so small that it stays in a processor's cache: reading 8 bits from there instead
  /// of 16 would save no time, only accuracy. For parts that are read whole for every token.
  var inCache: WeightScope {
    let bytes = checkpoint.names.reduce(0) { sum, name in
      // Vectors do not count; packed matrices have four dimensions.
      guard name.hasPrefix(prefix), let entry = checkpoint.entry(name), entry.shape.count > 1 else { return sum }
      return sum &+ 2 &* entry.count
    }
    return bytes <= Self.cacheSize ? rowByRow : self
  }

  /// What any processor that runs such a model has as its last-level cache.
  private static let cacheSize = 8 << 20

  func tensor(_ name: String, _ shape: [Int]) throws(ModelError) -> Tensor {
    do {
      return try checkpoint.tensor(prefix + name, shape: shape)
    } catch {
      throw ModelError(error)
    }
  }

  /// A matrix that is only multiplied with or looked up in, `[rows, columns]`.
  func matrix(_ name: String, rows: Int, columns: Int) throws(ModelError) -> WeightMatrix {
    do {
      return try checkpoint.matrix(prefix + name, shape: [rows, columns], options: options)
    } catch {
      throw ModelError(error)
    }
  }

  func linear(_ name: String, inputs: Int, outputs: Int, bias: Bool = false) throws(ModelError) -> Linear {
    Linear(
      weight: try matrix(name + ".weight", rows: outputs, columns: inputs),
      bias: bias ? try tensor(name + ".bias", [outputs]) : nil)
  }

  func convolution(
    _ name: String, inputs: Int, outputs: Int, kernel: Int, sampling: Convolution.Sampling = .same
  ) throws(ModelError) -> Convolution {
    Convolution(
      weight: try tensor(name + ".weight", [outputs, inputs, kernel, kernel]),
      bias: try tensor(name + ".bias", [outputs]), sampling: sampling)
  }

  func rmsNorm(_ name: String, _ width: Int) throws(ModelError) -> RMSNorm {
    RMSNorm(scale: try tensor(name + ".scale", [width]))
  }

  func layerNorm(_ name: String, _ width: Int, epsilon: Float) throws(ModelError) -> LayerNorm {
    LayerNorm(
      weight: try tensor(name + ".weight", [width]), bias: try tensor(name + ".bias", [width]), epsilon: epsilon)
  }
}

extension WeightScope {
  /// Whether the checkpoint holds anything of this part.
  var isPresent: Bool { checkpoint.names.contains { $0.hasPrefix(prefix) } }
}

extension ModelError {
  /// The same fault in the vocabulary of the model.
  public init(_ error: TensorError) {
    let codes: [TensorError.Code: Code] = [
      .missingTensor: .missingTensor, .surplusTensor: .surplusTensor, .shapeMismatch: .shapeMismatch,
      .unreadableFile: .unreadableFile, .outOfMemory: .outOfMemory,
    ]
    self.init(codes[error.code] ?? .invalidWeights, error.subject, error.message)
  }
}
