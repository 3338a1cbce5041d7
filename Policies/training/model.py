"""Unified-IO 2 for text, image and image-history inputs and text targets, in plain PyTorch.

Shapes: b batch, s encoder tokens, t decoder tokens, D width, V vocabulary. Weight names are the released ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from layers import Attention, GatedMLP, RMSNorm, rotary_table_1d, rotary_table_2d
from linear import Linear, linear
from vision import Perceiver, VisionTransformer


@dataclass
class Encoded:
    """Encoder output ``[b, s, D]``, key mask bool ``[b, 1, 1, s]`` and rotary rows, complex ``[s, hd / 2]``."""

    states: Tensor
    mask: Tensor
    rotary: Tensor


class EncoderLayer(nn.Module):
    """x += attention(norm(x)); x += mlp(norm(x))."""

    def __init__(self, width: int, heads: int, hidden: int, qk_norm: bool) -> None:
        super().__init__()
        self.pre_attention_norm = RMSNorm(width)
        self.attention = Attention(width, heads, qk_norm)
        self.pre_mlp_norm = RMSNorm(width)
        self.mlp = GatedMLP(width, hidden)

    def forward(self, x: Tensor, mask: Tensor, rotary: Tensor) -> Tensor:
        """``[b, s, D]`` to the same."""
        x = x + self.attention(self.pre_attention_norm(x), None, mask, rotary, rotary)
        return x + self.mlp(self.pre_mlp_norm(x))


class DecoderLayer(nn.Module):
    """x += self attention; x += cross attention; x += mlp, each of the normed x."""

    def __init__(self, width: int, heads: int, hidden: int, qk_norm: bool) -> None:
        super().__init__()
        self.pre_self_attention_norm = RMSNorm(width)
        self.self_attention = Attention(width, heads, qk_norm)
        self.pre_cross_attention_norm = RMSNorm(width)
        self.encoder_decoder_attention = Attention(width, heads, qk_norm)
        self.pre_mlp_norm = RMSNorm(width)
        self.mlp = GatedMLP(width, hidden)

    def forward(self, x: Tensor, mask: Tensor, rotary: Tensor, encoded: Encoded) -> Tensor:
        """``[b, t, D]`` to the same; ``mask`` bool ``[1, 1, t, t]``."""
        x = x + self.self_attention(self.pre_self_attention_norm(x), None, mask, rotary, rotary)
        cross = self.encoder_decoder_attention
        x = x + cross(self.pre_cross_attention_norm(x), encoded.states, encoded.mask, rotary, encoded.rotary)
        return x + self.mlp(self.pre_mlp_norm(x))


def _stack(owner: nn.Module, layers: int, make: Any) -> None:
    for index in range(layers):
        owner.add_module(f"layers_{index}", make())


class ModalityEmbedder(nn.Module):
    """Holds the modality embedding and, for images, the projections of the vision features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.modality_embedding = nn.Parameter(torch.randn(width) * 0.1)


