"""Sentences that pick and place: the loss of what is said, and what shapes the way there.

Three further questions are asked while training, of heads that no policy keeps: what each patch of the vision
transformer shows and where its middle is; and, after the encoder, which of the prompt's pictures shows what lies under
a patch. They say at each place of a picture what the answer's few numbers say of the whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from ..data.sentences import MAXIMUM_PICTURES, SceneLabels, SentenceBatch, SentenceSampler
from ..model import Encoded, Target, UnifiedIO, shift_right
from ..recipe import Recipe
from ..specification import BINS
from .cloning import smoothing


class SentenceBatches:
    """Makes the batches of ``SentenceStep``."""

    def __init__(self, sampler: SentenceSampler) -> None:
        self.sampler = sampler

    def draw(self, random: np.random.Generator, count: int) -> SentenceBatch:
        """A random batch."""
        return self.sampler.batch(self.sampler.draw(random, count), random)


class SentenceStep(nn.Module):
    """The model with its losses; ``forward`` gives the total and its parts.

    Args:
        recipe: of the policy.
        model: what is trained.
        base: the first location's token.
        labels: names of each label of a thing; none where the data do not say what is to be seen.
    """

    def __init__(self, recipe: Recipe, model: UnifiedIO, base: int, labels: list[int]) -> None:
        super().__init__()
        self.model, self.recipe, self.base = model, recipe.objectives, base
        self.register_buffer("smoothing", smoothing(recipe.objectives.smoothing_bins), persistent=False)
        self.labels = labels
        seeing = recipe.objectives.seeing
        if labels and seeing is not None:
            assert model.configuration.image_vit is not None
            width = model.configuration.image_vit.emb_dim
            self.kinds = nn.ModuleList(nn.Linear(width, count + 1) for count in labels)
            self.middles = nn.Linear(width, 2)
            self.names = nn.Linear(model.configuration.t5.emb_dim, MAXIMUM_PICTURES + 1)

    @property
    def heads(self) -> dict[str, nn.Parameter]:
        """Weights that are trained and belong to no policy, by name."""
        return {name: part for name, part in self.named_parameters() if not name.startswith("model.")}

    def forward(self, batch: SentenceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of all losses, and each of them."""
        features: dict[str, Tensor] = {}
        encoded = self.model.encode(batch.inputs, features.__setitem__)
        total, parts = self.said(encoded, batch)
        seeing = self.recipe.seeing
        if seeing is None or not self.labels or batch.scene is None or batch.named is None:
            return total, parts
        seen = self.seen(features["image"], batch.scene)
        if batch.pictured is not None:
            seen = 0.5 * (seen + self.seen(features["image_history"], batch.pictured))
        first = batch.inputs.text.shape[1]
        states = encoded.states[:, first : first + batch.named.shape[1]]
        weights = torch.ones(MAXIMUM_PICTURES + 1, device=states.device)
        weights[0] = 0.2  # most patches show nothing that is asked for
        named = functional.cross_entropy(self.names(states).flatten(0, 1).float(), batch.named.flatten(), weights)
        return total + seeing.weight * seen + seeing.named * named, parts | {"seen": seen, "named": named}

    def said(self, encoded: Encoded, batch: SentenceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of locations, spread over their neighbours, and of the words that the grammar leaves open."""
        target = Target("text", shift_right(batch.ids))
        states = self.model.decode(encoded, target)
        located, chosen = batch.bins >= 0, batch.chosen
        locations = self._log_probability(states[located])[:, self.base : self.base + BINS].flip(-1)
        smooth = self.get_buffer("smoothing")[batch.bins[located]]
        where = -(smooth * locations).sum(-1).mean()
        words = -self._log_probability(states[chosen]).gather(1, batch.ids[chosen][:, None]).mean()
        return where + words, {"where": where, "words": words}

    def _log_probability(self, states: Tensor) -> Tensor:
        return functional.log_softmax(self.model.logits(states).float(), dim=-1)

    def seen(self, features: Tensor, labels: SceneLabels) -> Tensor:
        """The loss of what patches show, ``[n, p, width]``."""
        shown = labels.shown
        states, classes = features[shown].float(), labels.classes[shown]
        loss = states.new_zeros(())
        for index, head in enumerate(self.kinds):
            weights = torch.ones(head.out_features, device=states.device)
            weights[0] = 0.2
            loss = loss + functional.cross_entropy(head(states), classes[:, index], weights)
        there = classes[:, 0] > 0
        if bool(there.any()):
            loss = loss + (self.middles(states[there]) - labels.offsets[shown][there]).abs().mean()
        return loss


@torch.no_grad()
def validate_sentences(model: UnifiedIO, sampler: SentenceSampler, count: int = 256) -> dict[str, float]:
    """How far greedy answers are off on held-out demonstrations, told the words and numbers before each.

    Returns:
        ``held_out_error``: metres between said and meant places, the mean; ``near``: places within 2 cm of what was
        meant, as a share; ``turned``: radians, the mean; ``words``: open words that were right, as a share; and ``near``
        of each family.
    """
    device = model.text_token_embedder.weight.device
    picked = np.linspace(0, len(sampler) - 1, min(count, len(sampler))).astype(int)
    base, limits = sampler.tokenizer.base, sampler.demonstrations.ranges.limits()
    spans = (limits[:, 1] - limits[:, 0]) / (BINS - 1)
    far: list[float] = []
    turns: list[float] = []
    words: list[bool] = []
    families: dict[str, list[float]] = {}
    for start in range(0, len(picked), 32):
        samples = [sampler.samples[index] for index in picked[start : start + 32]]
        batch = sampler.batch(samples).to(device)
        states = model.decode(model.encode(batch.inputs), Target("text", shift_right(batch.ids)))
        logits = model.logits(states)
        said = (BINS - 1) - logits[..., base : base + BINS].argmax(-1)
        words += (logits.argmax(-1) == batch.ids)[batch.chosen].tolist()
        for row, sample in enumerate(samples):
            located = batch.bins[row] >= 0
            off = ((said[row] - batch.bins[row])[located].reshape(-1, 6).cpu().numpy() * spans).reshape(-1, 3)
            distances = np.hypot(off[:, 0], off[:, 1]).tolist()
            far += distances
            turns += np.abs((off[:, 2] + np.pi) % (2 * np.pi) - np.pi).tolist()
            families.setdefault(sample.document["task"], []).extend(distances)
    figures: dict[str, Any] = {
        "held_out_error": float(np.mean(far)), "near": _near(far), "turned": float(np.mean(turns)),
        "words": float(np.mean(words)),
    }  # fmt: skip
    return figures | {f"near {task}": _near(distances) for task, distances in sorted(families.items())}


def _near(distances: list[float]) -> float:
    return float(np.mean(np.array(distances) < 0.02))
