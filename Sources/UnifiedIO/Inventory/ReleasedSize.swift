import Foundation

/// The sizes that were released, and one for tests.
public enum ReleasedSize: String, Sendable, Hashable, CaseIterable {
  /// 1.1 billion parameters.
  case large
  /// 3.2 billion parameters.
  case xl
  /// 6.8 billion parameters.
  case xxl
  /// A few million parameters in the same shape, every modality included.
  case tiny

  /// The configuration, as the reference writes it.
  ///
  /// - Throws: ``ModelError`` only if the numbers below contradicted each other.
  public func configuration() throws(ModelError) -> ConfigurationDocument {
    try ConfigurationDocument(json: Data(json.utf8), subject: "the \(rawValue) configuration")
  }

  /// Width, heads, head dimension and MLP of the transformer, and its layers each way.
  private var transformer: (width: Int, heads: Int, dimension: Int, mlp: Int, layers: Int) {
    switch self {
    case .large: (1024, 16, 64, 2816, 24)
    case .xl: (2048, 16, 128, 5120, 24)
    case .xxl: (3072, 24, 128, 8192, 24)
    case .tiny: (64, 4, 16, 128, 2)
    }
  }

  private var json: String {
    let main = transformer, isTiny = self == .tiny
    let codes = isTiny ? (image: 256, audio: 256) : (image: 16384, audio: 8192)
    let vocabularies = isTiny ? (image: 288, audio: 272) : (image: 16512, audio: 8320)
    let vision: (width: Int, heads: Int, dimension: Int, mlp: Int, layers: Int) =
      isTiny ? (48, 3, 16, 96, 3) : (768, 12, 64, 3072, 11)
    let audio: (projection: Int, width: Int, layers: Int, mlp: Int, heads: Int, dimension: Int) =
      isTiny ? (8, 64, 2, 128, 4, 16) : (32, 512, 8, 2048, 8, 64)
    let visionSizes = """
      "patch_size": 16, "pos_patch_size": 16, "emb_dim": \(vision.width), "num_heads": \(vision.heads), \
      "num_layers": \(vision.layers), "head_dim": \(vision.dimension), "mlp_dim": \(vision.mlp), \
      "mlp_activations": ["gelu"], "dropout_rate": 0.0, "dropout_broadcast_dims": [], "float32_attention_logits": true
      """
    return """
      {
        "t5_config": {
          "vocab_size": 33280, "image_vocab_size": \(vocabularies.image), "audio_vocab_size": \(vocabularies.audio),
          "emb_dim": \(main.width), "num_heads": \(main.heads), "head_dim": \(main.dimension), "mlp_dim": \(main.mlp),
          "num_encoder_layers": \(main.layers), "num_decoder_layers": \(main.layers),
          "mlp_activations": ["silu", "linear"], "dropout_rate": 0.0, "dropout_broadcast_dims": [-2],
          "logits_via_embedding": true, "float32_attention_logits": true, "decoder_xattention_internval": 1,
          "qk_norm": true, "dalle_attn_mask": true, "dynamic_unk_mask": true,
          "encoder_max_image_length": 576, "encoder_max_audio_length": 128, "encoder_max_text_length": 512,
          "decoder_max_image_length": 1024, "decoder_max_audio_length": 512, "decoder_max_text_length": 512,
          "text_pos_emb": "llama_rope", "image_pos_emb": "llama_rope", "audio_pos_emb": "llama_rope",
          "image_history_pos_emb": "llama_rope", "audio_history_pos_emb": "llama_rope",
          "image_tokenizer_type": "vqgan", "image_patch_size": 16, "default_image_size": [256, 256],
          "default_image_vit_size": [384, 384], "default_image_history_vit_size": [256, 256],
          "default_audio_size": [256, 128], "default_audio_vit_size": [256, 128],
          "default_audio_history_vit_size": [256, 128],
          "image_vit_patch_size": 16, "audio_patch_size": 16, "audio_vit_patch_size": 16
        },
        "image_history_cfg": {\(resampler(latents: isTiny ? 4 : 32))},
        "audio_history_cfg": {\(resampler(latents: isTiny ? 4 : 16))},
        "freeze_vit": true,
        "input_modalities": ["text", "image", "image_history", "audio", "audio_history"],
        "target_modalities": ["text", "image", "audio"],
        "sequence_length": {
          "is_training": true, "image_input_samples": 576, "image_history_input_samples": 256,
          "audio_input_samples": 128, "audio_history_input_samples": 128, "num_frames": 4
        },
        "image_vqgan": {
          "embed_dim": 4, "n_embed": \(codes.image), "double_z": false, "z_channels": 4, "resolution": 256,
          "in_channels": 3, "out_ch": 3, "ch": \(isTiny ? 32 : 128), "ch_mult": [1, 2, 2, 4], "num_res_blocks": 2,
          "attn_resolutions": [32], "dropout": 0, "default_input_size": [256, 256], "patch_size": [8, 8],
          "checkpoint_path": ""
        },
        "audio_vqgan": {
          "vocab_size": \(codes.audio), "proj_dim": \(audio.projection),
          "encoder_hidden_size": \(audio.width), "encoder_num_layers": \(audio.layers), "encoder_mlp_dim": \(audio.mlp),
          "encoder_num_heads": \(audio.heads), "encoder_head_dim": \(audio.dimension),
          "decoder_hidden_size": \(audio.width), "decoder_num_layers": \(audio.layers), "decoder_mlp_dim": \(audio.mlp),
          "decoder_num_heads": \(audio.heads), "decoder_head_dim": \(audio.dimension),
          "dropout_rate": 0.0, "droppath_rate": 0.0, "attention_dropout_rate": 0.0, "use_bias": false, "act_fn": "relu",
          "default_input_size": [128, 256], "patch_size": [8, 8], "output_channel": 1, "checkpoint_path": "",
          "use_decoder": true
        },
        "image_vit_cfg": {\(visionSizes), "default_input_size": [256, 256], "num_pos": 197},
        "audio_vit_cfg": {\(visionSizes), "default_input_size": [256, 128], "vit_embed": true, "transpose_input": true},
        "use_image_vit": true, "use_audio_vit": true, "use_image_history_vit": true, "use_audio_history_vit": true
      }

      """
  }

  /// The perceiver's numbers; the largest model alone has cosine attention in it.
  private func resampler(latents: Int) -> String {
    let sizes: (width: Int, heads: Int, dimension: Int, mlp: Int) =
      switch self {
      case .large: (768, 12, 64, 2048)
      case .xl, .xxl: (1024, 16, 64, 4096)
      case .tiny: (48, 3, 16, 96)
      }
    let isCosine = self == .xxl
    return """
      "resampler_type": "perceiver", "max_frames": 8, "latents_size": \(latents), "emb_dim": \(sizes.width), \
      "num_heads": \(sizes.heads), "num_layers": 2, "xattention_index": [0, 1], "head_dim": \(sizes.dimension), \
      "mlp_dim": \(sizes.mlp), "mlp_activations": ["gelu"], "dropout_rate": 0.0, "dropout_broadcast_dims": [-2], \
      "droppath_rate": 0.0, "layer_drop": 0.0, "xattn_qk_norm": \(!isCosine), "xattn_scaled_cosine": \(isCosine), \
      "attn_qk_norm": \(!isCosine), "attn_scaled_cosine": \(isCosine), "float32_attention_logits": true, \
      "clip_attn_logit": null
      """
  }
}
