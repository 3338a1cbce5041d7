"""Batches for training: prompts, patches and targets from the shards of a folder that may still be growing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from config import PATCH
from shards import Samples, read_shards
from spec import ACTION_RANGE, BINS, FRAME_SIZE, POSITION_RANGE, TASKS, quantise
from tokenizer import BOS, EOS, PAD, Tokenizer

_MEAN = np.tile(np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32), PATCH * PATCH)
_DEVIATION = np.tile(np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32), PATCH * PATCH)
_SCALE = torch.from_numpy(1.0 / (255.0 * _DEVIATION))
_SHIFT = torch.from_numpy(-_MEAN / _DEVIATION)

SMOOTHING_BINS = 8.0
"""Deviation, in bins of 1000, of the Gaussian that a target location is spread over."""

DAGGER_WEIGHT = 3.0
"""How much more often a sample of the policy's own episodes is drawn than one of a demonstration."""

TASK_WEIGHT = {"reach-v3": 2.5}
"""How much more often a sample of a task is drawn (1 when absent): reach's goal is the hardest thing to see."""

POSITION_QUESTION = "where"
"""Its first token asks the decoder for the positions of object and goal."""


def patchify(frames: np.ndarray) -> np.ndarray:
    """Frames ``[..., h, w, 3]`` to patches ``[..., (h/16)(w/16), 768]``; a patch is laid out dy, dx, channel."""
    grid = FRAME_SIZE // PATCH
    leading = frames.shape[:-3]
    split = frames.reshape(*leading, grid, PATCH, grid, PATCH, 3)
    return np.ascontiguousarray(np.swapaxes(split, -4, -3)).reshape(*leading, grid * grid, PATCH * PATCH * 3)


def normalise(patches: np.ndarray) -> Tensor:
    """uint8 patches ``[..., 768]`` to CLIP-normalised float32."""
    return torch.from_numpy(patches).float().mul_(_SCALE).add_(_SHIFT)


def smoothing_matrix() -> Tensor:
    """Row ``i`` is the target distribution ``[1000]`` of bin ``i``."""
    bins = torch.arange(BINS, dtype=torch.float32)
    weights = torch.exp(-0.5 * ((bins[:, None] - bins) / SMOOTHING_BINS) ** 2)
    return weights / weights.sum(dim=1, keepdim=True)


@dataclass
class Batch:
    """text int64 ``[b, n]``; text_mask bool ``[b, n]``; patches f32 ``[b, 2, 64, 768]``; action_bins int64 ``[b, 16]``;
    position_bins int64 ``[b, 6]``."""

    text: Tensor
    text_mask: Tensor
    patches: Tensor
    action_bins: Tensor
    position_bins: Tensor


class Prompts:
    """Encoder token ids of (task, proprioception) pairs, padded to one length."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        from uio2_envs.metaworld_tasks import INSTRUCTIONS

        self.tokenizer = tokenizer
        self._instructions = [INSTRUCTIONS[task] for task in TASKS]
        self._length = max(len(tokenizer.prompt(text, np.zeros(4))) for text in self._instructions)

    def __call__(self, tasks: np.ndarray, proprioception: np.ndarray) -> tuple[Tensor, Tensor]:
        """Task indices ``[b]`` and proprioception ``[b, 4]`` to ids ``[b, n]`` and their mask."""
        ids = torch.full((len(tasks), self._length), PAD)
        for row, (task, state) in enumerate(zip(tasks, proprioception, strict=True)):
            tokens = self.tokenizer.prompt(self._instructions[int(task)], state)
            ids[row, : len(tokens)] = torch.tensor(tokens)
        return ids, ids != PAD


class Dataset:
    """The samples of a folder of shards; ``refresh`` takes in what has been added since."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, held_out: frozenset[str], validation: bool = False) -> None:
        self._folder, self._held_out, self._validation = folder, held_out, validation
        self._prompts = Prompts(tokenizer)
        self._read: set[str] = set()
        self._shards: list[Samples] = []
        self._owner = np.zeros(0, dtype=np.int64)
        self._row = np.zeros(0, dtype=np.int64)
        self._weight = np.zeros(0)
        self.refresh()

    def __len__(self) -> int:
        return len(self._owner)

    def refresh(self) -> int:
        """Reads new shards; returns how many samples there are now."""
        for path in sorted(self._folder.glob("*.npz")):
            if path.name in self._read or (path.name in self._held_out) != self._validation:
                continue
            samples = read_shards([path])
            samples.frames = patchify(samples.frames)
            self._read.add(path.name)
            self._owner = np.append(self._owner, np.full(len(samples), len(self._shards)))
            self._row = np.append(self._row, np.arange(len(samples)))
            weight = np.array([TASK_WEIGHT.get(TASKS[task], 1.0) for task in samples.task])
            weight *= DAGGER_WEIGHT if path.name.startswith("dagger-") else 1.0
            self._weight = np.append(self._weight, weight)
            self._shards.append(samples)
        return len(self)

    def draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        """Indices ``[count]`` of a random batch."""
        return random.choice(len(self), count, p=self._weight / self._weight.sum())

    def batch_tasks(self, indices: np.ndarray) -> np.ndarray:
        """Task indices of samples by index ``[b]``."""
        return np.array([self._shards[self._owner[i]].task[self._row[i]] for i in indices])

    def batch(self, indices: np.ndarray) -> Batch:
        """Samples by index ``[b]``."""
        picked = [(self._shards[self._owner[i]], self._row[i]) for i in indices]
        tasks = np.array([shard.task[row] for shard, row in picked])
        text, text_mask = self._prompts(tasks, np.stack([shard.proprioception[row] for shard, row in picked]))
        plan = np.stack([shard.plan[row] for shard, row in picked])
        positions = np.stack([shard.positions[row] for shard, row in picked])
        return Batch(
            text=text,
            text_mask=text_mask,
            patches=normalise(np.stack([shard.frames[row] for shard, row in picked])),
            action_bins=torch.from_numpy(quantise(plan, ACTION_RANGE)).flatten(1),
            position_bins=torch.from_numpy(quantise(positions, POSITION_RANGE)),
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

    def inputs(self, batch: Batch) -> Tensor:
        """``[BOS, a1..a16]`` (say a1..a16, EOS) and ``[BOS, question, p1..p5]`` (say -, p1..p6), ``[b, t]``."""
        rows = len(batch.text)
        start = torch.full((rows, 1), BOS)
        question = torch.full((rows, 1), self._question)
        actions = self._tokenizer.locations(batch.action_bins)
        positions = self._tokenizer.locations(batch.position_bins)[:, :-1]
        return torch.cat([start, actions, start, question, positions], dim=1)
