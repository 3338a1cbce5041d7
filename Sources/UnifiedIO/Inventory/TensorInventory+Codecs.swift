/// The tokenisers of image and audio targets.
extension TensorInventory {
  mutating func addImageCodec(_ sizes: CodecSizes.Image) {
    let name = "target_embedders.image.vqgan"
    let z = sizes.zChannels * (sizes.usesDoubleZ ? 2 : 1), last = sizes.multipliers.count - 1
    add("\(name).quantize.embedding.weight", [sizes.codes, sizes.embeddingSize], .codec)
    addConvolution("\(name).quant_conv", from: z, to: sizes.embeddingSize, side: 1)
    addConvolution("\(name).post_quant_conv", from: sizes.embeddingSize, to: sizes.zChannels, side: 1)

    let encoder = "\(name).encoder"
    var channels = sizes.channels
    addConvolution("\(encoder).conv_in", from: sizes.inputChannels, to: channels)
    for (level, multiplier) in sizes.multipliers.enumerated() {
      for block in 0..<sizes.residualBlocks {
        addResidualBlock("\(encoder).down_\(level)_block_\(block)", from: channels, to: sizes.channels * multiplier)
        channels = sizes.channels * multiplier
        if sizes.attentionResolutions.contains(sizes.resolution >> level) {
          addPixelAttention("\(encoder).down_\(level)_attn_\(block)", channels)
        }
      }
      if level < last {
        addConvolution("\(encoder).down_\(level)_downsample.conv", from: channels, to: channels)
      }
    }
    addMiddle(encoder, channels)
    addNorm("\(encoder).norm_out", channels, .codec)
    addConvolution("\(encoder).conv_out", from: channels, to: z)

    let decoder = "\(name).decoder"
    addConvolution("\(decoder).conv_in", from: sizes.zChannels, to: channels)
    addMiddle(decoder, channels)
    for (step, level) in (0...last).reversed().enumerated() {
      for block in 0...sizes.residualBlocks {
        let next = sizes.channels * sizes.multipliers[level]
        addResidualBlock("\(decoder).up_\(step)_block_\(block)", from: channels, to: next)
        channels = next
        if sizes.attentionResolutions.contains(sizes.resolution >> level) {
          addPixelAttention("\(decoder).up_\(step)_attn_\(block)", channels)
        }
      }
      if level > 0 { addConvolution("\(decoder).up_\(step)_upsample.conv", from: channels, to: channels) }
    }
    addNorm("\(decoder).norm_out", channels, .codec)
    addConvolution("\(decoder).conv_out", from: channels, to: sizes.outputChannels)
  }

  private mutating func addConvolution(_ name: String, from inputs: Int, to outputs: Int, side: Int = 3) {
    add("\(name).weight", [outputs, inputs, side, side], .codec)
    add("\(name).bias", [outputs], .codec)
  }

  private mutating func addResidualBlock(_ name: String, from inputs: Int, to outputs: Int) {
    addNorm("\(name).norm1", inputs, .codec)
    addConvolution("\(name).conv1", from: inputs, to: outputs)
    addNorm("\(name).norm2", outputs, .codec)
    addConvolution("\(name).conv2", from: outputs, to: outputs)
    if inputs != outputs { addConvolution("\(name).nin_shortcut", from: inputs, to: outputs, side: 1) }
  }

  private mutating func addPixelAttention(_ name: String, _ channels: Int) {
    addNorm("\(name).norm", channels, .codec)
    for projection in ["q", "k", "v", "proj_out"] {
      addConvolution("\(name).\(projection)", from: channels, to: channels, side: 1)
    }
  }

  private mutating func addMiddle(_ name: String, _ channels: Int) {
    addResidualBlock("\(name).mid_block_1", from: channels, to: channels)
    addPixelAttention("\(name).mid_attn_1", channels)
    addResidualBlock("\(name).mid_block_2", from: channels, to: channels)
  }

  mutating func addAudioCodec(_ sizes: CodecSizes.Audio) {
    let name = "target_embedders.audio.vqgan", patch = sizes.patchSize.reduce(sizes.channels, *)
    add("\(name).quantize.embedding.weight", [sizes.codes, sizes.projection], .codec)
    addLinear("\(name).encoder.embedding", inputs: patch, outputs: sizes.encoderWidth, bias: true, .codec)
    addBlocks("\(name).encoder.transformer", sizes.encoderLayers, width: sizes.encoderWidth, mlp: sizes.encoderMLP)
    addLinear("\(name).encoder.encoder_proj", inputs: sizes.encoderWidth, outputs: sizes.projection, .codec)
    // A layer norm without a weight.
    add("\(name).encoder.encoder_norm.bias", [sizes.projection], .codec)
    addLinear("\(name).decoder.decoder_proj", inputs: sizes.projection, outputs: sizes.decoderWidth, .codec)
    addBlocks("\(name).decoder.transformer", sizes.decoderLayers, width: sizes.decoderWidth, mlp: sizes.decoderMLP)
    // Transposed: inputs first.
    add("\(name).decoder.conv_transpose.weight", [sizes.decoderWidth, sizes.channels] + sizes.patchSize, .codec)
  }

  private mutating func addBlocks(_ name: String, _ layers: Int, width: Int, mlp: Int) {
    for index in 0..<layers {
      let block = "\(name).encoderblock_\(index)"
      addNorm("\(block).ln_1", width, .codec)
      for projection in ["query", "key", "value", "out"] {
        addLinear("\(block).attn.\(projection)", inputs: width, outputs: width, .codec)
      }
      addNorm("\(block).ln_2", width, .codec)
      addLinear("\(block).mlp.fc1", inputs: width, outputs: mlp, bias: true, .codec)
      addLinear("\(block).mlp.fc2", inputs: mlp, outputs: width, bias: true, .codec)
    }
    addNorm("\(name).encoder_norm", width, .codec)
  }
}
