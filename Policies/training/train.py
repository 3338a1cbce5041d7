"""Trains the policy on the shards of a folder; resumable, and it takes in shards that appear meanwhile.

    python train.py --data DIR --run DIR [--minutes 90] [--batch 64] [--slices 4] [--threads 2] [--seed 0]

The learning rate follows a cosine over the minutes of training (not over steps), so that a busy machine gives a shorter
but complete run. A checkpoint is written every three minutes and replaces the last one in one step.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from config import policy_config
from data import Batch, Dataset, Targets, smoothing_matrix
from linear import keep_heap
from model import UnifiedIO
from muon import Muon
from spec import ACTION_DIMENSIONS, BINS, CHUNK_LENGTH
from tokenizer import Tokenizer
from tokenizer import train as train_tokenizer

CHECKPOINT_SECONDS = 180
WARM_UP_STEPS = 150
MUON_RATE, ADAM_RATE, WEIGHT_DECAY = 0.02, 1e-3, 0.05
GRADIENT_NORM = 1.0
POSITION_WEIGHT = 0.5
AVERAGE_DECAY = 0.998
FIRST_STEP_WEIGHT = 2.0
HELD_OUT = frozenset(f"demonstrations-{number:05d}.npz" for number in (0, 1, 100))
MUON_PREFIXES = ("encoder.", "decoder.", "input_embedders.")


def initialise(model: UnifiedIO, tokenizer: Tokenizer) -> None:
    """Fan-in scaled matrices, unit embeddings, and location embeddings that are smooth in the bin's value."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and not name.endswith(("positional_embedding", "latents", "text_token_embedder.weight")):
            torch.nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
    embedding = model.text_token_embedder.weight.data
    torch.nn.init.normal_(embedding, std=1.0)
    width = embedding.shape[1]
    cycles = torch.exp(torch.rand(width) * math.log(30 / 0.3)) * 0.3
    phases = torch.rand(width) * 2 * math.pi
    values = torch.arange(BINS) / (BINS - 1)
    smooth = math.sqrt(2) * torch.cos(2 * math.pi * values[:, None] * cycles + phases)
    rows = tokenizer.locations(torch.arange(BINS))
    embedding[rows] = smooth + 0.05 * torch.randn(BINS, width)


