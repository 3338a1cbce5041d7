import Foundation
import Tensors

/// The audio ViT-VQGAN: normalised log-mel spectrograms to codes and back (Yu et al. 2022).
///
/// Codes lie row-major in a grid of bands × time, here and in the reference; the decoder's sequence has time first
/// (``sequence(of:)``).
struct AudioTokenizer: Sendable {
  let configuration: AudioTokenizerConfiguration
  /// Entries of length 1: the reference compares and looks up normalised vectors.
  let codebook: Codebook
  private let embedding: Linear
  private let encoder: AudioTokenTransformer
  private let toCode: Linear
  private let codeNorm: LayerNorm
  private let fromCode: Linear
  private let decoder: AudioTokenTransformer
  /// `[patch values, decoder width]`.
  private let toPatch: Tensor
  /// Fixed angles of each patch, `[patches, width]`.
  private let positions: Tensor

  init(_ weights: WeightScope, _ configuration: AudioTokenizerConfiguration) throws(ModelError) {
    let patch = configuration.patchSize, code = configuration.codeSize
    self.configuration = configuration
    var entries = try weights["quantize"]["embedding"].tensor("weight", [configuration.codes, code])
    entries.normalizeLength(groupsOf: code)
    codebook = Codebook(entries)
    let encoderWeights = weights["encoder"], decoderWeights = weights["decoder"]
    embedding = try encoderWeights.linear(
      "embedding", inputs: patch.count, outputs: configuration.encoderSize, bias: true)
    encoder = try AudioTokenTransformer(
      encoderWeights["transformer"], width: configuration.encoderSize, layers: configuration.encoderLayers,
      heads: configuration.encoderHeads, hidden: configuration.encoderMLPSize)
    toCode = try encoderWeights.linear("encoder_proj", inputs: configuration.encoderSize, outputs: code)
    codeNorm = LayerNorm(
      weight: Tensor([Float](repeating: 1, count: code), shape: [code]),
      bias: try encoderWeights.tensor("encoder_norm.bias", [code]), epsilon: 1e-6)
    fromCode = try decoderWeights.linear("decoder_proj", inputs: code, outputs: configuration.decoderSize)
    decoder = try AudioTokenTransformer(
      decoderWeights["transformer"], width: configuration.decoderSize, layers: configuration.decoderLayers,
      heads: configuration.decoderHeads, hidden: configuration.decoderMLPSize)
    // Kernel and stride are equal, so the transposed convolution is a linear layer from a token to its patch.
    toPatch =
      try decoderWeights.tensor("conv_transpose.weight", [configuration.decoderSize, 1, patch.height, patch.width])
      .reshaped([configuration.decoderSize, patch.count]).transposed()
    positions = Self.positions(configuration.grid, width: configuration.encoderSize)
  }

  /// - Parameter spectrogram: normalised, `[bands, steps]`.
  /// - Returns: the nearest code of each patch, row-major over bands × time.
  func encode(_ spectrogram: Tensor, probe: Probe? = nil) -> [Codebook.Match] {
    var x = embedding(patches(of: spectrogram))
    x += positions
    x = encoder(x)
    probe?("audio.enc_transformer", x)
    x.applyReLU()
    x = codeNorm(toCode(x))
    probe?("audio.z", x)
    x.normalizeLength(groupsOf: configuration.codeSize)
    return codebook.nearest(to: x)
  }

  /// - Parameter codes: indices below the codebook's size, row-major over bands × time.
  /// - Returns: normalised, `[bands, steps]`.
  func decode(_ codes: [Int], probe: Probe? = nil) -> Tensor {
    var x = fromCode(codebook.entries.gatheringRows(codes))
    x += positions
    x = decoder(x)
    probe?("audio.dec_transformer", x)
    return spectrogram(of: x.multiplied(byRowsOf: toPatch, 0..<toPatch.rows))
  }

