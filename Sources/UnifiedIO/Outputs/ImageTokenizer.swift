import Tensors

/// The image VQGAN: pictures of one size to codes and back (Esser et al. 2021).
///
/// Feature maps are `[channels, height, width]`, pixels from −1 to 1.
struct ImageTokenizer: Sendable {
  let configuration: ImageTokenizerConfiguration
  let codebook: Codebook
  /// Codes of a picture.
  let grid: GridSize
  private let encoder: ImageTokenEncoder
  private let decoder: ImageTokenDecoder
  private let toCode: Convolution
  private let fromCode: Convolution

  init(
    _ weights: WeightScope, _ configuration: ImageTokenizerConfiguration, target: GridSize
  ) throws(ModelError) {
    let latent = configuration.latentChannels, code = configuration.codeSize
    self.configuration = configuration
    grid = target.divided(by: configuration.reduction)
    codebook = Codebook(try weights["quantize"]["embedding"].tensor("weight", [configuration.codes, code]))
    encoder = try ImageTokenEncoder(weights["encoder"], configuration)
    decoder = try ImageTokenDecoder(weights["decoder"], configuration)
    toCode = try weights.convolution("quant_conv", inputs: latent, outputs: code, kernel: 1)
    fromCode = try weights.convolution("post_quant_conv", inputs: code, outputs: latent, kernel: 1)
  }

  /// - Parameter picture: `[3, height, width]`, −1...1.
  /// - Returns: the nearest code of each patch, row-major.
  func encode(_ picture: Tensor, probe: Probe? = nil) -> [Codebook.Match] {
    let latent = encoder(picture, probe: probe)
    probe?("image.encoder_out", latent)
    let code = toCode(latent)
    probe?("image.z", code)
    return codebook.nearest(to: code.reshaped([codebook.dimension, grid.count]).transposed())
  }

  /// - Parameter codes: indices below the codebook's size, row-major, as many as a picture has.
  /// - Returns: `[3, height, width]`, about −1...1, not clipped.
  func decode(_ codes: [Int], probe: Probe? = nil) -> Tensor {
    let entries = codebook.entries.gatheringRows(codes).transposed()
    return decoder(fromCode(entries.reshaped([codebook.dimension, grid.height, grid.width])), probe: probe)
  }
}

/// Residual blocks of one level, each followed by attention where the level has it, and the way to the next level.
private struct Level: Sendable {
  let name: String
  let blocks: [ResidualBlock]
  /// One for each block, or none.
  let attentions: [PixelAttention]
  /// The halving convolution of the encoder, or the one after doubling in the decoder; the last level has none.
  let resampling: Convolution?

  func callAsFunction(_ x: consuming Tensor, probe: Probe?) -> Tensor {
    for (index, block) in blocks.enumerated() {
      x = block(consume x)
      probe?("\(name)_block_\(index)", x)
      if !attentions.isEmpty {
        x = attentions[index](x)
        probe?("\(name)_attn_\(index)", x)
      }
    }
    return x
  }
}

private struct ImageTokenEncoder: Sendable {
  private let entry: Convolution
  private let levels: [Level]
  private let middle: ImageTokenizerMiddle
  private let head: ImageTokenizerHead

  init(_ weights: WeightScope, _ configuration: ImageTokenizerConfiguration) throws(ModelError) {
    entry = try weights.convolution(
      "conv_in", inputs: configuration.inputChannels, outputs: configuration.channels, kernel: 3)
    var channels = configuration.channels
    var levels: [Level] = []
    let last = configuration.channelMultipliers.count - 1
    for level in 0...last {
      var blocks: [ResidualBlock] = [], attentions: [PixelAttention] = []
      let outputs = configuration.channels(level: level)
      for block in 0..<configuration.residualBlocks {
        blocks.append(try ResidualBlock(weights["down_\(level)_block_\(block)"], inputs: channels, outputs: outputs))
        channels = outputs
        if configuration.hasAttention(level: level) {
          attentions.append(try PixelAttention(weights["down_\(level)_attn_\(block)"], channels: channels))
        }
      }
      levels.append(
        Level(
          name: "image.down_\(level)", blocks: blocks, attentions: attentions,
          resampling: level == last
            ? nil
            : try weights["down_\(level)_downsample"].convolution(
              "conv", inputs: channels, outputs: channels, kernel: 3, sampling: .halving)))
    }
    self.levels = levels
    middle = try ImageTokenizerMiddle(weights, channels: channels)
    head = try ImageTokenizerHead(weights, inputs: channels, outputs: configuration.latentChannels)
  }

  func callAsFunction(_ picture: Tensor, probe: Probe?) -> Tensor {
    var x = entry(picture)
    probe?("image.conv_in", x)
    for level in levels {
      x = level(consume x, probe: probe)
      if let halving = level.resampling {
        x = halving(x)
        probe?("\(level.name)_downsample", x)
      }
    }
    return head(middle(x, probe: probe, prefix: "image.encoder"))
  }
}

private struct ImageTokenDecoder: Sendable {
  private let entry: Convolution
  private let middle: ImageTokenizerMiddle
  private let levels: [Level]
  private let head: ImageTokenizerHead

  init(_ weights: WeightScope, _ configuration: ImageTokenizerConfiguration) throws(ModelError) {
    let last = configuration.channelMultipliers.count - 1
    var channels = configuration.channels(level: last)
    entry = try weights.convolution("conv_in", inputs: configuration.latentChannels, outputs: channels, kernel: 3)
    middle = try ImageTokenizerMiddle(weights, channels: channels)
    var levels: [Level] = []
    // The checkpoint counts from the coarsest level up.
    for step in 0...last {
      let level = last - step, outputs = configuration.channels(level: level)
      var blocks: [ResidualBlock] = [], attentions: [PixelAttention] = []
      for block in 0...configuration.residualBlocks {
        blocks.append(try ResidualBlock(weights["up_\(step)_block_\(block)"], inputs: channels, outputs: outputs))
        channels = outputs
        if configuration.hasAttention(level: level) {
          attentions.append(try PixelAttention(weights["up_\(step)_attn_\(block)"], channels: channels))
        }
      }
      levels.append(
        Level(
          name: "image.up_\(step)", blocks: blocks, attentions: attentions,
          resampling: level == 0
            ? nil
            : try weights["up_\(step)_upsample"].convolution(
              "conv", inputs: channels, outputs: channels, kernel: 3)))
    }
    self.levels = levels
    head = try ImageTokenizerHead(weights, inputs: channels, outputs: configuration.outputChannels)
  }

  func callAsFunction(_ latent: Tensor, probe: Probe?) -> Tensor {
    var x = middle(entry(latent), probe: probe, prefix: "image.decoder")
    for level in levels {
      x = level(consume x, probe: probe)
      if let convolution = level.resampling { x = convolution.ofDoubled(x) }
    }
    return head(x)
  }
}
