"""Unified-IO 2 for one picture and text in, text out: the model of ``Policies/training/uio2_train``, cut into the
stages that the contestants are timed on.

Two manners of the same mathematics:

- ``official=True`` costs what the official port costs: attention as explicit products with a bias, norms as written in
  the paper, and cross-attention that projects keys and values of the whole encoder output again at every step.
- ``official=False`` is what a careful user writes today: fused attention, fused norms, cross-attention's keys and
  values computed once.

Both compute all 576 patches of a picture and mask the padding, as the official port does. Shapes: b batch, s encoder
tokens, t decoder tokens, D width, H heads, d head dimension.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from cases import PATCHES, Size

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Policies" / "training"))

from uio2_train.model import Configuration, Patches, UnifiedIO  # noqa: E402
from uio2_train.model.layers import MASKED, KeyValue, Rotary  # noqa: E402
from uio2_train.model.presets import released  # noqa: E402
from uio2_train.model.vision import ViTAttention  # noqa: E402

TEXT_POSITIONS = 1024
"""The release has 512; 640 text tokens stand in for a picture where a peer takes nothing but text."""


def configuration(size: Size) -> Configuration:
    """The release's configuration with the numbers of ``size``, for text and a picture in, text out."""
    document = released("large", size.vocabulary)
    document["t5_config"] |= {
        "emb_dim": size.width, "num_heads": size.heads, "head_dim": size.width // size.heads, "mlp_dim": size.hidden,
        "num_encoder_layers": size.layers, "num_decoder_layers": size.layers,
        "encoder_max_text_length": TEXT_POSITIONS, "decoder_max_text_length": TEXT_POSITIONS,
    }  # fmt: skip
    document["image_vit_cfg"] |= {
        "emb_dim": size.vit_width, "num_heads": size.vit_heads, "head_dim": size.vit_width // size.vit_heads,
        "mlp_dim": size.vit_hidden, "num_layers": size.vit_layers,
    }  # fmt: skip
    document |= {"input_modalities": ["text", "image"], "target_modalities": ["text"]}
    return Configuration.of(document)


class PeerModel(nn.Module):
    """The stages of ``model``. Build it with ``random_model``, or around a checkpoint."""

    def __init__(self, model: UnifiedIO) -> None:
        super().__init__()
        self.model = model

    @property
    def text_rotary(self) -> Rotary:
        """The decoder's angles, each ``[positions, d / 2]``."""
        return self.model.rotary("target.text", self.model.configuration.t5.decoder_max_text_length)

    def rotary(self, text_tokens: int, image: bool) -> Rotary:
        """The encoder's angles: text first, then the picture."""
        cosine, sine = self.model.rotary("text", text_tokens)
        if not image:
            return cosine, sine
        more = self.model.rotary("image", PATCHES)
        return torch.cat([cosine, more[0]]), torch.cat([sine, more[1]])

    def embed_image(self, patches: Tensor, bias: Tensor) -> Tensor:
        """Patches ``[b, 576, 768]`` and a bias ``[b, 1, 1, 576]`` that hides padding, to ``[b, 576, D]``."""
        return self.model.embed_patches("image", Patches(patches), bias).embeddings

    def embed_text(self, tokens: Tensor) -> Tensor:
        """Ids ``[b, n]`` to ``[b, n, D]``."""
        return self.model.embed_text(tokens).embeddings

    def embed_target(self, tokens: Tensor) -> Tensor:
        """Ids ``[b, t]`` to ``[b, t, D]``."""
        return self.model.embed_target(tokens)

    def encode(self, x: Tensor, rotary: Rotary, bias: Tensor) -> Tensor:
        """Embeddings ``[b, s, D]`` and a bias over keys ``[b, 1, 1, s]`` to encoder states."""
        return self.model.run_encoder(x, rotary, bias)

    def project_cross(self, states: Tensor, rotary: Rotary) -> list[KeyValue]:
        """Cross-attention's keys and values of every decoder layer."""
        return self.model.project_cross(states, rotary)

    def decode_step(
        self, x: Tensor, rotary: Rotary, past: list[KeyValue] | None, cross: list[KeyValue], bias: Tensor
    ) -> tuple[Tensor, list[KeyValue]]:
        """One embedded token ``[b, 1, D]`` to logits ``[b, V]`` and the longer cache."""
        return self.model.decode_step(x, rotary, past, cross, bias)

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
        return self.decode_step(x, rotary, past, self.project_cross(states, encoder_rotary), bias)


def random_model(size: Size, official: bool = False, dtype: torch.dtype = torch.float32) -> PeerModel:
    """A model with random weights of ordinary magnitude: neither denormals nor overflow distort the timing."""
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        model = UnifiedIO(configuration(size), tokenizers=False, official=official)
    model = model.to(dtype).to_empty(device="cpu").eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if name.endswith(".scale") or (parameter.ndim == 1 and name.endswith("weight")):
            parameter.fill_(1.0)
        elif parameter.ndim == 1:
            parameter.zero_()
        else:
            spread = (3.0 / parameter.shape[-1]) ** 0.5
            parameter.uniform_(-spread, spread, generator=generator)
    return PeerModel(model)


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
        packed = {
            name: OneDNNLinear(getattr(module, f"{name}_in_proj_weight"), getattr(module, f"{name}_in_proj_bias"))
            for name in ("query", "key", "value")
        }
        heads = module.heads
        module.project = lambda name, x: packed[name](x).unflatten(-1, (heads, -1)).transpose(1, 2)
    if isinstance(module, UnifiedIO):
        head, width = OneDNNLinear(module.text_token_embedder.weight, None), module.configuration.t5.emb_dim
        norm = module.decoder.decoder_norm
        module.logits = lambda states, modality="text": head(norm(states)) / width**0.5


def hide(mask: list[bool]) -> Tensor:
    """A mask over keys as a bias ``[1, 1, 1, keys]``."""
    shown = torch.tensor(mask)
    return torch.zeros(len(mask)).masked_fill_(~shown, MASKED)[None, None, None]


def image_bias(mask: list[bool]) -> Tensor:
    """The ViT's bias ``[1, 1, 1, 576]`` for a patch mask."""
    assert len(mask) == PATCHES
    return hide(mask)
