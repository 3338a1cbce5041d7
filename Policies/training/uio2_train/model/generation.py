"""Greedy and sampled decoding with cached keys and values."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .layers import KeyValue
from .sequences import Encoded, attention_bias
from .unified_io import UnifiedIO

EOS = 1


@dataclass
class Generated:
    """ids int64 ``[b, t]`` and the gap between the best two scores ``[b, t]``; after the end everything is 1."""

    ids: Tensor
    margins: Tensor


@torch.no_grad()
def generate(
    model: UnifiedIO,
    encoded: Encoded,
    length: int,
    modality: str = "text",
    allowed: range | None = None,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> Generated:
    """Says ``length`` ids.

    Args:
        encoded: not packed.
        modality: of the answer. Text ends at the end token.
        allowed: the ids that may be said; all when left out. Then nothing ends early.
        temperature: 0 takes the best id.
        generator: of the random numbers.
    """
    batch, device = len(encoded.states), encoded.states.device
    cross = model.project_cross(encoded.states, encoded.rotary)
    bias = attention_bias(encoded.mask)
    first = 0 if allowed is None else allowed.start
    token = torch.zeros(batch, 1, dtype=torch.long, device=device)
    done = torch.zeros(batch, dtype=torch.bool, device=device)
    cache: list[KeyValue] | None = None
    ids, margins = [], []
    for position in range(length):
        rotary = model.rotary(f"target.{modality}", torch.tensor([position], device=device))
        logits, cache = model.decode_step(model.embed_target(token, modality), rotary, cache, cross, bias, modality)
        if allowed is not None:
            logits = logits[:, allowed.start : allowed.stop]
        best, order = logits.topk(2, dim=-1)
        if temperature > 0:
            chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        else:
            chosen = order[:, :1]
        token = chosen + first
        if modality == "text" and allowed is None:
            token = token.masked_fill(done[:, None], EOS)
            done = done | (token[:, 0] == EOS)
        ids.append(token)
        margins.append(best[:, :1] - best[:, 1:])
        if bool(done.all()):
            break
    return Generated(torch.cat(ids, dim=1), torch.cat(margins, dim=1))
