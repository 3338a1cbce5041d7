"""The ViT-VQGAN that turns target spectrograms into ids and back.

Spectrograms are log-mel, normalised, ``[b, bands, steps]``. The decoder reads codes time by time: its order is the
transpose of the grid's.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .configuration import AudioTokenizerConfiguration
from .image_tokenizer import Codebook
from .layers import mix
from .products import Group

EPSILON = 1e-6


def sine_table(rows: int, columns: int, width: int) -> Tensor:
    """Fixed positions ``[rows * columns, width]``: the first half from the column, the second from the row."""
    frequencies = 10000.0 ** (-torch.arange(width // 4, dtype=torch.float64) / (width / 4))

    def encode(positions: Tensor) -> Tensor:
        angles = positions[:, None] * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    cells = torch.arange(rows * columns, dtype=torch.float64)
    return torch.cat([encode(cells % columns), encode(cells.div(columns, rounding_mode="floor"))], dim=-1).float()


class _Attention(nn.Module):
    """Self-attention without biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """``[b, t, width]`` to the same."""
        query, key, value = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        return self.out(mix(query, key, value, None, False, 1 / math.sqrt(query.shape[-1])))


class _Block(nn.Module):
    """x += attention(norm(x)); x += fc2(relu(fc1(norm(x))))."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width, eps=EPSILON), nn.LayerNorm(width, eps=EPSILON)
        self.attn = _Attention(width, heads)
        self.mlp = Group()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """``[b, t, width]`` to the same."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp.fc2(functional.relu(self.mlp.fc1(self.ln_2(x))))


class _Transformer(nn.Module):
    """Blocks and a layer norm."""

    def __init__(self, layers: int, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.layers = layers
        for index in range(layers):
            self.add_module(f"encoderblock_{index}", _Block(width, heads, hidden))
        self.encoder_norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """``[b, t, width]`` to the same."""
        for index in range(self.layers):
            x = getattr(self, f"encoderblock_{index}")(x)
        return self.encoder_norm(x)


class _BiasNorm(nn.Module):
    """A layer norm without a weight."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """``[..., width]`` to the same."""
        return functional.layer_norm(x, self.bias.shape, None, self.bias, EPSILON)


class AudioTokenizer(nn.Module):
    """Spectrograms to codes and back; the decoder's ids are the codes, transposed, + 2."""

    def __init__(self, size: AudioTokenizerConfiguration) -> None:
        super().__init__()
        self.grid, self.patch = size.grid, size.patch_size
        width = size.encoder_hidden_size
        self.encoder, self.decoder = Group(), Group()
        self.encoder.embedding = nn.Linear(size.patch_size[0] * size.patch_size[1], width)
        self.encoder.transformer = _Transformer(
            size.encoder_num_layers, width, size.encoder_num_heads, size.encoder_mlp_dim
        )
        self.encoder.encoder_proj = nn.Linear(width, size.proj_dim, bias=False)
        self.encoder.encoder_norm = _BiasNorm(size.proj_dim)
        self.quantize = Codebook(size.vocab_size, size.proj_dim)
        self.decoder.decoder_proj = nn.Linear(size.proj_dim, size.decoder_hidden_size, bias=False)
        self.decoder.transformer = _Transformer(
            size.decoder_num_layers, size.decoder_hidden_size, size.decoder_num_heads, size.decoder_mlp_dim
        )
        self.decoder.conv_transpose = nn.ConvTranspose2d(
            size.decoder_hidden_size, 1, size.patch_size, stride=size.patch_size, bias=False
        )
        self.register_buffer("positions", sine_table(*self.grid, width), persistent=False)

    def latents(self, spectrograms: Tensor) -> Tensor:
        """``[b, bands, steps]`` to ``[b, codes, p]``, before the codebook."""
        (rows, columns), (height, width) = self.grid, self.patch
        split = spectrograms.reshape(-1, rows, height, columns, width).transpose(2, 3)
        x = self.encoder.embedding(split.reshape(-1, rows * columns, height * width)) + self.positions
        return self.encoder.encoder_norm(self.encoder.encoder_proj(functional.relu(self.encoder.transformer(x))))

    def codes(self, spectrograms: Tensor) -> Tensor:
        """Codes, row-major over (bands, time), int64 ``[b, codes]``."""
        table = functional.normalize(self.quantize.embedding.weight, dim=-1)
        latents = functional.normalize(self.latents(spectrograms), dim=-1)
        return (2 - 2 * latents @ table.T).argmin(-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes, row-major over (bands, time), to spectrograms ``[b, bands, steps]``."""
        entries = functional.normalize(self.quantize.embedding(codes), dim=-1)
        x = self.decoder.transformer(self.decoder.decoder_proj(entries) + self.positions)
        return self.decoder.conv_transpose(x.transpose(1, 2).unflatten(2, self.grid))[:, 0]

    def sequence(self, codes: Tensor) -> Tensor:
        """Codes row-major over (bands, time) in the order that the decoder says them, time by time."""
        return codes.unflatten(1, self.grid).transpose(1, 2).flatten(1)

    def unsequence(self, codes: Tensor) -> Tensor:
        """The inverse of ``sequence``."""
        return codes.unflatten(1, self.grid[::-1]).transpose(1, 2).flatten(1)
