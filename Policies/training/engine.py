"""What one step of training is made of: initialisation, optimisers, the loss, gradients by threads, validation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from data import SMOOTHING_BINS, Batch, Dataset, Saying, Targets
from model import PolicyModel
from spec import ACTION_DIMENSIONS, BINS, CHUNK_LENGTH, POSITIONS
from uio2_train.engine import weights
from uio2_train.objectives.losses import smoothing_matrix
from uio2_train.tokenizer import Tokenizer

MUON_RATE, ADAM_RATE, WEIGHT_DECAY = 0.02, 1e-3, 0.05
BASE_RATES = (MUON_RATE, ADAM_RATE)
POSITION_WEIGHT = 0.5
FIRST_STEP_WEIGHT = 2.0
ACTIONS = CHUNK_LENGTH * ACTION_DIMENSIONS


def initialise(model: PolicyModel, tokenizer: Tokenizer) -> None:
    """As the package does, and modality embeddings as those of the first policies."""
    weights.initialise(model, tokenizer)
    for name, parameter in model.named_parameters():
        if name.endswith("modality_embedding"):
            torch.nn.init.normal_(parameter, std=0.1)


def optimisers(model: PolicyModel) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the network, AdamW for embeddings, patches, norms and biases."""
    return weights.make_optimisers(dict(model.named_parameters()), MUON_RATE, ADAM_RATE, WEIGHT_DECAY)


def loss(
    model: PolicyModel, batch: Batch, targets: Targets, tokenizer: Tokenizer, smoothing: Tensor
) -> tuple[Tensor, Tensor]:
    """Smoothed cross-entropy of the action chunk and of the asked positions, both scalars."""
    encoded = model.look(batch.text, batch.patches)
    logits = model.answers(encoded, targets.inputs(batch), targets.mask, targets.positions)
    log_probability = functional.log_softmax(logits, dim=-1)
    locations = log_probability[..., tokenizer.base : tokenizer.base + BINS].flip(-1)  # ids fall as bins rise
    chosen = torch.cat([locations[:, : targets.actions], locations[:, -targets.asked :]], dim=1)
    bins = torch.cat([batch.action_bins, batch.position_bins], dim=1)
    entropy = -(smoothing[bins] * chosen).sum(-1)
    end_of_text = -log_probability[:, targets.actions, targets.end_of_text].mean()
    weights = torch.ones(targets.actions, device=logits.device)
    weights[:ACTION_DIMENSIONS] = FIRST_STEP_WEIGHT
    action = (entropy[:, : targets.actions] * weights / weights.mean()).mean() + 0.05 * end_of_text
    return action, entropy[:, targets.actions :].mean()


class ParallelGradients:
    """Gradients of a batch as the mean over slices that threads take as they become free.

    Each thread runs its operations on one core. Threads inside an operation would wait for one another hundreds of
    times a step, which on a machine with other work costs more than half of the speed. On a GPU the slices follow one
    another, in bf16, and the threads decode their frames.
    """

    def __init__(
        self,
        model: PolicyModel,
        dataset: Dataset,
        tokenizer: Tokenizer,
        threads: int,
        slices: int,
        device: torch.device | None = None,
    ) -> None:
        self._model, self._dataset, self._tokenizer = model, dataset, tokenizer
        self._device = device or torch.device("cpu")
        self._on_gpu = self._device.type == "cuda"
        self.bf16 = self._on_gpu
        self._parameters = list(model.parameters())
        self._targets = Targets(tokenizer, ACTIONS, POSITIONS).to(self._device)
        self._smoothing = smoothing_matrix(BINS, SMOOTHING_BINS).to(self._device)
        self._slices = slices
        self.pool = ThreadPoolExecutor(threads)

    def _read(self, indices: np.ndarray, seed: list[int]) -> Batch:
        """The samples at ``indices``; the wordings follow from ``seed`` alone."""
        say = partial(self._dataset.instructions.varied, random=np.random.default_rng(seed))
        return self._dataset.batch(indices, say, self.pool.map if self._on_gpu else map)

    def _gradients(self, batch: Batch) -> tuple[tuple[Tensor, ...], float, float]:
        with torch.autocast(self._device.type, torch.bfloat16) if self.bf16 else nullcontext():
            action, position = loss(self._model, batch, self._targets, self._tokenizer, self._smoothing)
        gradients = torch.autograd.grad(action + POSITION_WEIGHT * position, self._parameters)
        return gradients, action.item(), position.item()

    def _slice(self, indices: np.ndarray, seed: list[int]) -> tuple[tuple[Tensor, ...], float, float]:
        return self._gradients(self._read(indices, seed).to(self._device))

    def __call__(self, indices: np.ndarray, seed: list[int]) -> np.ndarray:
        """Sets ``grad`` of every parameter for the samples ``indices`` ``[b]``; returns the two losses ``[2]``."""
        total: list[Tensor] | None = None
        losses = np.zeros(2)
        parts = np.array_split(indices, self._slices)
        seeds = [[*seed, number] for number in range(len(parts))]
        run = map if self._on_gpu else self.pool.map
        for gradients, *values in run(self._slice, parts, seeds):
            losses += values
            if total is None:
                total = list(gradients)
            else:
                torch._foreach_add_(total, gradients)
        torch._foreach_mul_(total, 1.0 / self._slices)
        for parameter, gradient in zip(self._parameters, total, strict=True):
            parameter.grad = gradient
        return losses / self._slices


@torch.no_grad()
def action_errors(
    model: PolicyModel,
    dataset: Dataset,
    tokenizer: Tokenizer,
    indices: np.ndarray,
    say: Saying | None = None,
    run: Callable = map,
) -> Tensor:
    """Absolute errors ``[n, 16]`` of greedy actions (native units, -1..1) on the samples ``indices`` ``[n]``.

    ``run`` maps a function over parts of the samples, by default one after the other.
    """
    device = next(model.parameters()).device

    def errors(part: np.ndarray) -> Tensor:
        with torch.no_grad():
            batch = dataset.batch(part, say).to(device)
            encoded = model.look(batch.text, batch.patches)
            ids, _ = model.locations(encoded, ACTIONS, tokenizer.location_ids)
            return (tokenizer.bins(ids) - batch.action_bins).abs().cpu() * (2.0 / (BINS - 1))

    return torch.cat(list(run(errors, np.array_split(indices, -(-len(indices) // 64)))))