  /// Codes in the order in which the model writes them: all bands of the first step, then the next.
  func sequence<Element>(of codes: [Element]) -> [Element] {
    let grid = configuration.grid
    return codes.indices.map { codes[$0 % grid.height * grid.width + $0 / grid.height] }
  }

  /// The inverse of ``sequence(of:)``.
  func codes<Element>(of sequence: [Element]) -> [Element] {
    let grid = configuration.grid
    return sequence.indices.map { sequence[$0 % grid.width * grid.height + $0 / grid.width] }
  }

  private func patches(of spectrogram: Tensor) -> Tensor {
    rearranged(spectrogram, shape: [configuration.grid.count, configuration.patchSize.count]) { ($1, $0) }
  }

  private func spectrogram(of patches: Tensor) -> Tensor {
    rearranged(patches, shape: [configuration.size.height, configuration.size.width]) { ($0, $1) }
  }

  /// Moves every value between its place in the spectrogram and its place in the patches.
  private func rearranged(
    _ values: Tensor, shape: [Int], direction: (_ pixel: Int, _ patched: Int) -> (to: Int, from: Int)
  ) -> Tensor {
    let grid = configuration.grid, patch = configuration.patchSize
    var result = Tensor(zeros: shape)
    values.withSpan { source in
      result.withMutableSpan { target in
        for index in 0..<grid.count {
          for dy in 0..<patch.height {
            for dx in 0..<patch.width {
              let y = index / grid.width * patch.height + dy, x = index % grid.width * patch.width + dx
              let places = direction(y * configuration.size.width + x, index * patch.count + dy * patch.width + dx)
              target[places.to] = source[places.from]
            }
          }
        }
      }
    }
    return result
  }

  /// Sines and cosines of the column in the first half, of the row in the second.
  private static func positions(_ grid: GridSize, width: Int) -> Tensor {
    let quarter = width / 4
    var values: [Float] = []
    values.reserveCapacity(grid.count * width)
    let frequencies = (0..<quarter).map { 1 / pow(Float(10000), Float($0) / Float(quarter)) }
    for row in 0..<grid.height {
      for column in 0..<grid.width {
        for place in [column, row] {
          values += frequencies.map { sin(Float(place) * $0) }
          values += frequencies.map { cos(Float(place) * $0) }
        }
      }
    }
    return Tensor(values, shape: [grid.count, width])
  }
}

/// Pre-norm transformer blocks without attention biases, ReLU between the MLP's layers, a norm at the end.
private struct AudioTokenTransformer: Sendable {
  private struct Block: Sendable {
    let norm1: LayerNorm
    let attention: Attention
    let norm2: LayerNorm
    let up: Linear
    let down: Linear
  }

  private let blocks: [Block]
  private let norm: LayerNorm

  init(_ weights: WeightScope, width: Int, layers: Int, heads: Int, hidden: Int) throws(ModelError) {
    let options = Attention.Options(heads: heads, headDimension: width / heads, qkNorm: false)
    var blocks: [Block] = []
    for layer in 0..<layers {
      let scope = weights["encoderblock_\(layer)"]
      blocks.append(
        Block(
          norm1: try scope.layerNorm("ln_1", width, epsilon: 1e-6),
          attention: try Attention(scope["attn"], options),
          norm2: try scope.layerNorm("ln_2", width, epsilon: 1e-6),
          up: try scope["mlp"].linear("fc1", inputs: width, outputs: hidden, bias: true),
          down: try scope["mlp"].linear("fc2", inputs: hidden, outputs: width, bias: true)))
    }
    self.blocks = blocks
    norm = try weights.layerNorm("encoder_norm", width, epsilon: 1e-6)
  }

  /// - Parameter x: `[patches, width]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    var x = x
    for block in blocks {
      x += block.attention(block.norm1(x), rotary: nil, lengths: [x.rows])
      var hidden = block.up(block.norm2(x))
      hidden.applyReLU()
      x += block.down(hidden)
    }
    return norm(x)
  }
}
