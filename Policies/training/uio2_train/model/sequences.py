"""What goes into the encoder and the decoder, and the encoder's answer.

Shapes: b batch, n text tokens, p patches, f frames, s encoder tokens, t decoder tokens, D width, d head dimension.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .layers import MASKED, Rotary


@dataclass
class Patches:
    """A picture or sound as normalised patches; with a frame axis, a history."""

    values: Tensor
    """``[b, p, v]`` or ``[b, f, p, v]``."""
    mask: Tensor | None = None
    """bool, without the last axis: what shows something. All of it when left out."""
    positions: Tensor | None = None
    """int64, as ``mask``: the cell of each patch. In order when left out."""


@dataclass
class Inputs:
    """A batch of examples. A modality that is left out is left out of all of them."""

    text: Tensor
    """Ids ``[b, n]``; 0 is padding."""
    image: Patches | None = None
    image_history: Patches | None = None
    audio: Patches | None = None
    audio_history: Patches | None = None


@dataclass
class Sequence:
    """Embedded inputs ``[b, s, D]`` with their mask bool ``[b, s]``, angles, and (packed) the example of each token."""

    embeddings: Tensor
    mask: Tensor
    rotary: Rotary
    segments: Tensor | None = None
    """int64 ``[b, s]``: tokens see tokens of their own segment only."""

    def to_batch_rotary(self) -> Sequence:
        """The same with angles ``[b, s, d / 2]``."""
        cosine, sine = (x if x.ndim == 3 else x.expand(len(self.embeddings), -1, -1) for x in self.rotary)
        return replace(self, rotary=(cosine, sine))


@dataclass
class Encoded:
    """The encoder's output ``[b, s, D]`` with what cross-attention needs besides."""

    states: Tensor
    mask: Tensor
    rotary: Rotary
    segments: Tensor | None = None


@dataclass
class Target:
    """A teacher-forced answer of one modality."""

    modality: str
    inputs: Tensor
    """What the decoder is fed ``[b, t]``: the answer moved right by one behind 0."""
    positions: Tensor | None = None
    """The row of the position table of each token, ``[t]`` or ``[b, t]``; in order when left out."""
    visible: Tensor | None = None
    """bool ``[t, t]``, ``[b, t, t]``: which token (second last axis) sees which. Causal when left out."""
    segments: Tensor | None = None
    """int64 ``[b, t]``: the segment of the packed encoder sequence that each token belongs to."""
    mask: Tensor | None = None
    """bool ``[b, t]``: tokens that count. The others (padding, the margins of a picture) are seen by none."""


def concatenate(parts: list[Sequence]) -> Sequence:
    """Parts of the same examples one after the other."""
    if any(x.ndim == 3 for part in parts for x in part.rotary):
        parts = [part.to_batch_rotary() for part in parts]
    return Sequence(
        torch.cat([part.embeddings for part in parts], dim=1),
        torch.cat([part.mask for part in parts], dim=1),
        (
            torch.cat([part.rotary[0] for part in parts], dim=-2),
            torch.cat([part.rotary[1] for part in parts], dim=-2),
        ),
    )


def as_bias(visible: Tensor) -> Tensor:
    """bool ``[..., q, k]`` with 2 or 3 axes as a bias ``[b or 1, 1, q, k]``."""
    bias = torch.zeros(visible.shape, device=visible.device).masked_fill_(~visible, MASKED)
    return bias[None, None] if bias.ndim == 2 else bias[:, None]


def attention_bias(
    key_mask: Tensor, query_segments: Tensor | None = None, key_segments: Tensor | None = None
) -> Tensor | None:
    """A bias that hides masked keys and keys of other segments: ``[b, 1, 1 or q, k]``, none where nothing is hidden."""
    if query_segments is not None and key_segments is not None:
        visible = (query_segments[:, :, None] == key_segments[:, None]) & key_mask[:, None]
        return as_bias(visible)
    if bool(key_mask.all()):
        return None
    return as_bias(key_mask[:, None])
