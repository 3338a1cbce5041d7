"""The VQGAN that turns target pictures into ids and back. Pictures are ``[b, 3, h, w]`` with values -1..1."""

from __future__ import annotations

import torch.nn.functional as functional
from torch import Tensor, nn

from .configuration import ImageTokenizerConfiguration


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResidualBlock(nn.Module):
    """x + conv2(silu(norm2(conv1(silu(norm1 x))))), with a 1x1 convolution on x where the channels change."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = _norm(inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = _norm(outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """``[b, inputs, h, w]`` to ``[b, outputs, h, w]``."""
        hidden = self.conv1(functional.silu(self.norm1(x)))
        hidden = self.conv2(functional.silu(self.norm2(hidden)))
        return hidden + (x if self.nin_shortcut is None else self.nin_shortcut(x))


class PixelAttention(nn.Module):
    """Single-head attention over all pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """``[b, c, h, w]`` to the same."""
        normed = self.norm(x)
        query, key, value = (layer(normed).flatten(2).transpose(1, 2)[:, None] for layer in (self.q, self.k, self.v))
        mixed = functional.scaled_dot_product_attention(query, key, value)[:, 0]
        return x + self.proj_out(mixed.transpose(1, 2).reshape(x.shape))


class Resampling(nn.Module):
    """Half the sides (one zero row and column added below and right) or twice (nearest), with a 3x3 convolution."""

    def __init__(self, channels: int, down: bool) -> None:
        super().__init__()
        self.down = down
        self.conv = nn.Conv2d(channels, channels, 3, stride=2) if down else nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``[b, c, h, w]`` to ``[b, c, h / 2, w / 2]`` or ``[b, c, 2 h, 2 w]``."""
        if self.down:
            return self.conv(functional.pad(x, (0, 1, 0, 1)))
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class _Coder(nn.Module):
    """What encoder and decoder share: the middle, and levels of blocks with or without attention."""

    def _add_middle(self, channels: int) -> None:
        self.mid_block_1 = ResidualBlock(channels, channels)
        self.mid_attn_1 = PixelAttention(channels)
        self.mid_block_2 = ResidualBlock(channels, channels)

    def _add_level(self, name: str, blocks: int, inputs: int, outputs: int, attends: bool) -> None:
        for block in range(blocks):
            self.add_module(f"{name}_block_{block}", ResidualBlock(inputs, outputs))
            inputs = outputs
            if attends:
                self.add_module(f"{name}_attn_{block}", PixelAttention(outputs))

    def _middle(self, x: Tensor) -> Tensor:
        return self.mid_block_2(self.mid_attn_1(self.mid_block_1(x)))

    def _level(self, name: str, blocks: int, x: Tensor) -> Tensor:
        children = dict(self.named_children())
        for block in range(blocks):
            x = children[f"{name}_block_{block}"](x)
            if f"{name}_attn_{block}" in children:
                x = children[f"{name}_attn_{block}"](x)
        return x


class Encoder(_Coder):
    """Pictures to latents ``[b, z, h / f, w / f]``."""

    def __init__(self, size: ImageTokenizerConfiguration) -> None:
        super().__init__()
        self.levels, self.blocks = len(size.ch_mult), size.num_res_blocks
        channels = size.ch
        self.conv_in = nn.Conv2d(size.in_channels, channels, 3, padding=1)
        for level, multiplier in enumerate(size.ch_mult):
            self._add_level(f"down_{level}", self.blocks, channels, size.ch * multiplier, size.has_attention(level))
            channels = size.ch * multiplier
            if level < self.levels - 1:
                self.add_module(f"down_{level}_downsample", Resampling(channels, down=True))
        self._add_middle(channels)
        self.norm_out = _norm(channels)
        self.conv_out = nn.Conv2d(channels, size.z_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``[b, 3, h, w]`` to ``[b, z, h / f, w / f]``."""
        x = self.conv_in(x)
        for level in range(self.levels):
            x = self._level(f"down_{level}", self.blocks, x)
            if level < self.levels - 1:
                x = getattr(self, f"down_{level}_downsample")(x)
        return self.conv_out(functional.silu(self.norm_out(self._middle(x))))


class Decoder(_Coder):
    """Latents to pictures; level 0 is the coarsest."""

    def __init__(self, size: ImageTokenizerConfiguration) -> None:
        super().__init__()
        self.levels, self.blocks = len(size.ch_mult), size.num_res_blocks + 1
        channels = size.ch * size.ch_mult[-1]
        self.conv_in = nn.Conv2d(size.z_channels, channels, 3, padding=1)
        self._add_middle(channels)
        for step in range(self.levels):
            level = self.levels - 1 - step
            outputs = size.ch * size.ch_mult[level]
            self._add_level(f"up_{step}", self.blocks, channels, outputs, size.has_attention(level))
            channels = outputs
            if step < self.levels - 1:
                self.add_module(f"up_{step}_upsample", Resampling(channels, down=False))
        self.norm_out = _norm(channels)
        self.conv_out = nn.Conv2d(channels, size.out_ch, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``[b, z, h, w]`` to ``[b, 3, f h, f w]``."""
        x = self._middle(self.conv_in(x))
        for step in range(self.levels):
            x = self._level(f"up_{step}", self.blocks, x)
            if step < self.levels - 1:
                x = getattr(self, f"up_{step}_upsample")(x)
        return self.conv_out(functional.silu(self.norm_out(x)))


class Codebook(nn.Module):
    """Entries ``[n, e]``."""

    def __init__(self, entries: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(entries, width)

    def nearest(self, x: Tensor) -> Tensor:
        """The nearest entry of each row of ``x`` ``[..., e]``, the first on ties: int64 ``[...]``."""
        table = self.embedding.weight
        distance = (x * x).sum(-1, keepdim=True) + (table * table).sum(-1) - 2 * x @ table.T
        return distance.argmin(-1)


class ImageTokenizer(nn.Module):
    """Pictures to codes and back; the decoder's ids are the codes + 2."""

    def __init__(self, size: ImageTokenizerConfiguration) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(size), Decoder(size)
        self.quantize = Codebook(size.n_embed, size.embed_dim)
        self.quant_conv = nn.Conv2d(size.z_channels, size.embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(size.embed_dim, size.z_channels, 1)

    def latents(self, pictures: Tensor) -> Tensor:
        """``[b, 3, h, w]`` to ``[b, e, h / f, w / f]``, before the codebook."""
        return self.quant_conv(self.encoder(pictures))

    def codes(self, pictures: Tensor) -> Tensor:
        """Codes of pictures, row-major, int64 ``[b, codes]``."""
        return self.quantize.nearest(self.latents(pictures).movedim(1, -1)).flatten(1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes ``[b, codes]`` (of a square) to pictures, not clipped."""
        side = round(codes.shape[1] ** 0.5)
        entries = self.quantize.embedding(codes).movedim(-1, 1).unflatten(2, (side, side))
        return self.decoder(self.post_quant_conv(entries))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The picture after the codebook (gradients pass straight through it), and the codebook's loss.

        For training the tokeniser itself; the release trains it apart, with further losses.
        """
        latents = self.latents(pictures)
        entries = self.quantize.embedding(self.quantize.nearest(latents.movedim(1, -1))).movedim(-1, 1)
        commitment = (entries.detach() - latents).square().mean() * 0.25 + (entries - latents.detach()).square().mean()
        straight = latents + (entries - latents).detach()
        return self.decoder(self.post_quant_conv(straight)), commitment
