"""Configurations: the released sizes, and policies that are trained from scratch."""

from __future__ import annotations

from typing import Any

from .configuration import Configuration

SIZES: dict[str, dict[str, Any]] = {
    "large": {"t5": (1024, 16, 2816, 24), "resampler": (768, 12, 2048)},
    "xl": {"t5": (2048, 16, 5120, 24), "resampler": (1024, 16, 4096)},
    "xxl": {"t5": (3072, 24, 8192, 24), "resampler": (1024, 16, 4096)},
    "tiny": {"t5": (64, 4, 128, 2), "resampler": (48, 3, 96)},
}
"""Width, heads, MLP and layers each way; width, heads and MLP of the resamplers. ``tiny`` was not released."""


def resampler(
    width: int, heads: int, hidden: int, latents: int, layers: int = 2, cosine: bool = False
) -> dict[str, Any]:
    """An ``image_history_cfg`` or ``audio_history_cfg``."""
    return {
        "resampler_type": "perceiver", "max_frames": 8, "latents_size": latents, "emb_dim": width, "num_heads": heads,
        "num_layers": layers, "xattention_index": list(range(layers)), "head_dim": width // heads, "mlp_dim": hidden,
        "mlp_activations": ["gelu"], "dropout_rate": 0.0, "dropout_broadcast_dims": [-2], "droppath_rate": 0.0,
        "layer_drop": 0.0, "xattn_qk_norm": not cosine, "xattn_scaled_cosine": cosine, "attn_qk_norm": not cosine,
        "attn_scaled_cosine": cosine, "float32_attention_logits": True, "clip_attn_logit": None,
    }  # fmt: skip


def _vit(width: int, heads: int, hidden: int, layers: int, size: tuple[int, int], **more: Any) -> dict[str, Any]:
    return {
        "patch_size": 16, "pos_patch_size": 16, "emb_dim": width, "num_heads": heads, "num_layers": layers,
        "head_dim": width // heads, "mlp_dim": hidden, "mlp_activations": ["gelu"], "dropout_rate": 0.0,
        "dropout_broadcast_dims": [], "float32_attention_logits": True, "default_input_size": list(size), **more,
    }  # fmt: skip


def _t5(
    width: int, heads: int, hidden: int, encoder_layers: int, decoder_layers: int, vocabularies: tuple[int, int, int]
) -> dict[str, Any]:
    text, image, audio = vocabularies
    return {
        "vocab_size": text, "image_vocab_size": image, "image_patch_size": 16, "audio_vocab_size": audio,
        "emb_dim": width, "num_heads": heads, "num_encoder_layers": encoder_layers,
        "num_decoder_layers": decoder_layers, "head_dim": width // heads, "mlp_dim": hidden,
        "mlp_activations": ["silu", "linear"], "dropout_rate": 0.0, "dropout_broadcast_dims": [-2],
        "logits_via_embedding": True, "float32_attention_logits": True, "decoder_xattention_internval": 1,
        "qk_norm": True, "dalle_attn_mask": True, "dynamic_unk_mask": True,
        "encoder_max_image_length": 576, "encoder_max_audio_length": 128, "encoder_max_text_length": 512,
        "decoder_max_image_length": 1024, "decoder_max_audio_length": 512, "decoder_max_text_length": 512,
        "text_pos_emb": "llama_rope", "image_pos_emb": "llama_rope", "audio_pos_emb": "llama_rope",
        "image_history_pos_emb": "llama_rope", "audio_history_pos_emb": "llama_rope",
        "image_tokenizer_type": "vqgan", "default_image_size": [256, 256], "default_image_vit_size": [384, 384],
        "default_image_history_vit_size": [256, 256], "default_audio_size": [256, 128],
        "default_audio_vit_size": [256, 128], "default_audio_history_vit_size": [256, 128],
        "image_vit_patch_size": 16, "audio_patch_size": 16, "audio_vit_patch_size": 16,
    }  # fmt: skip


def small_picture_tokenizer(
    size: int, codes: int, channels: int, multipliers: tuple[int, int, int, int], blocks: int, width: int
) -> dict[str, Any]:
    """The ``image_vqgan`` of a small policy: 8 x 8 pixels a code, attention at the coarsest level only."""
    return image_vqgan(codes, channels, size) | {
        "embed_dim": width, "z_channels": width, "ch_mult": list(multipliers), "num_res_blocks": blocks
    }  # fmt: skip


def small_audio_transformer(width: int, heads: int, hidden: int, layers: int) -> dict[str, Any]:
    """The ``audio_vit_cfg`` of a small policy."""
    return _vit(width, heads, hidden, layers, (256, 128), vit_embed=True, transpose_input=True)


