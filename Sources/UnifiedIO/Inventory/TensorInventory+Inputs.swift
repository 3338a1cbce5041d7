/// Input embedders: vision transformers, projections, resamplers.
extension TensorInventory {
  mutating func addInputs(_ configuration: Configuration) {
    let transformer = configuration.transformer, inputs = Set(configuration.inputModalities)
    let width = transformer.embeddingSize
    add("input_embedders.text.modality_embedding", [width])
    let imagePatch = transformer.imagePatchSize * transformer.imagePatchSize * 3
    let audioPatch = transformer.audioPatchSize * transformer.audioPatchSize
    for (input, history, vision, resampler, patch) in [
      (
        Configuration.InputModality.image, Configuration.InputModality.imageHistory, configuration.imageVision,
        configuration.imageHistory, imagePatch
      ),
      (.audio, .audioHistory, configuration.audioVision, configuration.audioHistory, audioPatch),
    ] {
      guard let vision, inputs.contains(input) || inputs.contains(history) else { continue }
      // One copy for both: with the input where it is read, else with the history.
      let owner = inputs.contains(input) ? input : history
      addVision(
        "input_embedders.\(owner.rawValue).image_encoder.vision_transformer", vision, patch: patch,
        isImage: input == .image)
      if inputs.contains(input) {
        addLinear("input_embedders.\(input.rawValue).projection", inputs: 2 * vision.embeddingSize, outputs: width)
        add("input_embedders.\(input.rawValue).modality_embedding", [width])
      }
      if inputs.contains(history), let resampler {
        addHistory("input_embedders.\(history.rawValue)", resampler, vision: vision.embeddingSize, width: width)
      }
    }
  }

  /// The name under which a checkpoint with other modalities keeps the same tensor: the vision transformer lies with the input where
  /// that is read, else with the history.
  public static func alias(of name: String) -> String? {
    for (input, history) in [("image", "image_history"), ("audio", "audio_history")] {
      for (from, to) in [(input, history), (history, input)] {
        let prefix = "input_embedders.\(from).image_encoder."
        if name.hasPrefix(prefix) { return "input_embedders.\(to).image_encoder." + name.dropFirst(prefix.count) }
      }
    }
    return nil
  }

  private mutating func addVision(_ name: String, _ configuration: VisionConfiguration, patch: Int, isImage: Bool) {
    let width = configuration.embeddingSize
    addLinear("\(name).embedding", inputs: patch, outputs: width, bias: !isImage, .vision)
    if isImage {
      add("\(name).class_embedding", [width], .vision)
      add("\(name).positional_embedding", [configuration.positionCount ?? 197, width], .vision)
      addNorm("\(name).pre_ln", width, .vision)
    } else {
      add("\(name).cls_token", [width], .vision)
      add("\(name).dist_token", [width], .vision)
      add("\(name).positional_embedding", [514, width], .vision)
    }
    for index in 0..<configuration.layers {
      let block = "\(name).transformer.resblocks.\(index)"
      addNorm("\(block).ln_1", width, .vision)
      for projection in ["query", "key", "value"] {
        add("\(block).attn.\(projection)_in_proj_weight", [width, width], .vision)
        add("\(block).attn.\(projection)_in_proj_bias", [width], .vision)
      }
      addLinear("\(block).attn.out_proj", inputs: width, outputs: width, bias: true, .vision)
      addNorm("\(block).ln_2", width, .vision)
      addLinear("\(block).mlp.fc1", inputs: width, outputs: configuration.mlpSize, bias: true, .vision)
      addLinear("\(block).mlp.fc2", inputs: configuration.mlpSize, outputs: width, bias: true, .vision)
    }
  }

  private mutating func addHistory(_ name: String, _ configuration: ResamplerConfiguration, vision: Int, width: Int) {
    let inner = configuration.embeddingSize, perceiver = "\(name).resampler.perceiver"
    addLinear("\(name).pre_projection", inputs: vision, outputs: inner)
    add("\(perceiver).context_norm.scale", [inner])
    add("\(perceiver).latents", [configuration.latents, inner])
    for index in 0..<configuration.layers {
      let layer = "\(perceiver).layers_\(index)"
      let crosses = configuration.crossAttentionLayers.contains(index)
      add("\(layer).pre_\(crosses ? "xattention" : "attention")_norm.scale", [inner])
      addAttention(
        "\(layer).\(crosses ? "xattention" : "attention")", heads: configuration.heads,
        headDimension: configuration.headDimension,
        qkNorm: crosses ? configuration.crossQKNorm : configuration.selfQKNorm,
        scaledCosine: crosses ? configuration.crossScaledCosine : configuration.selfScaledCosine)
      add("\(layer).pre_mlp_norm.scale", [inner])
      addLinear("\(layer).mlp.wi", inputs: inner, outputs: configuration.mlpSize)
      addLinear("\(layer).mlp.wo", inputs: configuration.mlpSize, outputs: inner)
    }
    add("\(perceiver).perceiver_norm.scale", [inner])
    addLinear("\(name).post_projection", inputs: inner, outputs: width)
    add("\(name).modality_embedding", [width])
  }
}
