"""Building blocks: RMS norm, rotary positions, attention, MLPs. Weights are named as released.

Shapes: b batch, q queries, k keys, t tokens, H heads, d head dimension, width = H * d.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .products import Linear

EPSILON = 1e-6
MASKED = -1e10
"""Added to the logits of what must not be seen. A row that sees nothing becomes a uniform average, never NaN."""

Rotary = tuple[Tensor, Tensor]
"""Cosines and sines, each ``[t, d / 2]`` or, where examples differ, ``[b, t, d / 2]``."""
KeyValue = tuple[Tensor, Tensor]
"""Each ``[b, H, k, d]``."""


class _RMSNormFunction(torch.autograd.Function):
    """y = x / rms(x) * scale with a gradient by hand: a third of the memory traffic of the automatic one on a CPU."""

    @staticmethod
    def forward(context: Any, x: Tensor, scale: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = torch.rsqrt(norm * norm * (1.0 / x.shape[-1]) + EPSILON)
        context.save_for_backward(x, scale, inverse)
        return torch.mul(x, inverse).mul_(scale)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, scale, inverse = context.saved_tensors
        normed = x * inverse
        product = gradients[0] * normed
        to_scale = product.flatten(0, -2).sum(0)
        projection = (product @ scale).mul_(1.0 / x.shape[-1]).unsqueeze(-1)
        return (gradients[0] * scale).addcmul_(normed, projection, value=-1).mul_(inverse), to_scale


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis in f32, cast back, times ``scale``; no bias."""

    def __init__(self, width: int, official: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.official = official

    def forward(self, x: Tensor) -> Tensor:
        """Any shape ``[..., width]`` to the same."""
        if self.official:
            exact = x.float()
            return self.scale * (exact * torch.rsqrt((exact * exact).mean(-1, keepdim=True) + EPSILON)).to(x.dtype)
        if x.requires_grad and x.device.type == "cpu" and x.dtype == torch.float32:
            result: Tensor = _RMSNormFunction.apply(x, self.scale)
            return result
        return functional.rms_norm(x, self.scale.shape, self.scale, EPSILON)


def rotary_1d(positions: int, head_dimension: int) -> Rotary:
    """Angles of text positions, computed in f32 as the release does."""
    exponents = torch.arange(0, head_dimension, 2, dtype=torch.float32) / head_dimension
    angles = torch.arange(positions, dtype=torch.float32)[:, None] * (1.0 / 10000.0**exponents)
    return angles.cos(), angles.sin()


def rotary_2d(rows: int, columns: int, head_dimension: int, resolution: float) -> Rotary:
    """Angles of grid cells, row-major: the first half of the pairs turns with the row, the second with the column."""
    half = head_dimension // 2
    frequencies = 1.0 / 10000.0 ** (torch.arange(0, half, 2, dtype=torch.float32) / half)
    row = torch.arange(rows, dtype=torch.float32)[:, None] * resolution * frequencies
    column = torch.arange(columns, dtype=torch.float32)[:, None] * resolution * frequencies
    parts = [row[:, None].expand(rows, columns, -1), column[None].expand(rows, columns, -1)]
    angles = torch.cat(parts, dim=-1).reshape(rows * columns, half)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, rotary: Rotary) -> Tensor:
    """Rotates consecutive pairs of ``x`` ``[b, H, t, d]`` in f32."""
    cosine, sine = rotary
    if cosine.ndim == 3:
        cosine, sine = cosine[:, None], sine[:, None]
    if x.dtype == torch.float32 and x.device.type == "cpu" and not torch.compiler.is_exporting():
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * torch.complex(cosine, sine)).flatten(-2)
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], dim=-1).flatten(-2).to(x.dtype)


