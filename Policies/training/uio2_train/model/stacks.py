"""Layers of encoder and decoder, and what belongs to a modality. Weights are named as released."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .configuration import ResamplerConfiguration, TransformerConfiguration
from .layers import Attention, GatedMLP, KeyValue, RMSNorm, Rotary
from .products import Group, Linear
from .vision import Perceiver


class EncoderLayer(nn.Module):
    """x += attention(norm(x)); x += mlp(norm(x))."""

    def __init__(self, size: TransformerConfiguration, official: bool) -> None:
        super().__init__()
        self.pre_attention_norm = RMSNorm(size.emb_dim, official)
        self.attention = Attention(size.emb_dim, size.num_heads, size.qk_norm, official=official)
        self.pre_mlp_norm = RMSNorm(size.emb_dim, official)
        self.mlp = GatedMLP(size.emb_dim, size.mlp_dim)

    def forward(self, x: Tensor, rotary: Rotary, bias: Tensor | None) -> Tensor:
        """``[b, s, D]`` to the same."""
        normed = self.pre_attention_norm(x)
        x = x + self.attention(normed, rotary, self.attention.project(normed, rotary), bias)
        return x + self.mlp(self.pre_mlp_norm(x))


class DecoderLayer(nn.Module):
    """x += self attention; x += cross attention (where the layer has it); x += mlp, each of the normed x."""

    def __init__(self, size: TransformerConfiguration, cross: bool, official: bool) -> None:
        super().__init__()
        self.pre_self_attention_norm = RMSNorm(size.emb_dim, official)
        self.self_attention = Attention(size.emb_dim, size.num_heads, size.qk_norm, official=official)
        self.has_cross_attention = cross
        if cross:
            self.pre_cross_attention_norm = RMSNorm(size.emb_dim, official)
            self.encoder_decoder_attention = Attention(size.emb_dim, size.num_heads, size.qk_norm, official=official)
        self.pre_mlp_norm = RMSNorm(size.emb_dim, official)
        self.mlp = GatedMLP(size.emb_dim, size.mlp_dim)

    def forward(
        self,
        x: Tensor,
        rotary: Rotary,
        bias: Tensor | None,
        cross: KeyValue | None,
        cross_bias: Tensor | None,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """``[b, t, D]`` after ``past``, to the same and the keys and values with it."""
        normed = self.pre_self_attention_norm(x)
        keys = self.self_attention.project(normed, rotary)
        if past is not None:
            keys = torch.cat([past[0], keys[0]], dim=2), torch.cat([past[1], keys[1]], dim=2)
        x = x + self.self_attention(normed, rotary, keys, bias)
        if self.has_cross_attention:
            assert cross is not None
            x = x + self.encoder_decoder_attention(self.pre_cross_attention_norm(x), rotary, cross, cross_bias)
        return x + self.mlp(self.pre_mlp_norm(x)), keys


class Stack(Group):
    """Layers named ``layers_0``, ``layers_1``, … and a norm."""

    def __init__(self, norm: str, width: int, official: bool, layers: list[nn.Module]) -> None:
        super().__init__()
        for index, layer in enumerate(layers):
            self.add_module(f"layers_{index}", layer)
        self.add_module(norm, RMSNorm(width, official))
        self.depth = len(layers)

    def layers(self) -> list[nn.Module]:
        """In order."""
        return [getattr(self, f"layers_{index}") for index in range(self.depth)]


class Embedder(Group):
    """A modality's embedding; what else belongs to the modality is added to it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.modality_embedding = nn.Parameter(torch.randn(width) * 0.02)


def history(vision_width: int, width: int, size: ResamplerConfiguration, official: bool) -> Embedder:
    """The embedder of earlier frames."""
    embedder = Embedder(width)
    embedder.pre_projection = Linear(vision_width, size.emb_dim, bias=False)
    embedder.resampler = Group()
    embedder.resampler.perceiver = Perceiver(size, official)
    embedder.post_projection = Linear(size.emb_dim, width, bias=False)
    return embedder
