import Tensors

/// The weights of a vocoder by name; keeps count of what was asked for.
struct VocoderWeights {
  private let tensors: [String: Tensor]
  private var used: Set<String> = []

  /// - Parameter tensors: names may all begin with `generator.`.
  init(_ tensors: [String: Tensor]) {
    let prefix = "generator."
    if tensors.keys.allSatisfy({ $0.hasPrefix(prefix) }) {
      self.tensors = Dictionary(uniqueKeysWithValues: tensors.map { (String($0.dropFirst(prefix.count)), $1) })
    } else {
      self.tensors = tensors
    }
  }

  /// - Throws: ``ModelError`` `.missingTensor` or `.shapeMismatch`.
  mutating func tensor(_ name: String, _ shape: [Int]) throws(ModelError) -> Tensor {
    guard let tensor = tensors[name] else {
      throw ModelError(.missingTensor, name, "is not in the vocoder's weights; expected \(shape)")
    }
    guard tensor.shape == shape else {
      throw ModelError(.shapeMismatch, name, "expected \(shape), found \(tensor.shape)")
    }
    used.insert(name)
    return tensor
  }

  /// A convolution's weight: as it is, or put together from length and direction, in either of the ways that PyTorch keeps a weight
  /// norm.
  ///
  /// - Parameter shape: the length is that of all elements of an entry of the first dimension.
  mutating func weight(_ name: String, _ shape: [Int]) throws(ModelError) -> Tensor {
    let pairs = [
      ("\(name).weight_g", "\(name).weight_v"),
      ("\(name).parametrizations.weight.original0", "\(name).parametrizations.weight.original1"),
    ]
    guard let (length, direction) = pairs.first(where: { tensors[$0.0] != nil || tensors[$0.1] != nil }) else {
      return try tensor("\(name).weight", shape)
    }
    let lengths = try tensor(length, [shape[0]] + shape.dropFirst().map { _ in 1 }).values
    let directions = try tensor(direction, shape).values
    let count = shape.dropFirst().reduce(1, *)
    var values: [Float] = []
    values.reserveCapacity(directions.count)
    for (entry, length) in lengths.enumerated() {
      let part = directions[(entry * count)..<((entry + 1) * count)]
      let norm = part.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      values += part.map { Float(Double($0) * Double(length) / norm) }
    }
    return Tensor(values, shape: shape)
  }

  mutating func convolution(
    _ name: String, inputs: Int, outputs: Int, kernel: Int, dilation: Int = 1
  ) throws(ModelError) -> Convolution1D {
    Convolution1D(
      weight: try weight(name, [outputs, inputs, kernel]), bias: try tensor(name + ".bias", [outputs]),
      dilation: dilation)
  }

  mutating func upsampling(
    _ name: String, inputs: Int, outputs: Int, kernel: Int, stride: Int
  ) throws(ModelError) -> TransposedConvolution1D {
    TransposedConvolution1D(
      weight: try weight(name, [inputs, outputs, kernel]), bias: try tensor(name + ".bias", [outputs]), stride: stride)
  }

  /// - Throws: ``ModelError`` `.surplusTensor` naming a tensor that nothing asked for.
  func checkNothingIsLeft() throws(ModelError) {
    guard let surplus = tensors.keys.filter({ !used.contains($0) }).min() else { return }
    throw ModelError(
      .surplusTensor, surplus, "is no part of the configured vocoder; does config.json belong to these weights?")
  }
}