class UnifiedIO(nn.Module):
    """The encoder-decoder for text, one image and one history frame."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        t5, history = config["t5_config"], config["image_history_cfg"]
        width, heads, hidden, qk_norm = t5["emb_dim"], t5["num_heads"], t5["mlp_dim"], t5["qk_norm"]
        patch, head_dimension = t5["image_vit_patch_size"], t5["head_dim"]
        image_grid = t5["default_image_vit_size"][0] // patch
        history_grid = t5["default_image_history_vit_size"][0] // patch
        self.width = width

        self.text_token_embedder = nn.Embedding(t5["vocab_size"], width)
        self.encoder, self.decoder = nn.Module(), nn.Module()
        _stack(self.encoder, t5["num_encoder_layers"], lambda: EncoderLayer(width, heads, hidden, qk_norm))
        _stack(self.decoder, t5["num_decoder_layers"], lambda: DecoderLayer(width, heads, hidden, qk_norm))
        self.encoder.encoder_norm, self.decoder.decoder_norm = RMSNorm(width), RMSNorm(width)

        text, image, image_history = ModalityEmbedder(width), ModalityEmbedder(width), ModalityEmbedder(width)
        image.projection = Linear(2 * config["image_vit_cfg"]["emb_dim"], width, bias=False)
        image.image_encoder = nn.Module()
        image.image_encoder.vision_transformer = VisionTransformer(config["image_vit_cfg"], (image_grid, history_grid))
        image_history.pre_projection = Linear(config["image_vit_cfg"]["emb_dim"], history["emb_dim"], bias=False)
        image_history.resampler = nn.Module()
        image_history.resampler.perceiver = Perceiver(history)
        image_history.post_projection = Linear(history["emb_dim"], width, bias=False)
        self.input_embedders = nn.ModuleDict({"text": text, "image": image, "image_history": image_history})
        self.target_embedders = nn.ModuleDict({"text": ModalityEmbedder(width)})

        resolution = (t5["decoder_max_image_length"] / t5["encoder_max_image_length"]) ** 0.5
        tables = {
            "text_rotary": rotary_table_1d(t5["encoder_max_text_length"], head_dimension),
            "image_rotary": rotary_table_2d(image_grid, image_grid, head_dimension, resolution),
            "history_rotary": rotary_table_2d(1, history["latents_size"], head_dimension, 1.0),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def encoder_layers(self) -> list[nn.Module]:
        """The encoder's layers in order."""
        return [m for name, m in self.encoder.named_children() if name.startswith("layers_")]

    def decoder_layers(self) -> list[nn.Module]:
        """The decoder's layers in order."""
        return [m for name, m in self.decoder.named_children() if name.startswith("layers_")]

    def embed_inputs(self, text: Tensor, image: Tensor, image_history: Tensor) -> list[Tensor]:
        """Text ids ``[b, n]`` and patches ``[b, p, 768]`` (one grid for both) to embeddings ``[b, *, D]`` in order."""
        embedders = self.input_embedders
        vit = embedders["image"].image_encoder.vision_transformer
        batch = len(text)
        if image.shape[1] == image_history.shape[1]:
            last, second = vit(torch.cat([image, image_history]))
            history_last = last[batch:]
            last, second = last[:batch], second[:batch]
        else:
            last, second = vit(image)
            history_last, _ = vit(image_history)
        history = embedders["image_history"]
        latents = history.resampler.perceiver(history.pre_projection(history_last))
        return [
            self.text_token_embedder(text) + embedders["text"].modality_embedding,
            embedders["image"].projection(torch.cat([last, second], dim=-1)) + embedders["image"].modality_embedding,
            history.post_projection(latents) + history.modality_embedding,
        ]

    def encode(self, text: Tensor, text_mask: Tensor, image: Tensor, image_history: Tensor) -> Encoded:
        """Text ids ``[b, n]``, their mask bool ``[b, n]`` and two frames of normalised patches ``[b, p, 768]``."""
        parts = self.embed_inputs(text, image, image_history)
        x = torch.cat(parts, dim=1)
        visible = text_mask.new_ones(len(text), parts[1].shape[1] + parts[2].shape[1])
        mask = torch.cat([text_mask, visible], dim=1)[:, None, None]
        rotary = torch.cat([self.text_rotary[: text.shape[1]], self.image_rotary, self.history_rotary])
        for layer in self.encoder_layers():
            x = layer(x, mask, rotary)
        return Encoded(self.encoder.encoder_norm(x), mask, rotary)

    def decode(self, encoded: Encoded, tokens: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        """Decoder input ids ``[b, t]``, mask bool ``[t, t]`` and positions ``[t]`` to logits ``[b, t, V]``."""
        x = self.text_token_embedder(tokens) + self.target_embedders["text"].modality_embedding
        rotary = self.text_rotary[positions]
        for layer in self.decoder_layers():
            x = layer(x, mask[None, None], rotary, encoded)
        return self.logits(x)

    def logits(self, x: Tensor) -> Tensor:
        """Decoder states ``[..., D]`` to logits ``[..., V]`` with the tied embedding."""
        return linear(self.decoder.decoder_norm(x), self.text_token_embedder.weight) / self.width**0.5

    @torch.no_grad()
    def generate_locations(self, encoded: Encoded, count: int, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Greedy decoding of ``count`` tokens among ids ``first ..< last``, with cached keys and values.

        Returns token ids int64 ``[b, count]`` and the gap between the best two logits ``[b, count]``.
        """
        batch = len(encoded.states)
        layers = self.decoder_layers()
        cross = [layer.encoder_decoder_attention.project_key_value(encoded.states, encoded.rotary) for layer in layers]
        cache: list[tuple[Tensor, Tensor] | None] = [None] * len(layers)
        token = torch.zeros(batch, 1, dtype=torch.long, device=encoded.states.device)
        tokens, margins = [], []
        embedding = self.text_token_embedder.weight[first:last]
        for step in range(count):
            rotary = self.text_rotary[step : step + 1]
            x = self.text_token_embedder(token) + self.target_embedders["text"].modality_embedding
            for index, layer in enumerate(layers):
                attention, normed = layer.self_attention, layer.pre_self_attention_norm(x)
                key, value = attention.project_key_value(normed, rotary)
                if cache[index] is not None:
                    key = torch.cat([cache[index][0], key], dim=2)
                    value = torch.cat([cache[index][1], value], dim=2)
                cache[index] = (key, value)
                x = x + attention.attend(attention.project_query(normed, rotary), key, value, None)
                attention = layer.encoder_decoder_attention
                query = attention.project_query(layer.pre_cross_attention_norm(x), rotary)
                x = x + attention.attend(query, *cross[index], encoded.mask)
                x = x + layer.mlp(layer.pre_mlp_norm(x))
            logits = self.decoder.decoder_norm(x[:, 0]) @ embedding.T / self.width**0.5
            best, ids = logits.topk(2, dim=-1)
            token = ids[:, :1] + first
            tokens.append(token)
            margins.append(best[:, :1] - best[:, 1:])
        return torch.cat(tokens, dim=1), torch.cat(margins, dim=1)