def image_vqgan(codes: int, channels: int, size: int = 256) -> dict[str, Any]:
    """An ``image_vqgan``, 8 x 8 pixels a code."""
    return {
        "embed_dim": 4, "n_embed": codes, "double_z": False, "z_channels": 4, "resolution": size, "in_channels": 3,
        "out_ch": 3, "ch": channels, "ch_mult": [1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": [size // 8],
        "dropout": 0, "default_input_size": [size, size], "patch_size": [8, 8], "checkpoint_path": "",
    }  # fmt: skip


def _audio_vqgan(codes: int, projection: int, width: int, layers: int, hidden: int, heads: int) -> dict[str, Any]:
    sizes = {"hidden_size": width, "num_layers": layers, "mlp_dim": hidden, "num_heads": heads,
             "head_dim": width // heads}  # fmt: skip
    return {
        "vocab_size": codes, "proj_dim": projection,
        **{f"{part}_{key}": value for part in ("encoder", "decoder") for key, value in sizes.items()},
        "dropout_rate": 0.0, "droppath_rate": 0.0, "attention_dropout_rate": 0.0, "use_bias": False, "act_fn": "relu",
        "default_input_size": [128, 256], "patch_size": [8, 8], "output_channel": 1, "checkpoint_path": "",
        "use_decoder": True,
    }  # fmt: skip


_USES = {
    "use_image_vit": True, "use_audio_vit": True, "use_image_history_vit": True, "use_audio_history_vit": True
}  # fmt: skip


def released(name: str, vocabulary: int = 33_280) -> dict[str, Any]:
    """The ``config.json`` of a released size (``large``, ``xl``, ``xxl``), or of ``tiny``, which has their layout."""
    size, tiny = SIZES[name], name == "tiny"
    width, heads, hidden, layers = size["t5"]
    (inner, inner_heads, inner_hidden), cosine = size["resampler"], name == "xxl"
    vit = (48, 3, 96, 3) if tiny else (768, 12, 3072, 11)
    return {
        "t5_config": _t5(width, heads, hidden, layers, layers, (vocabulary, *((288, 272) if tiny else (16512, 8320)))),
        "image_history_cfg": resampler(inner, inner_heads, inner_hidden, latents=4 if tiny else 32, cosine=cosine),
        "audio_history_cfg": resampler(inner, inner_heads, inner_hidden, latents=4 if tiny else 16, cosine=cosine),
        "freeze_vit": True,
        "input_modalities": ["text", "image", "image_history", "audio", "audio_history"],
        "target_modalities": ["text", "image", "audio"],
        "sequence_length": {
            "is_training": True, "image_input_samples": 576, "image_history_input_samples": 256,
            "audio_input_samples": 128, "audio_history_input_samples": 128, "num_frames": 4,
        },
        "image_vqgan": image_vqgan(256, 32) if tiny else image_vqgan(16384, 128),
        "audio_vqgan": _audio_vqgan(256, 8, 64, 2, 128, 4) if tiny else _audio_vqgan(8192, 32, 512, 8, 2048, 8),
        "image_vit_cfg": _vit(*vit, (256, 256), num_pos=197),
        "audio_vit_cfg": _vit(*vit, (256, 128), vit_embed=True, transpose_input=True),
        **_USES,
    }  # fmt: skip


def policy(
    vocabulary: int,
    image_size: tuple[int, int] = (128, 128),
    history_size: tuple[int, int] | None = None,
    width: int = 256,
    heads: int = 4,
    hidden: int = 512,
    layers: tuple[int, int] = (2, 2),
    vision: tuple[int, int, int, int] = (192, 3, 384, 4),
    latents: int = 16,
    history_frames: int = 4,
    targets: tuple[str, ...] = ("text",),
) -> dict[str, Any]:
    """The ``config.json`` of a small policy that is trained from scratch.

    Args:
        vocabulary: ids of text, a multiple of 64.
        image_size: (height, width) of the canvas of the image camera, multiples of 16.
        history_size: of the cameras that are image history, and of earlier frames.
        width, heads, hidden: of encoder and decoder.
        layers: of the encoder and of the decoder.
        vision: width, heads, MLP and layers (2 at least) of the ViT.
        latents: tokens of a history frame.
        history_frames: frames of image history at most.
        targets: what it writes; ``image`` brings a small VQGAN along.
    """
    history_size = history_size or image_size
    t5 = _t5(width, heads, hidden, *layers, (vocabulary, 288, 272))
    patches = image_size[0] * image_size[1] // 256
    picture = min(image_size)
    t5 |= {
        "encoder_max_image_length": patches, "decoder_max_image_length": (picture // 8) ** 2,
        "default_image_size": [picture, picture], "default_image_vit_size": list(image_size),
        "default_image_history_vit_size": list(history_size), "dalle_attn_mask": False, "dynamic_unk_mask": False,
    }  # fmt: skip
    side = vision[0]
    return {
        "t5_config": t5,
        "image_history_cfg": resampler(side, vision[1], vision[2], latents),
        "audio_history_cfg": resampler(48, 3, 96, 4),
        "freeze_vit": True,
        "input_modalities": ["text", "image", "image_history"],
        "target_modalities": list(targets),
        "sequence_length": {
            "is_training": True, "image_input_samples": patches,
            "image_history_input_samples": history_size[0] * history_size[1] // 256, "audio_input_samples": 128,
            "audio_history_input_samples": 128, "num_frames": history_frames,
        },
        "image_vqgan": image_vqgan(256, 32, picture),
        "audio_vqgan": _audio_vqgan(256, 8, 64, 2, 128, 4),
        "image_vit_cfg": _vit(*vision, image_size, num_pos=patches + 1 if image_size[0] == image_size[1] else 197),
        "audio_vit_cfg": _vit(48, 3, 96, 3, (256, 128), vit_embed=True, transpose_input=True),
        **_USES,
    }  # fmt: skip


def released_configuration(name: str, vocabulary: int = 33_280) -> Configuration:
    """``released``, checked."""
    return Configuration.of(released(name, vocabulary))