def optimisers(model: UnifiedIO) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the network, AdamW for embeddings, patches, norms and biases."""
    muon, adam = [], []
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and name.startswith(MUON_PREFIXES)
        outer = name.endswith(("positional_embedding", "latents", "vision_transformer.embedding.weight"))
        (muon if inside and not outer else adam).append(parameter)
    return [
        Muon(muon, lr=MUON_RATE, weight_decay=WEIGHT_DECAY),
        torch.optim.AdamW(adam, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def loss(
    model: UnifiedIO, batch: Batch, targets: Targets, tokenizer: Tokenizer, smoothing: Tensor
) -> tuple[Tensor, Tensor]:
    """Smoothed cross-entropy of the action chunk and of the asked positions, both scalars."""
    encoded = model.encode(batch.text, batch.text_mask, batch.patches[:, 0], batch.patches[:, 1])
    logits = model.decode(encoded, targets.inputs(batch), targets.mask, targets.positions)
    log_probability = functional.log_softmax(logits, dim=-1)
    locations = log_probability[..., tokenizer.base : tokenizer.base + BINS].flip(-1)  # ids fall as bins rise
    chosen = torch.cat([locations[:, : targets.actions], locations[:, -targets.asked :]], dim=1)
    bins = torch.cat([batch.action_bins, batch.position_bins], dim=1)
    entropy = -(smoothing[bins] * chosen).sum(-1)
    end_of_text = -log_probability[:, targets.actions, targets.end_of_text].mean()
    weights = torch.ones(targets.actions)
    weights[:ACTION_DIMENSIONS] = FIRST_STEP_WEIGHT
    action = (entropy[:, : targets.actions] * weights / weights.mean()).mean() + 0.05 * end_of_text
    return action, entropy[:, targets.actions :].mean()


class ParallelGradients:
    """Gradients of a batch as the mean over slices that threads take as they become free.

    Each thread runs its operations on one core. Threads inside an operation would wait for one another hundreds of
    times a step, which on a machine with other work costs more than half of the speed.
    """

    def __init__(self, model: UnifiedIO, dataset: Dataset, tokenizer: Tokenizer, threads: int, slices: int) -> None:
        self._model, self._dataset, self._tokenizer = model, dataset, tokenizer
        self._parameters = list(model.parameters())
        self._targets = Targets(tokenizer, CHUNK_LENGTH * ACTION_DIMENSIONS, 6)
        self._smoothing = smoothing_matrix()
        self._slices = slices
        self.pool = ThreadPoolExecutor(threads)

    def _slice(self, indices: np.ndarray) -> tuple[tuple[Tensor, ...], float, float]:
        batch = self._dataset.batch(indices)
        action, position = loss(self._model, batch, self._targets, self._tokenizer, self._smoothing)
        gradients = torch.autograd.grad(action + POSITION_WEIGHT * position, self._parameters)
        return gradients, action.item(), position.item()

    def __call__(self, indices: np.ndarray) -> np.ndarray:
        """Sets ``grad`` of every parameter for the samples ``indices`` ``[b]``; returns the two losses ``[2]``."""
        total: list[Tensor] | None = None
        losses = np.zeros(2)
        for gradients, *values in self.pool.map(self._slice, np.array_split(indices, self._slices)):
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
def validate(model: UnifiedIO, dataset: Dataset, tokenizer: Tokenizer, count: int = 256) -> str:
    """Mean absolute error of greedy actions (native units, -1..1) on held-out resets, a task each."""
    indices = np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int)
    errors = []
    for start in range(0, len(indices), 128):
        batch = dataset.batch(indices[start : start + 128])
        encoded = model.encode(batch.text, batch.text_mask, batch.patches[:, 0], batch.patches[:, 1])
        ids, _ = model.generate_locations(
            encoded, CHUNK_LENGTH * ACTION_DIMENSIONS, tokenizer.base, tokenizer.base + BINS
        )
        errors.append((tokenizer.bins(ids) - batch.action_bins).abs() * (2.0 / (BINS - 1)))
    error = torch.cat(errors)
    tasks = dataset.batch_tasks(indices)
    parts = [f"{error[tasks == task].mean():.3f}" for task in np.unique(tasks)]
    return f"{error.mean():.4f} (first step {error[:, :4].mean():.4f}; by task {' '.join(parts)})"


def save(path: Path, state: dict) -> None:
    """Writes a checkpoint; a crash leaves the previous one whole."""
    temporary = path.with_suffix(".partial")
    torch.save(state, temporary)
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path(__file__).parent / "data"
    parser.add_argument("--data", type=Path, default=folder / "shards")
    parser.add_argument("--run", type=Path, default=folder / "run")
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--slices", type=int, default=4, help="parts of a batch that threads share out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keep_heap()
    torch.set_num_threads(1)  # see ParallelGradients
    torch.manual_seed(arguments.seed)
    arguments.run.mkdir(parents=True, exist_ok=True)
    vocabulary, checkpoint = arguments.run / "tokenizer.model", arguments.run / "checkpoint.pt"
    if not vocabulary.exists():
        train_tokenizer(vocabulary)
    tokenizer = Tokenizer(vocabulary)
    model = UnifiedIO(policy_config(tokenizer.padded_size))
    initialise(model, tokenizer)
    average = copy.deepcopy(model).requires_grad_(False)
    optimisers_ = optimisers(model)
    step, elapsed = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        for optimiser, saved in zip(optimisers_, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        step, elapsed = state["step"], state["elapsed"]
    random = np.random.default_rng([arguments.seed, step])
    dataset = Dataset(arguments.data, tokenizer, HELD_OUT)
    validation = Dataset(arguments.data, tokenizer, HELD_OUT, validation=True)
    compute_gradients = ParallelGradients(model, dataset, tokenizer, arguments.threads, arguments.slices)
    optimisers_[0].pool = compute_gradients.pool
    parameters = list(model.parameters())
    size = sum(parameter.numel() for parameter in parameters) / 1e6
    print(f"{size:.2f} M parameters, {len(dataset)} samples, step {step}", flush=True)

    base_rates = [MUON_RATE, ADAM_RATE]
    total = arguments.minutes * 60
    last_save, last_time, last_step = elapsed, time.monotonic(), step
    sums = np.zeros(2)
    while elapsed < total:
        progress = elapsed / total
        factor = min(1.0, (step + 1) / WARM_UP_STEPS) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-3
        for optimiser, rate in zip(optimisers_, base_rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
        losses = compute_gradients(dataset.draw(random, arguments.batch))
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)
        for optimiser in optimisers_:
            optimiser.step()
        decay = min(AVERAGE_DECAY, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), parameters, 1 - decay)
        sums += losses
        step += 1
        now = time.monotonic()
        elapsed, last_time = elapsed + now - last_time, now
        if step % 50 == 0:
            mean = sums / 50
            print(f"step {step} minute {elapsed / 60:.1f} action {mean[0]:.3f} position {mean[1]:.3f}", flush=True)
            sums[:] = 0
        if elapsed - last_save > CHECKPOINT_SECONDS or elapsed >= total:
            rate = (step - last_step) * arguments.batch / (elapsed - last_save)
            state = {
                "model": model.state_dict(), "average": average.state_dict(), "step": step, "elapsed": elapsed,
                "optimisers": [optimiser.state_dict() for optimiser in optimisers_],
            }  # fmt: skip
            save(checkpoint, state)
            report = validate(average, validation, tokenizer)
            print(f"checkpoint at step {step}: action error {report}; {rate:.0f} samples/s; "
                  f"{dataset.refresh()} samples", flush=True)  # fmt: skip
            last_save, last_step = elapsed, step


if __name__ == "__main__":
    main()
