"""What a policy that is being trained does on data that it does not train on."""

from __future__ import annotations

import numpy as np
import torch

from ..data.samples import Sampler
from ..model import UnifiedIO, generate
from ..specification import BINS
from ..tokenizer import Tokenizer

VALIDATION_SAMPLES = 128


@torch.no_grad()
def validate(model: UnifiedIO, sampler: Sampler, tokenizer: Tokenizer, count: int = VALIDATION_SAMPLES) -> float:
    """The mean error of greedy actions on held-out episodes, as a share of each number's range."""
    device = model.text_token_embedder.weight.device
    picked = np.linspace(0, len(sampler) - 1, min(count, len(sampler))).astype(int)
    errors = []
    for start in range(0, len(picked), 32):
        batch = sampler.batch([sampler.steps[index] for index in picked[start : start + 32]]).to(device)
        encoded = model.encode(batch.inputs)
        said = generate(model, encoded, batch.action_bins.shape[1], allowed=tokenizer.location_ids)
        bins = tokenizer.base + (BINS - 1) - said.ids
        errors.append((bins - batch.action_bins).abs().float().mean(1) / (BINS - 1))
    return float(torch.cat(errors).mean())
