"""Batches for training: prompts, patches and targets from the shards of a folder that may still be growing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from config import PATCH
from language import Instructions
from shards import Samples, read_shard
from spec import ACTION_RANGE, Recipe, quantise
from tokenizer import prompt
from uio2_train.data.pictures import normalise, patchify
from uio2_train.tokenizer import BOS, EOS, PAD, Tokenizer

SMOOTHING_BINS = 8.0
"""Deviation, in bins of 1000, of the Gaussian that a target location is spread over."""

DAGGER_WEIGHT = 3.0
"""How much more often a sample of the policy's own episodes is drawn than one of a demonstration."""

POSITION_QUESTION = "where"
"""Its first token asks the decoder for the positions of object and goal."""

PROMPT_MULTIPLE = 4
"""Prompts of a batch are padded to a multiple of this, so that few shapes occur."""

Saying = Callable[[int], str]
"""How the task at an index is said."""


def patches_of(frames: np.ndarray) -> Tensor:
    """Frames ``[..., h, w, 3]`` uint8 to normalised patches f32 ``[..., (h/16)(w/16), 768]``."""
    return normalise(torch.from_numpy(patchify(frames, PATCH)).float().mul_(1 / 255))


@dataclass
class Batch:
    """text int64 ``[b, n]``, 0 where there is none; patches f32 ``[b, 2, 64, 768]``; action_bins int64 ``[b, 16]``;
    position_bins int64 ``[b, 6]``."""

    text: Tensor
    patches: Tensor
    action_bins: Tensor
    position_bins: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``."""
        return Batch(**{name: tensor.to(device, non_blocking=True) for name, tensor in vars(self).items()})


def prompts(
    tokenizer: Tokenizer, recipe: Recipe, sentences: Sequence[str], proprioception: np.ndarray
) -> Tensor:
    """Encoder ids ``[b, n]``, padded, for instructions and proprioception ``[b, 4]``."""
    rows = [
        prompt(tokenizer, sentence, state, recipe.proprioception)
        for sentence, state in zip(sentences, proprioception, strict=True)
    ]
    length = -(-max(len(row) for row in rows) // PROMPT_MULTIPLE) * PROMPT_MULTIPLE
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


def read_task_weights(path: Path | None) -> dict[str, float]:
    """Task name to weight of the file that ``dagger.py`` writes; empty when there is none."""
    if path is None or not path.exists():
        return {}
    return json.loads(path.read_text())["weights"]


class Dataset:
    """The samples of a folder of shards; ``refresh`` takes in what has been added since."""

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        tokenizer: Tokenizer,
        validation: bool = False,
        sampling: Path | None = None,
    ) -> None:
        self._folder, self._recipe, self._tokenizer = folder, recipe, tokenizer
        self._validation, self._sampling = validation, sampling
        self.instructions = Instructions(recipe)
        self._read: set[str] = set()
        self._shards: list[Samples] = []
        self._owner = np.zeros(0, dtype=np.int64)
        self._row = np.zeros(0, dtype=np.int64)
        self._task = np.zeros(0, dtype=np.int64)
        self._weight = np.zeros(0)
        self._cumulative = np.zeros(0)
        self.refresh()

    def __len__(self) -> int:
        return len(self._owner)

    def refresh(self) -> int:
        """Takes in new shards and the present weights of tasks; returns how many samples there are now."""
        for path in sorted(self._folder.glob("*.npz")):
            if path.name in self._read or (path.name in self._recipe.held_out) != self._validation:
                continue
            samples = read_shard(path)
            self._read.add(path.name)
            if not len(samples):
                continue
            self._owner = np.append(self._owner, np.full(len(samples), len(self._shards)))
            self._row = np.append(self._row, np.arange(len(samples)))
            self._task = np.append(self._task, samples.task)
            weight = DAGGER_WEIGHT if path.name.startswith("dagger-") else 1.0
            self._weight = np.append(self._weight, np.full(len(samples), weight))
            self._shards.append(samples)
        self._cumulative = np.cumsum(self._sample_weights(read_task_weights(self._sampling)))
        return len(self)

    def _sample_weights(self, sampling: Mapping[str, float]) -> np.ndarray:
        """How often each sample is drawn, ``[n]``, up to a factor."""
        tasks = self._recipe.tasks
        weight = np.array([self._recipe.task_weight.get(task, 1.0) * sampling.get(task, 1.0) for task in tasks])
        if self._recipe.balance_tasks:
            total = np.bincount(self._task, self._weight, minlength=len(tasks))
            weight = weight / np.maximum(total, 1e-9)
        return self._weight * weight[self._task]

    def rounds(self, kind: str) -> int:
        """One more than the highest round of ``kind`` ("demonstrations" or "dagger") taken in so far."""
        names = (Path(name).stem.split("-") for name in self._read)
        return max((int(parts[1]) + 1 for parts in names if parts[0] == kind), default=0)

    def draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        """Indices ``[count]`` of a random batch."""
        return np.searchsorted(self._cumulative, random.random(count) * self._cumulative[-1], side="right")

    def batch_tasks(self, indices: np.ndarray) -> np.ndarray:
        """Task indices of samples by index ``[b]``."""
        return self._task[indices]

    def batch(self, indices: np.ndarray, say: Saying | None = None, run: Callable = map) -> Batch:
        """Samples by index ``[b]``.

        ``say`` words a task's instruction (default: the canonical wording); ``run`` maps the decoding over samples.
        """
        say = say or self.instructions.canonical
        picked = [(self._shards[self._owner[i]], self._row[i]) for i in indices]
        sentences = [say(int(task)) for task in self._task[indices]]
        states = np.stack([shard.proprioception[row] for shard, row in picked])
        frames = np.stack(list(run(lambda sample: sample[0].frames(sample[1]), picked)))
        text = prompts(self._tokenizer, self._recipe, sentences, states)
        plan = np.stack([shard.plan[row] for shard, row in picked])
        positions = np.stack([shard.positions[row] for shard, row in picked])
        return Batch(
            text=text,
            patches=patches_of(frames),
            action_bins=torch.from_numpy(quantise(plan, ACTION_RANGE)).flatten(1),
            position_bins=torch.from_numpy(quantise(positions, self._recipe.positions)),
        )


class Targets:
    """Decoder inputs of the two isolated segments: the action chunk, and the positions of object and goal."""

    def __init__(self, tokenizer: Tokenizer, actions: int, positions: int) -> None:
        self._tokenizer = tokenizer
        self._question = tokenizer.encode(POSITION_QUESTION)[0]
        self.actions, self.asked = actions, positions
        lengths = (actions + 1, positions + 1)
        segment = torch.repeat_interleave(torch.arange(2), torch.tensor(lengths))
        self.positions = torch.cat([torch.arange(length) for length in lengths])
        self.mask = (segment[:, None] == segment) & (self.positions[:, None] >= self.positions)
        self.end_of_text = EOS

    def to(self, device: torch.device) -> Targets:
        """Moves the mask and the positions to ``device``."""
        self.positions, self.mask = self.positions.to(device), self.mask.to(device)
        return self

    def inputs(self, batch: Batch) -> Tensor:
        """``[BOS, a1..a16]`` (say a1..a16, EOS) and ``[BOS, question, p1..p5]`` (say -, p1..p6), ``[b, t]``."""
        rows = len(batch.text)
        start = batch.text.new_full((rows, 1), BOS)
        question = batch.text.new_full((rows, 1), self._question)
        actions = self._tokenizer.locations(batch.action_bins)
        positions = self._tokenizer.locations(batch.position_bins)[:, :-1]
        return torch.cat([start, actions, start, question, positions], dim=1)
