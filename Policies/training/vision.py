"""The image encoder (ViT) and the perceiver that resamples a history frame. Weights are named as released."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from layers import Attention, GeluMLP, RMSNorm
from linear import Linear, linear


class ViTAttention(nn.Module):
    """Self-attention with biases, in the released layout of its projections."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        for name in ("query", "key", "value"):
            self.register_parameter(f"{name}_in_proj_weight", nn.Parameter(torch.empty(width, width)))
            self.register_parameter(f"{name}_in_proj_bias", nn.Parameter(torch.zeros(width)))
        self.out_proj = Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """``[n, t, width]`` to the same."""
        query, key, value = (
            linear(x, getattr(self, f"{name}_in_proj_weight"), getattr(self, f"{name}_in_proj_bias"))
            .unflatten(-1, (self.heads, -1))
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out_proj(mixed.transpose(1, 2).flatten(-2))


class ViTMLP(nn.Module):
    """fc2(gelu(fc1 x)), with the exact gelu."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = Linear(width, hidden)
        self.fc2 = Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., width]`` to the same."""
        return self.fc2(functional.gelu(self.fc1(x)))


class ViTBlock(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-5)
        self.attn = ViTAttention(width, heads)
        self.ln_2 = nn.LayerNorm(width, eps=1e-5)
        self.mlp = ViTMLP(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """``[n, t, width]`` to the same."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


def position_resize_matrix(source: int, target: int) -> Tensor:
    """The bicubic (antialiased) resize of a source² grid to target² as a matrix ``[target², source²]``."""
    basis = torch.eye(source * source).reshape(source * source, 1, source, source)
    resized = functional.interpolate(basis, (target, target), mode="bicubic", antialias=True, align_corners=False)
    return resized.reshape(source * source, target * target).T.contiguous()


class VisionTransformer(nn.Module):
    """Gives the output of the last block and of the second one, without the class token."""

    def __init__(self, config: dict[str, Any], grids: tuple[int, ...]) -> None:
        super().__init__()
        width = config["emb_dim"]
        self.source_grid = round((config["num_pos"] - 1) ** 0.5)
        self.embedding = Linear(config["patch_size"] ** 2 * 3, width, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positional_embedding = nn.Parameter(torch.randn(config["num_pos"], width) * 2 * width**-0.5)
        self.pre_ln = nn.LayerNorm(width, eps=1e-5)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(
            ViTBlock(width, config["num_heads"], config["mlp_dim"]) for _ in range(config["num_layers"])
        )
        for grid in sorted(set(grids)):
            self.register_buffer(f"resize_{grid}", position_resize_matrix(self.source_grid, grid), persistent=False)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised patches ``[n, grid², 768]`` to features ``(x, x1)``, each ``[n, grid², width]``."""
        grid = round(patches.shape[1] ** 0.5)
        resize = getattr(self, f"resize_{grid}")
        positions = torch.cat([self.positional_embedding[:1], resize @ self.positional_embedding[1:]])
        tokens = self.embedding(patches)
        tokens = torch.cat([self.class_embedding.expand(len(tokens), 1, -1), tokens], dim=1)
        x = self.pre_ln(tokens + positions)
        second = x
        for index, block in enumerate(self.transformer.resblocks):
            x = block(x)
            if index == 1:
                second = x
        return x[:, 1:], second[:, 1:]


class PerceiverLayer(nn.Module):
    """Latents attend to the context (cross layer) or to themselves (self layer), then an MLP."""

    def __init__(self, width: int, heads: int, hidden: int, qk_norm: bool, cross: bool) -> None:
        super().__init__()
        self.cross = cross
        prefix = "xattention" if cross else "attention"
        self.add_module(f"pre_{prefix}_norm", RMSNorm(width))
        self.add_module(prefix, Attention(width, heads, qk_norm))
        self.pre_mlp_norm = RMSNorm(width)
        self.mlp = GeluMLP(width, hidden)

    def forward(self, latents: Tensor, context: Tensor) -> Tensor:
        """Latents ``[n, l, r]`` and normed context ``[n, t, r]`` to latents."""
        if self.cross:
            latents = latents + self.xattention(self.pre_xattention_norm(latents), context)
        else:
            latents = latents + self.attention(self.pre_attention_norm(latents))
        return latents + self.mlp(self.pre_mlp_norm(latents))


class Perceiver(nn.Module):
    """Resamples the patches of a frame into a few latents."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width = config["emb_dim"]
        self.context_norm = RMSNorm(width)
        self.perceiver_norm = RMSNorm(width)
        self.latents = nn.Parameter(torch.randn(config["latents_size"], width) * width**-0.5 * 4)
        self.depth = config["num_layers"]
        for index in range(self.depth):
            cross = index in config["xattention_index"]
            qk_norm = config["xattn_qk_norm" if cross else "attn_qk_norm"]
            layer = PerceiverLayer(width, config["num_heads"], config["mlp_dim"], qk_norm, cross)
            self.add_module(f"layers_{index}", layer)

    def forward(self, features: Tensor) -> Tensor:
        """``[n, t, r]`` to latents ``[n, l, r]``."""
        context = self.context_norm(features)
        latents = self.latents.expand(len(features), -1, -1)
        for index in range(self.depth):
            latents = getattr(self, f"layers_{index}")(latents, context)
        return self.perceiver_norm(latents)
