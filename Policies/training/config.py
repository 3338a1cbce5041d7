"""The policy's Unified-IO 2 configuration: the released configuration's keys with small numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spec import FRAME_SIZE
from uio2_train.model import presets

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


def policy_config(vocabulary_size: int, name: str = "mt5") -> dict[str, Any]:
    """The whole nested configuration for a (padded) text vocabulary of ``vocabulary_size`` tokens and a size's name."""
    size = SIZES[name]
    frame = (FRAME_SIZE, FRAME_SIZE)
    document = presets.policy(
        vocabulary_size, frame, width=size.width, heads=size.width // 64, hidden=size.hidden,
        layers=(size.encoder_layers, size.decoder_layers), latents=size.latents, history_frames=1,
        vision=(size.vision, size.vision // 64, size.vision_hidden, size.vision_layers),
    )  # fmt: skip
    # The shipped policies write no pictures, and resample at one width whatever that of their vision.
    document["t5_config"]["decoder_max_image_length"] = PATCHES
    document["image_history_cfg"] = presets.resampler(192, 3, 384, size.latents)
    document["image_vqgan"] = presets.image_vqgan(256, 32)
    document["image_vit_cfg"]["num_pos"] = 197
    return document
