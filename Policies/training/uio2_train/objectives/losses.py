"""Cross-entropy as the reference has it: a mean over the tokens that count, per modality, and their sum."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor


def cross_entropy(logits: Tensor, targets: Tensor, mask: Tensor | None = None, z_loss: float = 0.0) -> Tensor:
    """The mean over the tokens that count, a scalar (0 where none does).

    Args:
        logits: ``[b, t, V]``.
        targets: ids ``[b, t]``.
        mask: bool ``[b, t]``.
        z_loss: weight of the squared logarithm of the partition function.
    """
    logits = logits.float()
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    if z_loss:
        loss = loss + z_loss * logits.logsumexp(-1).flatten().square()
    if mask is None:
        return loss.mean()
    counted = mask.flatten().to(loss.dtype)
    return (loss * counted).sum() / counted.sum().clamp(min=1)


def smoothing_matrix(bins: int, deviation: float) -> Tensor:
    """Row ``i`` is the target distribution ``[bins]`` of bin ``i``: a Gaussian, cut at the ends."""
    places = torch.arange(bins, dtype=torch.float32)
    if deviation <= 0:
        return torch.eye(bins)
    weights = torch.exp(-0.5 * ((places[:, None] - places) / deviation) ** 2)
    return weights / weights.sum(dim=1, keepdim=True)
