"""The vision transformers of pictures (ViT) and of sounds (AST), and the perceiver that resamples a history frame."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .configuration import ResamplerConfiguration, VisionConfiguration
from .layers import Attention, GeluMLP, KeyValue, RMSNorm, mix
from .products import Group, Linear, linear

Features = tuple[Tensor, Tensor]
"""Outputs of the last block (no final norm) and of the second one, each ``[n, patches, width]``."""


class ViTAttention(nn.Module):
    """Self-attention with biases, its projections laid out as released."""

    def __init__(self, width: int, heads: int, official: bool) -> None:
        super().__init__()
        self.heads, self.official = heads, official
        for name in ("query", "key", "value"):
            self.register_parameter(f"{name}_in_proj_weight", nn.Parameter(torch.empty(width, width)))
            self.register_parameter(f"{name}_in_proj_bias", nn.Parameter(torch.zeros(width)))
        self.out_proj = Linear(width, width)

    def project(self, name: str, x: Tensor) -> Tensor:
        """``[n, t, width]`` to ``[n, H, t, d]`` of ``query``, ``key`` or ``value``."""
        weight, bias = getattr(self, f"{name}_in_proj_weight"), getattr(self, f"{name}_in_proj_bias")
        return linear(x, weight, bias).unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """``[n, t, width]`` to the same; ``bias`` over keys ``[n, 1, 1, t]``."""
        query, key, value = (self.project(name, x) for name in ("query", "key", "value"))
        return self.out_proj(mix(query, key, value, bias, self.official, query.shape[-1] ** -0.5))


class ViTMLP(nn.Module):
    """fc2(gelu(fc1 x)): exact for pictures, its tanh form for sounds."""

    def __init__(self, width: int, hidden: int, approximate: str) -> None:
        super().__init__()
        self.fc1 = Linear(width, hidden)
        self.fc2 = Linear(hidden, width)
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        """``[..., width]`` to the same."""
        return self.fc2(functional.gelu(self.fc1(x), approximate=self.approximate))


class ViTBlock(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, size: VisionConfiguration, epsilon: float, approximate: str, official: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(size.emb_dim, eps=epsilon)
        self.attn = ViTAttention(size.emb_dim, size.num_heads, official)
        self.ln_2 = nn.LayerNorm(size.emb_dim, eps=epsilon)
        self.mlp = ViTMLP(size.emb_dim, size.mlp_dim, approximate)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """``[n, t, width]`` to the same."""
        x = x + self.attn(self.ln_1(x), bias)
        return x + self.mlp(self.ln_2(x))


@lru_cache(maxsize=8)
def _resize_matrix(source: int, rows: int, columns: int) -> Tensor:
    basis = torch.eye(source * source).reshape(source * source, 1, source, source)
    if (rows, columns) == (source, source):
        return torch.eye(source * source)
    resized = functional.interpolate(basis, (rows, columns), mode="bicubic", antialias=True, align_corners=False)
    return resized.reshape(source * source, rows * columns).T.contiguous()


class ImageTransformer(nn.Module):
    """The ViT: class token, learnt positions resized to the picture's grid, a norm before the blocks."""

    def __init__(self, size: VisionConfiguration, patch_values: int, official: bool = False) -> None:
        super().__init__()
        width = size.emb_dim
        self.embedding = Linear(patch_values, width, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positional_embedding = nn.Parameter(torch.randn(size.num_pos, width) * 2 * width**-0.5)
        self.pre_ln = nn.LayerNorm(width, eps=1e-5)
        self.transformer = Group()
        self.transformer.resblocks = nn.ModuleList(
            ViTBlock(size, 1e-5, "none", official) for _ in range(size.num_layers)
        )
        self.side = round((size.num_pos - 1) ** 0.5)

    def positions(self, grid: tuple[int, int]) -> Tensor:
        """The position of each cell of ``grid``, ``[rows * columns, width]`` (bicubic, antialiased, as the release)."""
        table = self.positional_embedding[1:]
        if grid == (self.side, self.side):
            return table
        matrix = _resize_matrix(self.side, *grid).to(table.device)
        return (matrix @ table.float()).to(table.dtype)

    def forward(
        self, patches: Tensor, grid: tuple[int, int], bias: Tensor | None = None, positions: Tensor | None = None
    ) -> Features:
        """Features of normalised patches.

        Args:
            patches: ``[n, p, values]``.
            grid: rows and columns of the canvas.
            bias: over patches, ``[n or 1, 1, 1, p]``, to hide those that show nothing.
            positions: cell of each patch ``[n, p]``; in order when left out.
        """
        places = self.positions(grid)
        tokens = self.embedding(patches) + (places if positions is None else places[positions])
        first = self.class_embedding + self.positional_embedding[0]
        x = self.pre_ln(torch.cat([first.expand(len(tokens), 1, -1), tokens], dim=1))
        return _run_blocks(self.transformer, x, bias, skip=1)


class AudioTransformer(nn.Module):
    """The AST: class and distillation tokens, learnt positions laid out over (mel, time), no norm before the blocks."""

    POSITIONS = 514

    def __init__(self, size: VisionConfiguration, patch_values: int, official: bool = False) -> None:
        super().__init__()
        width = size.emb_dim
        self.embedding = Linear(patch_values, width)
        self.cls_token = nn.Parameter(torch.randn(width) * 0.02)
        self.dist_token = nn.Parameter(torch.randn(width) * 0.02)
        self.positional_embedding = nn.Parameter(torch.randn(self.POSITIONS, width) * 0.02)
        self.transformer = Group()
        self.transformer.resblocks = nn.ModuleList(
            ViTBlock(size, 1e-6, "tanh", official) for _ in range(size.num_layers)
        )

    def forward(
        self, patches: Tensor, grid: tuple[int, int], bias: Tensor | None = None, positions: Tensor | None = None
    ) -> Features:
        """As ``ImageTransformer.forward``; ``grid`` is (time steps, mel bands), patches row-major over it.

        Fewer patches than the grid has are the first ones: a sound that ends early.
        """
        steps, bands = grid
        cells = torch.arange(patches.shape[1], device=patches.device) if positions is None else positions
        rows = 2 + cells % bands * steps + cells // bands  # the table is row-major over (mel, time)
        tokens = self.embedding(patches) + self.positional_embedding[rows]
        leading = torch.stack([self.cls_token, self.dist_token]) + self.positional_embedding[:2]
        x = torch.cat([leading.expand(len(tokens), -1, -1), tokens], dim=1)
        return _run_blocks(self.transformer, x, bias, skip=2)


def _run_blocks(transformer: Group, x: Tensor, bias: Tensor | None, skip: int) -> Features:
    bias = None if bias is None else functional.pad(bias, (skip, 0))
    second = x
    for index, block in enumerate(transformer.resblocks):
        x = block(x, bias)
        if index == 1:
            second = x
    return x[:, skip:], second[:, skip:]


class PerceiverLayer(nn.Module):
    """Latents attend to the context (cross layer) or to themselves (self layer), then an MLP."""

    def __init__(self, size: ResamplerConfiguration, index: int, official: bool) -> None:
        super().__init__()
        self.cross = index in size.xattention_index
        width, heads = size.emb_dim, size.num_heads
        if self.cross:
            self.pre_xattention_norm = RMSNorm(width, official)
            self.xattention = Attention(width, heads, size.xattn_qk_norm, size.xattn_scaled_cosine, official)
        else:
            self.pre_attention_norm = RMSNorm(width, official)
            self.attention = Attention(width, heads, size.attn_qk_norm, size.attn_scaled_cosine, official)
        self.pre_mlp_norm = RMSNorm(width, official)
        self.mlp = GeluMLP(width, size.mlp_dim)

    def forward(self, latents: Tensor, context: Tensor, bias: Tensor | None) -> Tensor:
        """Latents ``[n, l, r]`` and normed context ``[n, t, r]`` to latents."""
        if self.cross:
            keys: KeyValue = self.xattention.project(context)
            latents = latents + self.xattention(self.pre_xattention_norm(latents), None, keys, bias)
        else:
            normed = self.pre_attention_norm(latents)
            latents = latents + self.attention(normed, None, self.attention.project(normed))
        return latents + self.mlp(self.pre_mlp_norm(latents))


class Perceiver(nn.Module):
    """Resamples the patches of a frame into a few latents."""

    def __init__(self, size: ResamplerConfiguration, official: bool = False) -> None:
        super().__init__()
        width = size.emb_dim
        self.context_norm = RMSNorm(width, official)
        self.perceiver_norm = RMSNorm(width, official)
        self.latents = nn.Parameter(torch.randn(size.latents_size, width) * width**-0.5 * 4)
        self.depth = size.num_layers
        for index in range(self.depth):
            self.add_module(f"layers_{index}", PerceiverLayer(size, index, official))

    def forward(self, features: Tensor, bias: Tensor | None = None) -> Tensor:
        """Features ``[n, t, r]``, with a bias ``[n, 1, 1, t]`` that hides some of them, to latents ``[n, l, r]``."""
        context = self.context_norm(features)
        latents = self.latents.expand(len(features), -1, -1)
        for index in range(self.depth):
            latents = getattr(self, f"layers_{index}")(latents, context, bias)
        return cast(Tensor, self.perceiver_norm(latents))
