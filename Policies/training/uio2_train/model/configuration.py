"""``config.json`` of a checkpoint, as the release writes it: a nested dump with its own (mis)spellings.

Keys that only the reference's training uses are kept in ``Configuration.document`` and written back unchanged.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ..errors import TrainingError

INPUT_MODALITIES = ("text", "image", "image_history", "audio", "audio_history")
TARGET_MODALITIES = ("text", "image", "audio")

Part = TypeVar("Part")


def _invalid(key: str, message: str) -> TrainingError:
    return TrainingError("invalid_configuration", key, message)


def _read(kind: type[Part], document: Any, key: str) -> Part:
    """The dataclass ``kind`` from the keys of ``document`` that it has fields for."""
    if not isinstance(document, Mapping):
        raise _invalid(key, "expected an object, found none; give the config.json that belongs to the checkpoint")
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name not in document:
            continue  # a field without a default raises below, by name
        value = document[field.name]
        if types[field.name] is int and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise _invalid(f"{key}.{field.name}", f"expected a positive integer, found {value!r}")
        values[field.name] = tuple(value) if isinstance(value, list) else value
    try:
        return kind(**values)
    except TypeError as error:
        raise _invalid(key, f"a key is missing: {error}") from None


@dataclass(frozen=True)
class TransformerConfiguration:
    """``t5_config``: encoder, decoder, and the sizes of what they read and write (``[height, width]`` in pixels)."""

    vocab_size: int
    image_vocab_size: int
    audio_vocab_size: int
    emb_dim: int
    num_heads: int
    num_encoder_layers: int
    num_decoder_layers: int
    head_dim: int
    mlp_dim: int
    mlp_activations: tuple[str, ...]
    decoder_xattention_internval: int
    qk_norm: bool
    encoder_max_image_length: int
    encoder_max_text_length: int
    decoder_max_image_length: int
    decoder_max_audio_length: int
    decoder_max_text_length: int
    default_image_size: tuple[int, int]
    default_image_vit_size: tuple[int, int]
    default_image_history_vit_size: tuple[int, int]
    default_audio_vit_size: tuple[int, int]
    default_audio_history_vit_size: tuple[int, int]
    image_vit_patch_size: int
    audio_vit_patch_size: int

    def has_cross_attention(self, layer: int) -> bool:
        """Whether decoder layer ``layer`` reads the encoder: every ``interval``-th and the last one."""
        return layer % self.decoder_xattention_internval == 0 or layer == self.num_decoder_layers - 1


@dataclass(frozen=True)
class VisionConfiguration:
    """``image_vit_cfg`` and ``audio_vit_cfg``."""

    patch_size: int
    emb_dim: int
    num_heads: int
    num_layers: int
    head_dim: int
    mlp_dim: int
    num_pos: int = 197


@dataclass(frozen=True)
class ResamplerConfiguration:
    """``image_history_cfg`` and ``audio_history_cfg``."""

    max_frames: int
    latents_size: int
    emb_dim: int
    num_heads: int
    num_layers: int
    xattention_index: tuple[int, ...]
    head_dim: int
    mlp_dim: int
    xattn_qk_norm: bool = True
    xattn_scaled_cosine: bool = False
    attn_qk_norm: bool = True
    attn_scaled_cosine: bool = False


@dataclass(frozen=True)
class ImageTokenizerConfiguration:
    """``image_vqgan``."""

    embed_dim: int
    n_embed: int
    z_channels: int
    resolution: int
    in_channels: int
    out_ch: int
    ch: int
    ch_mult: tuple[int, ...]
    num_res_blocks: int
    attn_resolutions: tuple[int, ...]

    def has_attention(self, level: int) -> bool:
        """Whether level ``level`` (0 is the finest) attends over its pixels."""
        return (self.resolution >> level) in self.attn_resolutions


@dataclass(frozen=True)
class AudioTokenizerConfiguration:
    """``audio_vqgan``; sizes are ``[mel bands, time steps]``."""

    vocab_size: int
    proj_dim: int
    encoder_hidden_size: int
    encoder_num_layers: int
    encoder_mlp_dim: int
    encoder_num_heads: int
    decoder_hidden_size: int
    decoder_num_layers: int
    decoder_mlp_dim: int
    decoder_num_heads: int
    default_input_size: tuple[int, int]
    patch_size: tuple[int, int]

    @property
    def grid(self) -> tuple[int, int]:
        """Codes along the bands and along time."""
        bands, steps = self.default_input_size
        return bands // self.patch_size[0], steps // self.patch_size[1]


@dataclass(frozen=True)
class Configuration:
    """All numbers of a checkpoint."""

    document: dict[str, Any]
    """The whole ``config.json``."""
    t5: TransformerConfiguration
    image_vit: VisionConfiguration | None
    audio_vit: VisionConfiguration | None
    image_history: ResamplerConfiguration | None
    audio_history: ResamplerConfiguration | None
    image_vqgan: ImageTokenizerConfiguration | None
    audio_vqgan: AudioTokenizerConfiguration | None
    input_modalities: tuple[str, ...]
    target_modalities: tuple[str, ...]
    history_frames: int

    @classmethod
    def load(cls, path: Path) -> Configuration:
        """Reads a ``config.json``.

        Raises:
            TrainingError: ``unreadable_file`` or ``invalid_configuration``, with the key at fault.
        """
        try:
            document = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise TrainingError("unreadable_file", str(path), f"is no readable JSON: {error}") from error
        return cls.of(document)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Configuration:
        """Checks a parsed ``config.json``; raises ``TrainingError`` ``invalid_configuration``."""
        inputs = tuple(document.get("input_modalities", ()))
        targets = tuple(document.get("target_modalities", ()))
        for key, found, known in (
            ("input_modalities", inputs, INPUT_MODALITIES), ("target_modalities", targets, TARGET_MODALITIES)
        ):  # fmt: skip
            if "text" not in found or not set(found) <= set(known):
                raise _invalid(key, f"expected text and others of {', '.join(known)}, found {list(found)}")
        configuration = cls(
            document=copy.deepcopy(dict(document)),
            t5=_read(TransformerConfiguration, document.get("t5_config"), "t5_config"),
            image_vit=_optional(VisionConfiguration, document, "image_vit_cfg", inputs, "image"),
            audio_vit=_optional(VisionConfiguration, document, "audio_vit_cfg", inputs, "audio"),
            image_history=_optional(ResamplerConfiguration, document, "image_history_cfg", inputs, "image_history"),
            audio_history=_optional(ResamplerConfiguration, document, "audio_history_cfg", inputs, "audio_history"),
            image_vqgan=_optional(ImageTokenizerConfiguration, document, "image_vqgan", targets, "image"),
            audio_vqgan=_optional(AudioTokenizerConfiguration, document, "audio_vqgan", targets, "audio"),
            input_modalities=tuple(name for name in INPUT_MODALITIES if name in inputs),
            target_modalities=tuple(name for name in TARGET_MODALITIES if name in targets),
            history_frames=int(document.get("sequence_length", {}).get("num_frames", 4)),
        )
        configuration._check()
        return configuration

    def _check(self) -> None:
        t5 = self.t5
        parts = [
            ("t5_config", t5), ("image_vit_cfg", self.image_vit), ("audio_vit_cfg", self.audio_vit),
            ("image_history_cfg", self.image_history), ("audio_history_cfg", self.audio_history),
        ]  # fmt: skip
        for key, part in parts:
            if part is not None and part.num_heads * part.head_dim != part.emb_dim:
                product = part.num_heads * part.head_dim
                raise _invalid(f"{key}.emb_dim", f"expected num_heads x head_dim = {product}, found {part.emb_dim}")
        if t5.head_dim % 4:
            raise _invalid("t5_config.head_dim", f"expected a multiple of 4, found {t5.head_dim}")
        if t5.mlp_activations != ("silu", "linear"):
            raise _invalid("t5_config.mlp_activations", f"expected silu, linear, found {list(t5.mlp_activations)}")
        for key in ("default_image_vit_size", "default_image_history_vit_size"):
            size = getattr(t5, key)
            if any(side % t5.image_vit_patch_size for side in size):
                message = f"expected multiples of the patch size {t5.image_vit_patch_size}, found {list(size)}"
                raise _invalid(f"t5_config.{key}", message)

    def save(self, path: Path) -> None:
        """Writes ``config.json``."""
        path.write_text(json.dumps(self.document, indent=1) + "\n")


def _optional(
    kind: type[Part], document: Mapping[str, Any], key: str, modalities: tuple[str, ...], prefix: str
) -> Part | None:
    """The part where a modality needs it. A history needs the vision transformer of its modality too."""
    needed = prefix in modalities or (key.endswith("_vit_cfg") and f"{prefix}_history" in modalities)
    return _read(kind, document.get(key), key) if needed else None
