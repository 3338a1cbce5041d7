"""Low-rank adapters: W x + (alpha / rank) B A x, with W as it was. Merging gives back a plain model."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..model.products import Linear, linear


class LoRALinear(Linear):
    """A linear layer whose weight stays while ``lora_a`` ``[r, i]`` and ``lora_b`` ``[o, r]`` are trained."""

    lora_a: nn.Parameter
    lora_b: nn.Parameter
    scaling: float

    @classmethod
    def around(cls, layer: Linear, rank: int, alpha: float) -> LoRALinear:
        """The layer with adapters that change nothing yet; it keeps its weight (and its name)."""
        adapted = cls.__new__(cls)
        nn.Module.__init__(adapted)
        adapted.in_features, adapted.out_features = layer.in_features, layer.out_features
        adapted.weight, adapted.bias = layer.weight, layer.bias
        adapted.weight.requires_grad_(False)
        adapted.lora_a = nn.Parameter(torch.empty(rank, layer.in_features))
        adapted.lora_b = nn.Parameter(torch.zeros(layer.out_features, rank))
        nn.init.kaiming_uniform_(adapted.lora_a, a=math.sqrt(5))
        adapted.scaling = alpha / rank
        return adapted

    def forward(self, x: Tensor) -> Tensor:
        """``[..., i]`` to ``[..., o]``."""
        return linear(x, self.weight, self.bias) + self.scaling * linear(linear(x, self.lora_a), self.lora_b)

    def merged(self) -> Linear:
        """A plain layer that computes the same."""
        layer = Linear.__new__(Linear)
        nn.Module.__init__(layer)
        layer.in_features, layer.out_features = self.in_features, self.out_features
        weight = self.weight + self.scaling * (self.lora_b @ self.lora_a).to(self.weight.dtype)
        layer.weight, layer.bias = nn.Parameter(weight.detach()), self.bias
        return layer


def adapt(model: nn.Module, rank: int, alpha: float) -> int:
    """Puts adapters around the linear layers of encoder, decoder and input embedders; returns how many.

    The vision transformers' attention keeps its released layout (bare matrices) and has none.
    """
    count = 0
    for name, module in list(model.named_modules()):
        if not name.startswith(("encoder", "decoder", "input_embedders")) or isinstance(module, LoRALinear):
            continue
        for child, layer in list(module.named_children()):
            if type(layer) is Linear:
                setattr(module, child, LoRALinear.around(layer, rank, alpha))
                count += 1
    return count


def merge(model: nn.Module) -> None:
    """Replaces adapted layers by plain ones that compute the same."""
    for module in list(model.modules()):
        for child, layer in list(module.named_children()):
            if isinstance(layer, LoRALinear):
                setattr(module, child, layer.merged())
