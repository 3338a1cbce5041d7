"""Building blocks of Unified-IO 2: RMS norm, rotary embeddings, attention, MLPs. Weights are named as released."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from linear import Linear, has_own_gradient

EPSILON = 1e-6


class _RMSNormFunction(torch.autograd.Function):
    """y = x / rms(x) * scale with a hand-written gradient: a third of the memory traffic of the automatic one."""

    @staticmethod
    def forward(context, x: Tensor, scale: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = torch.rsqrt(norm * norm * (1.0 / x.shape[-1]) + EPSILON)
        context.save_for_backward(x, scale, inverse)
        return torch.mul(x, inverse).mul_(scale)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, scale, inverse = context.saved_tensors
        normed = x * inverse
        product = gradient * normed
        to_scale = product.flatten(0, -2).sum(0)
        projection = (product @ scale).mul_(1.0 / x.shape[-1]).unsqueeze(-1)
        return (gradient * scale).addcmul_(normed, projection, value=-1).mul_(inverse), to_scale


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis, epsilon 1e-6, no bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Any shape ``[..., width]`` to the same."""
        if not has_own_gradient(x):
            return functional.rms_norm(x.float(), x.shape[-1:], self.scale, EPSILON)
        return _RMSNormFunction.apply(x, self.scale)


def rotary_table_1d(positions: int, head_dimension: int) -> Tensor:
    """cos + i sin of text positions, complex ``[positions, head_dimension / 2]``."""
    frequencies = 10000.0 ** (-torch.arange(0, head_dimension, 2, dtype=torch.float64) / head_dimension)
    angles = torch.arange(positions, dtype=torch.float64)[:, None] * frequencies
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def rotary_table_2d(rows: int, columns: int, head_dimension: int, resolution: float) -> Tensor:
    """cos + i sin of grid cells in row-major order, complex ``[rows * columns, head_dimension / 2]``.

    The first half of the pairs turns with the row, the second with the column.
    """
    half = head_dimension // 2
    frequencies = 10000.0 ** (-torch.arange(0, half, 2, dtype=torch.float64) / half)
    row = torch.arange(rows, dtype=torch.float64)[:, None] * resolution * frequencies
    column = torch.arange(columns, dtype=torch.float64)[:, None] * resolution * frequencies
    angles = torch.cat(
        [row[:, None].expand(rows, columns, -1), column[None].expand(rows, columns, -1)], dim=-1
    ).reshape(rows * columns, half)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def apply_rotary(x: Tensor, table: Tensor) -> Tensor:
    """Rotates consecutive pairs of ``x`` ``[b, heads, t, hd]`` by ``table``, complex ``[t, hd / 2]``."""
    return torch.view_as_real(torch.view_as_complex(x.float().unflatten(-1, (-1, 2))) * table).flatten(-2)


class Attention(nn.Module):
    """Multi-head attention without biases, with QK norm over the head dimension and optional rotary positions."""

    def __init__(self, width: int, heads: int, qk_norm: bool) -> None:
        super().__init__()
        self.heads = heads
        self.query = Linear(width, width, bias=False)
        self.key = Linear(width, width, bias=False)
        self.value = Linear(width, width, bias=False)
        self.out = Linear(width, width, bias=False)
        self.query_norm = RMSNorm(width // heads) if qk_norm else nn.Identity()
        self.key_norm = RMSNorm(width // heads) if qk_norm else nn.Identity()

    def _split(self, x: Tensor) -> Tensor:
        """``[b, t, width]`` to ``[b, heads, t, hd]``."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def project_query(self, x: Tensor, rotary: Tensor | None) -> Tensor:
        """``[b, q, width]`` to normed, rotated queries ``[b, heads, q, hd]``."""
        query = self.query_norm(self._split(self.query(x)))
        return query if rotary is None else apply_rotary(query, rotary)

    def project_key_value(self, x: Tensor, rotary: Tensor | None) -> tuple[Tensor, Tensor]:
        """``[b, k, width]`` to normed, rotated keys and values, each ``[b, heads, k, hd]``."""
        key = self.key_norm(self._split(self.key(x)))
        key = key if rotary is None else apply_rotary(key, rotary)
        return key, self._split(self.value(x))

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of ``[b, heads, q, hd]`` over ``[b, heads, k, hd]``; mask bool ``[b or 1, 1, q or 1, k]``."""
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).flatten(-2))

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        mask: Tensor | None = None,
        query_rotary: Tensor | None = None,
        key_rotary: Tensor | None = None,
    ) -> Tensor:
        """``x`` ``[b, q, width]`` attends to ``context`` ``[b, k, width]`` (or to itself)."""
        key, value = self.project_key_value(x if context is None else context, key_rotary)
        return self.attend(self.project_query(x, query_rotary), key, value, mask)


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
    """wo(gelu(x wi)), with the exact gelu."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.wi = Linear(width, hidden, bias=False)
        self.wo = Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., width]`` to the same."""
        return self.wo(functional.gelu(self.wi(x)))
