"""Unified-IO 2 for one picture and text in, text out, in plain PyTorch with the released weight names.

Two manners of the same mathematics:

- ``official=True`` costs what the official port costs: attention as explicit products with a bias, norms as written in
  the paper, and cross-attention that projects keys and values of the whole encoder output again at every step.
- ``official=False`` is what a careful user writes today: fused attention, fused norms, cross-attention's keys and
  values computed once.

Both compute all 576 patches of a picture and mask the padding, as the official port does. Shapes: b batch, s encoder
tokens, t decoder tokens, D width, H heads, d head dimension.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from cases import GRID, PATCH, PATCHES, Size

EPSILON = 1e-6
MASKED = -1e10
TEXT_POSITIONS = 1024
"""The release has 512; 640 text tokens stand in for a picture where a peer takes nothing but text."""
IMAGE_RESOLUTION = (1024 / 576) ** 0.5
POSITION_GRID = 14

Rotary = tuple[Tensor, Tensor]
"""Cosines and sines, each ``[positions, d / 2]``."""
KeyValue = tuple[Tensor, Tensor]
"""Each ``[b, H, tokens, d]``."""


def rotary_1d(positions: int, head_dimension: int) -> Rotary:
    """Angles of text positions."""
    frequencies = 10000.0 ** (-torch.arange(0, head_dimension, 2, dtype=torch.float64) / head_dimension)
    angles = torch.arange(positions, dtype=torch.float64)[:, None] * frequencies
    return angles.cos().float(), angles.sin().float()


def rotary_2d(grid: int, head_dimension: int, resolution: float) -> Rotary:
    """Angles of grid cells, row-major: the first half of the pairs turns with the row, the second with the column."""
    half = head_dimension // 2
    frequencies = 10000.0 ** (-torch.arange(0, half, 2, dtype=torch.float64) / half)
    line = torch.arange(grid, dtype=torch.float64)[:, None] * resolution * frequencies
    rows, columns = line[:, None].expand(grid, grid, -1), line[None].expand(grid, grid, -1)
    angles = torch.cat([rows, columns], dim=-1).reshape(grid * grid, half)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, rotary: Rotary) -> Tensor:
    """Rotates consecutive pairs of ``x`` ``[b, H, tokens, d]`` in f32."""
    cosine, sine = rotary
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], dim=-1).flatten(-2).to(x.dtype)


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis, in f32, no bias."""

    def __init__(self, width: int, official: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.official = official

    def forward(self, x: Tensor) -> Tensor:
        if not self.official:
            return functional.rms_norm(x, self.scale.shape, self.scale, EPSILON)
        exact = x.float()
        return self.scale * (exact * torch.rsqrt((exact * exact).mean(-1, keepdim=True) + EPSILON)).to(x.dtype)


def mix(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, official: bool) -> Tensor:
    """Attention, heads merged: ``[b, q, D]``. ``bias`` is added to the logits, ``[b or 1, 1, q or 1, k]``."""
    if official:
        logits = (query.float() / query.shape[-1] ** 0.5) @ key.float().transpose(-1, -2)
        if bias is not None:
            logits = logits + bias
        mixed = logits.softmax(-1).to(value.dtype) @ value
    else:
        if bias is not None:  # expanded for exporters, whose attention does not broadcast over queries
            bias = bias.to(query.dtype).expand(-1, -1, query.shape[2], -1)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    return mixed.transpose(1, 2).flatten(-2)


class Attention(nn.Module):
    """Multi-head attention without biases, QK norm over the head dimension, rotary positions."""

    def __init__(self, width: int, heads: int, official: bool) -> None:
        super().__init__()
        self.heads, self.official = heads, official
        for name in ("query", "key", "value", "out"):
            self.add_module(name, nn.Linear(width, width, bias=False))
        self.query_norm = RMSNorm(width // heads, official)
        self.key_norm = RMSNorm(width // heads, official)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def project(self, x: Tensor, rotary: Rotary) -> KeyValue:
        """Keys and values of ``x`` ``[b, k, D]``."""
        return rotate(self.key_norm(self._split(self.key(x))), rotary), self._split(self.value(x))

    def forward(self, x: Tensor, rotary: Rotary, keys: KeyValue, bias: Tensor | None) -> Tensor:
        """``x`` ``[b, q, D]`` attends to ``keys``."""
        query = rotate(self.query_norm(self._split(self.query(x))), rotary)
        return self.out(mix(query, *keys, bias, self.official))


class GatedMLP(nn.Module):
    """wo(silu(x wi_0) * (x wi_1))."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.wi_0 = nn.Linear(width, hidden, bias=False)
        self.wi_1 = nn.Linear(width, hidden, bias=False)
        self.wo = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.wo(functional.silu(self.wi_0(x)) * self.wi_1(x))


class EncoderLayer(nn.Module):
    """x += attention(norm(x)); x += mlp(norm(x))."""

    def __init__(self, size: Size, official: bool) -> None:
        super().__init__()
        self.pre_attention_norm = RMSNorm(size.width, official)
        self.attention = Attention(size.width, size.heads, official)
        self.pre_mlp_norm = RMSNorm(size.width, official)
        self.mlp = GatedMLP(size.width, size.hidden)

    def forward(self, x: Tensor, rotary: Rotary, bias: Tensor) -> Tensor:
        normed = self.pre_attention_norm(x)
        x = x + self.attention(normed, rotary, self.attention.project(normed, rotary), bias)
        return x + self.mlp(self.pre_mlp_norm(x))


class DecoderLayer(nn.Module):
    """x += self attention; x += cross attention; x += mlp, each of the normed x."""

    def __init__(self, size: Size, official: bool) -> None:
        super().__init__()
        self.pre_self_attention_norm = RMSNorm(size.width, official)
        self.self_attention = Attention(size.width, size.heads, official)
        self.pre_cross_attention_norm = RMSNorm(size.width, official)
        self.encoder_decoder_attention = Attention(size.width, size.heads, official)
        self.pre_mlp_norm = RMSNorm(size.width, official)
        self.mlp = GatedMLP(size.width, size.hidden)

    def forward(
        self, x: Tensor, rotary: Rotary, past: KeyValue | None, cross: KeyValue, bias: Tensor
    ) -> tuple[Tensor, KeyValue]:
        """One token ``[b, 1, D]`` after ``past``; returns it and the keys and values with it."""
        normed = self.pre_self_attention_norm(x)
        key, value = self.self_attention.project(normed, rotary)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        x = x + self.self_attention(normed, rotary, (key, value), None)
        x = x + self.encoder_decoder_attention(self.pre_cross_attention_norm(x), rotary, cross, bias)
        return x + self.mlp(self.pre_mlp_norm(x)), (key, value)


class ViTAttention(nn.Module):
    """Self-attention with biases, its projections laid out as released."""

    def __init__(self, size: Size, official: bool) -> None:
        super().__init__()
        self.heads, self.official = size.vit_heads, official
        for name in ("query", "key", "value"):
            self.register_parameter(f"{name}_in_proj_weight", nn.Parameter(torch.zeros(size.vit_width, size.vit_width)))
            self.register_parameter(f"{name}_in_proj_bias", nn.Parameter(torch.zeros(size.vit_width)))
        self.out_proj = nn.Linear(size.vit_width, size.vit_width)
        self.packed: dict[str, Callable[[Tensor], Tensor]] = {}

    def _project(self, name: str, x: Tensor) -> Tensor:
        if name in self.packed:
            return self.packed[name](x)
        return functional.linear(x, getattr(self, f"{name}_in_proj_weight"), getattr(self, f"{name}_in_proj_bias"))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (
            self._project(name, x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for name in ("query", "key", "value")
        )
        return self.out_proj(mix(query, key, value, bias, self.official))


class ViTBlock(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, size: Size, official: bool) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(size.vit_width, eps=1e-5), nn.LayerNorm(size.vit_width, eps=1e-5)
        self.attn = ViTAttention(size, official)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Linear(size.vit_width, size.vit_hidden)
        self.mlp.fc2 = nn.Linear(size.vit_hidden, size.vit_width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x), bias)
        return x + self.mlp.fc2(functional.gelu(self.mlp.fc1(self.ln_2(x))))


class VisionTransformer(nn.Module):
    """Patches to the features of the last and of the second block."""

    def __init__(self, size: Size, official: bool) -> None:
        super().__init__()
        width = size.vit_width
        self.embedding = nn.Linear(PATCH * PATCH * 3, width, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(POSITION_GRID**2 + 1, width))
        self.pre_ln = nn.LayerNorm(width, eps=1e-5)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(ViTBlock(size, official) for _ in range(size.vit_layers))
        self._positions: Tensor | None = None

    def positions(self) -> Tensor:
        """The learnt 14 × 14 positions resized to 24 × 24, the class token's first; computed once."""
        if self._positions is None:
            grid = self.positional_embedding[1:].float().unflatten(0, (POSITION_GRID, POSITION_GRID)).permute(2, 0, 1)
            grid = functional.interpolate(grid[None], (GRID, GRID), mode="bicubic", align_corners=False, antialias=True)
            grid = grid[0].permute(1, 2, 0).flatten(0, 1).to(self.positional_embedding.dtype)
            self._positions = torch.cat([self.positional_embedding[:1], grid]).detach()
        return self._positions

    def forward(self, patches: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised patches ``[b, 576, 768]`` and a bias ``[b, 1, 1, 576]`` to two features ``[b, 576, width]``."""
        tokens = self.embedding(patches)
        tokens = torch.cat([self.class_embedding.expand(len(tokens), 1, -1), tokens], dim=1)
        x = self.pre_ln(tokens + self.positions())
        bias = functional.pad(bias, (1, 0))
        second = x
        for index, block in enumerate(self.transformer.resblocks):
            x = block(x, bias)
            if index == 1:
                second = x
        return x[:, 1:], second[:, 1:]


class UnifiedIO(nn.Module):
    """The encoder-decoder. Build it with ``random_model`` or load released weights by name."""

    def __init__(self, size: Size, official: bool = False) -> None:
        super().__init__()
        self.size, self.official = size, official
        width = size.width
        self.text_token_embedder = nn.Embedding(size.vocabulary, width)
        self.encoder, self.decoder = nn.Module(), nn.Module()
        for index in range(size.layers):
            self.encoder.add_module(f"layers_{index}", EncoderLayer(size, official))
            self.decoder.add_module(f"layers_{index}", DecoderLayer(size, official))
        self.encoder.encoder_norm, self.decoder.decoder_norm = RMSNorm(width, official), RMSNorm(width, official)
        text, image, target = nn.Module(), nn.Module(), nn.Module()
        for module in (text, image, target):
            module.modality_embedding = nn.Parameter(torch.zeros(width))
        image.projection = nn.Linear(2 * size.vit_width, width, bias=False)
        image.image_encoder = nn.Module()
        image.image_encoder.vision_transformer = VisionTransformer(size, official)
        self.input_embedders = nn.ModuleDict({"text": text, "image": image})
        self.target_embedders = nn.ModuleDict({"text": target})
        self.packed_head: Callable[[Tensor], Tensor] | None = None
        # Plain attributes: building on the meta device must not lose them, and bf16 must not round them.
        with torch.device("cpu"):
            self.text_rotary = rotary_1d(TEXT_POSITIONS, width // size.heads)
            self.image_rotary = rotary_2d(GRID, width // size.heads, IMAGE_RESOLUTION)

    def encoder_layers(self) -> list[EncoderLayer]:
        """The encoder's layers in order."""
        return [getattr(self.encoder, f"layers_{index}") for index in range(self.size.layers)]

    def decoder_layers(self) -> list[DecoderLayer]:
        """The decoder's layers in order."""
        return [getattr(self.decoder, f"layers_{index}") for index in range(self.size.layers)]

    def embed_image(self, patches: Tensor, bias: Tensor) -> Tensor:
        """Patches ``[b, 576, 768]`` and a bias ``[b, 1, 1, 576]`` that hides padding, to ``[b, 576, D]``."""
        embedder = self.input_embedders["image"]
        features = embedder.image_encoder.vision_transformer(patches, bias)
        return embedder.projection(torch.cat(features, dim=-1)) + embedder.modality_embedding

    def embed_text(self, tokens: Tensor) -> Tensor:
        """Ids ``[b, n]`` to ``[b, n, D]``."""
        return self.text_token_embedder(tokens) + self.input_embedders["text"].modality_embedding

    def embed_target(self, tokens: Tensor) -> Tensor:
        """Ids ``[b, t]`` to ``[b, t, D]``."""
        return self.text_token_embedder(tokens) + self.target_embedders["text"].modality_embedding

    def rotary(self, text_tokens: int, image: bool) -> Rotary:
        """The encoder's angles: text first, then the picture."""
        cosine, sine = (table[:text_tokens] for table in self.text_rotary)
        if not image:
            return cosine, sine
        return torch.cat([cosine, self.image_rotary[0]]), torch.cat([sine, self.image_rotary[1]])

    def encode(self, x: Tensor, rotary: Rotary, bias: Tensor) -> Tensor:
        """Embeddings ``[b, s, D]`` and a bias over keys ``[b, 1, 1, s]`` to encoder states."""
        for layer in self.encoder_layers():
            x = layer(x, rotary, bias)
        return self.encoder.encoder_norm(x)

    def project_cross(self, states: Tensor, rotary: Rotary) -> list[KeyValue]:
        """Cross-attention's keys and values of every decoder layer."""
        return [layer.encoder_decoder_attention.project(states, rotary) for layer in self.decoder_layers()]

    def decode_step(
        self, x: Tensor, rotary: Rotary, past: list[KeyValue] | None, cross: list[KeyValue], bias: Tensor
    ) -> tuple[Tensor, list[KeyValue]]:
        """One embedded token ``[b, 1, D]`` to logits ``[b, V]`` and the longer cache."""
        cache = []
        for index, layer in enumerate(self.decoder_layers()):
            x, entry = layer(x, rotary, None if past is None else past[index], cross[index], bias)
            cache.append(entry)
        return self.logits(x[:, 0]), cache

    def logits(self, x: Tensor) -> Tensor:
        """Decoder states ``[..., D]`` to logits with the tied embedding."""
        x = self.decoder.decoder_norm(x)
        if self.packed_head is not None:
            return self.packed_head(x) / self.size.width**0.5
        return functional.linear(x, self.text_token_embedder.weight) / self.size.width**0.5

    def step_recomputing(
        self,
        x: Tensor,
        rotary: Rotary,
        past: list[KeyValue] | None,
        states: Tensor,
        encoder_rotary: Rotary,
        bias: Tensor,
    ) -> tuple[Tensor, list[KeyValue]]:
        """``decode_step`` in the official manner: each layer projects all encoder states anew."""
        cache = []
        for index, layer in enumerate(self.decoder_layers()):
            cross = layer.encoder_decoder_attention.project(states, encoder_rotary)
            x, entry = layer(x, rotary, None if past is None else past[index], cross, bias)
            cache.append(entry)
        return self.logits(x[:, 0]), cache


def random_model(size: Size, official: bool = False, dtype: torch.dtype = torch.float32) -> UnifiedIO:
    """A model with random weights of ordinary magnitude: neither denormals nor overflow distort the timing."""
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        model = UnifiedIO(size, official)
    model = model.to(dtype).to_empty(device="cpu").eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if name.endswith(".scale") or (parameter.ndim == 1 and name.endswith("weight")):
            parameter.fill_(1.0)
        elif parameter.ndim == 1:
            parameter.zero_()
        else:
            spread = (3.0 / parameter.shape[-1]) ** 0.5
            parameter.uniform_(-spread, spread, generator=generator)
    return model


class OneDNNLinear(nn.Module):
    """A linear layer on oneDNN with its weight packed in advance, as ``torch.compile`` with freezing does it.

    Stock f32 products go to MKL, which chooses slow kernels on other makers' processors (half of oneDNN's speed on the
    one at hand): a user who looked into it would do this, so it is a contestant of its own.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.packed, self.bias = torch.ops.mkldnn._reorder_linear_weight(weight.detach()), bias

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")


def use_onednn(module: nn.Module) -> None:
    """Moves every product of weights below ``module`` to oneDNN."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, OneDNNLinear(child.weight, child.bias))
        else:
            use_onednn(child)
    if isinstance(module, ViTAttention):
        for name in ("query", "key", "value"):
            weight, bias = (getattr(module, f"{name}_in_proj_{kind}") for kind in ("weight", "bias"))
            module.packed[name] = OneDNNLinear(weight, bias)
    if isinstance(module, UnifiedIO):
        head = OneDNNLinear(module.text_token_embedder.weight, None)
        object.__setattr__(module, "packed_head", head)


def hide(mask: list[bool]) -> Tensor:
    """A mask over keys as a bias ``[1, 1, 1, keys]``."""
    shown = torch.tensor(mask)
    return torch.zeros(len(mask)).masked_fill_(~shown, MASKED)[None, None, None]


def image_bias(mask: list[bool]) -> Tensor:
    """The ViT's bias ``[1, 1, 1, 576]`` for a patch mask."""
    assert len(mask) == PATCHES
    return hide(mask)