def mix(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, official: bool, scale: float) -> Tensor:
    """Attention with heads merged, ``[b, q, width]``; ``bias`` ``[b or 1, 1 or H, q or 1, k]`` is added to logits."""
    if official:
        logits = (query.float() * scale) @ key.float().transpose(-1, -2)
        if bias is not None:
            logits = logits + bias
        mixed = logits.softmax(-1).to(value.dtype) @ value
    else:
        if bias is not None:  # expanded for exporters, whose attention does not broadcast over queries
            bias = bias.to(query.dtype).expand(-1, -1, query.shape[2], -1)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=scale)
    return mixed.transpose(1, 2).flatten(-2)


class Attention(nn.Module):
    """Multi-head attention without biases; QK norm over the head dimension; rotary positions where they are given."""

    def __init__(
        self, width: int, heads: int, qk_norm: bool = True, scaled_cosine: bool = False, official: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.official = heads, official
        self.query = Linear(width, width, bias=False)
        self.key = Linear(width, width, bias=False)
        self.value = Linear(width, width, bias=False)
        self.out = Linear(width, width, bias=False)
        self.query_norm = RMSNorm(width // heads, official) if qk_norm else nn.Identity()
        self.key_norm = RMSNorm(width // heads, official) if qk_norm else nn.Identity()
        self.scale = (width // heads) ** -0.5
        if scaled_cosine:
            self.logit_scale = nn.Parameter(torch.full((heads,), math.log(10.0)))
            self.scale = 1.0
        self.scaled_cosine = scaled_cosine

    def _split(self, x: Tensor) -> Tensor:
        """``[b, t, width]`` to ``[b, H, t, d]``."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def project_query(self, x: Tensor, rotary: Rotary | None = None) -> Tensor:
        """Queries of ``x`` ``[b, q, width]``: normed, rotated, ``[b, H, q, d]``."""
        query = self.query_norm(self._split(self.query(x)))
        query = query if rotary is None else rotate(query, rotary)
        if self.scaled_cosine:
            factors = self.logit_scale.clamp(max=math.log(100.0)).exp()[:, None, None]
            query = functional.normalize(query, dim=-1, eps=1e-12) * factors.to(query.dtype)
        return query

    def project(self, x: Tensor, rotary: Rotary | None = None) -> KeyValue:
        """Keys (normed, rotated) and values of ``x`` ``[b, k, width]``."""
        key = self.key_norm(self._split(self.key(x)))
        key = key if rotary is None else rotate(key, rotary)
        if self.scaled_cosine:
            key = functional.normalize(key, dim=-1, eps=1e-12)
        return key, self._split(self.value(x))

    def attend(self, query: Tensor, keys: KeyValue, bias: Tensor | None = None) -> Tensor:
        """Queries ``[b, H, q, d]`` over ``keys``: ``[b, q, width]``."""
        return self.out(mix(query, *keys, bias, self.official, self.scale))

    def forward(self, x: Tensor, rotary: Rotary | None, keys: KeyValue, bias: Tensor | None = None) -> Tensor:
        """``x`` ``[b, q, width]`` attends to ``keys``."""
        return self.attend(self.project_query(x, rotary), keys, bias)


class GatedMLP(nn.Module):
    """wo(silu(x wi_0) * (x wi_1))."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.wi_0 = Linear(width, hidden, bias=False)
        self.wi_1 = Linear(width, hidden, bias=False)
        self.wo = Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., width]`` to the same."""
        return self.wo(functional.silu(self.wi_0(x)) * self.wi_1(x))


class GeluMLP(nn.Module):
    """wo(gelu(x wi)), the exact gelu of the PyTorch port (the JAX original has its tanh form here)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.wi = Linear(width, hidden, bias=False)
        self.wo = Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., width]`` to the same."""
        return self.wo(functional.gelu(self.wi(x)))


def key_bias(mask: Tensor | None) -> Tensor | None:
    """A mask over keys, bool ``[b, k]``, as a bias ``[b, 1, 1, k]``; none where everything is visible."""
    if mask is None:
        return None
    return torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, MASKED)[:, None, None]
