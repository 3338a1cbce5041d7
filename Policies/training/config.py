"""The policy's Unified-IO 2 configuration: the released configuration's keys with small numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spec import FRAME_SIZE

PATCH = 16
PATCHES = (FRAME_SIZE // PATCH) ** 2


@dataclass(frozen=True)
class Size:
    """Widths and depths: ``width`` of encoder and decoder, ``vision`` of the ViT, 64 a head."""

    width: int
    hidden: int
    encoder_layers: int
    decoder_layers: int
    vision: int
    vision_hidden: int
    vision_layers: int
    latents: int
    """What the history frame is resampled to."""


SIZES = {
    "mt5": Size(256, 512, 2, 2, 192, 512, 3, 16),  # 5.65 M parameters
    "mt50": Size(256, 512, 3, 2, 256, 512, 3, 32),
}


def _resampler(latents: int, width: int, heads: int, hidden: int, layers: int) -> dict[str, Any]:
    return {
        "resampler_type": "perceiver", "max_frames": 8, "latents_size": latents, "emb_dim": width, "num_heads": heads,
        "num_layers": layers, "xattention_index": list(range(layers)), "head_dim": width // heads, "mlp_dim": hidden,
        "mlp_activations": ["gelu"], "dropout_rate": 0.0, "dropout_broadcast_dims": [-2], "droppath_rate": 0.0,
        "layer_drop": 0.0, "xattn_qk_norm": True, "xattn_scaled_cosine": False, "attn_qk_norm": True,
        "attn_scaled_cosine": False, "float32_attention_logits": True, "clip_attn_logit": None,
    }  # fmt: skip


def _vit(width: int, heads: int, hidden: int, layers: int) -> dict[str, Any]:
    return {
        "patch_size": PATCH, "pos_patch_size": 16, "emb_dim": width, "num_heads": heads, "num_layers": layers,
        "head_dim": width // heads, "mlp_dim": hidden, "mlp_activations": ["gelu"], "dropout_rate": 0.0,
        "dropout_broadcast_dims": [], "float32_attention_logits": True, "default_input_size": [FRAME_SIZE, FRAME_SIZE],
    }  # fmt: skip


def policy_config(vocabulary_size: int, name: str = "mt5") -> dict[str, Any]:
    """The whole nested configuration for a (padded) text vocabulary of ``vocabulary_size`` tokens and a size's name."""
    policy = SIZES[name]
    heads = policy.vision // 64
    size = [FRAME_SIZE, FRAME_SIZE]
    t5 = {
        "vocab_size": vocabulary_size, "image_vocab_size": 288, "image_patch_size": 16, "audio_vocab_size": 272,
        "emb_dim": policy.width, "num_heads": policy.width // 64, "num_encoder_layers": policy.encoder_layers,
        "num_decoder_layers": policy.decoder_layers, "head_dim": 64,
        "mlp_dim": policy.hidden, "mlp_activations": ["silu", "linear"], "dropout_rate": 0.0,
        "dropout_broadcast_dims": [-2], "logits_via_embedding": True, "float32_attention_logits": True,
        "decoder_xattention_internval": 1,
        "qk_norm": True, "dalle_attn_mask": False, "dynamic_unk_mask": False,
        "encoder_max_image_length": PATCHES, "encoder_max_audio_length": 128, "encoder_max_text_length": 512,
        "decoder_max_image_length": PATCHES, "decoder_max_audio_length": 512, "decoder_max_text_length": 512,
        "text_pos_emb": "llama_rope", "image_pos_emb": "llama_rope", "audio_pos_emb": "llama_rope",
        "image_history_pos_emb": "llama_rope", "audio_history_pos_emb": "llama_rope", "image_tokenizer_type": "vqgan",
        "default_image_size": size, "default_image_vit_size": size, "default_image_history_vit_size": size,
        "default_audio_size": [256, 128], "default_audio_vit_size": [256, 128],
        "default_audio_history_vit_size": [256, 128], "image_vit_patch_size": PATCH, "audio_patch_size": 16,
        "audio_vit_patch_size": 16,
    }  # fmt: skip
    return {
        "t5_config": t5,
        "image_history_cfg": _resampler(latents=policy.latents, width=192, heads=3, hidden=384, layers=2),
        "audio_history_cfg": _resampler(latents=4, width=48, heads=3, hidden=96, layers=2),
        "freeze_vit": True,
        "input_modalities": ["text", "image", "image_history"],
        "target_modalities": ["text"],
        "sequence_length": {
            "is_training": True, "image_input_samples": PATCHES, "image_history_input_samples": PATCHES,
            "audio_input_samples": 128, "audio_history_input_samples": 128, "num_frames": 1,
        },
        "image_vqgan": {
            "embed_dim": 4, "n_embed": 256, "double_z": False, "z_channels": 4, "resolution": 256, "in_channels": 3,
            "out_ch": 3, "ch": 32, "ch_mult": [1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": [32],
            "dropout": 0, "default_input_size": [256, 256], "patch_size": [8, 8], "checkpoint_path": "",
        },
        "audio_vqgan": {
            "vocab_size": 256, "proj_dim": 8, "encoder_hidden_size": 64, "encoder_num_layers": 2,
            "encoder_mlp_dim": 128, "encoder_num_heads": 4, "encoder_head_dim": 16, "decoder_hidden_size": 64,
            "decoder_num_layers": 2, "decoder_mlp_dim": 128, "decoder_num_heads": 4, "decoder_head_dim": 16,
            "dropout_rate": 0.0, "droppath_rate": 0.0, "attention_dropout_rate": 0.0, "use_bias": False,
            "act_fn": "relu", "default_input_size": [128, 256], "patch_size": [8, 8], "output_channel": 1,
            "checkpoint_path": "", "use_decoder": True,
        },
        "image_vit_cfg": {
            **_vit(width=policy.vision, heads=heads, hidden=policy.vision_hidden, layers=policy.vision_layers),
            "num_pos": 197,
        },
        "audio_vit_cfg": {
            "vit_embed": True, "patch_size": 16, "pos_patch_size": 16, "emb_dim": 48, "num_heads": 3, "num_layers": 3,
            "head_dim": 16, "mlp_dim": 96, "mlp_activations": ["gelu"], "dropout_rate": 0.0,
            "dropout_broadcast_dims": [], "float32_attention_logits": True, "default_input_size": [256, 128],
            "transpose_input": True,
        },
        "use_image_vit": True, "use_audio_vit": True, "use_image_history_vit": True, "use_audio_history_vit": True,
    }  # fmt: skip
