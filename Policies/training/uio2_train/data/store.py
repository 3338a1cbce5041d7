"""All episodes of a policy's datasets in memory: numbers as arrays, frames as JPEG, decoded when they are drawn.

Frames are read once from films and kept in a cache beside the run, so that going on is quick.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..recipe import Recipe
from ..specification import Plan
from .demonstrations import Demonstrations
from .pictures import decode_picture, encode_jpeg


@dataclass
class StoredEpisode:
    """An episode of T steps, in the policy's order of numbers."""

    instructions: list[str]
    state: np.ndarray
    """float64 ``[T, s]``."""
    chunks: np.ndarray
    """float64 ``[T, chunk, a]``: what the policy is to say at each step."""
    where: np.ndarray
    """float64 ``[T, w]``."""
    points: np.ndarray
    """float64 ``[T, p]``: rows and columns in the image camera's frame, 0..1."""
    first_frame: int
    """Of the dataset's frames, a camera."""
    dataset: int

    def __len__(self) -> int:
        return len(self.state)


def action_chunks(actions: np.ndarray, length: int, hold: np.ndarray) -> np.ndarray:
    """Actions ``[T, a]`` from each step on, ``[T, length, a]``.

    After the end the arm holds: where ``hold`` bool ``[a]`` is set (absolute numbers, grippers) the last action is
    repeated, elsewhere it is 0.
    """
    last = np.where(hold, actions[-1], 0.0)
    padded = np.concatenate([actions, np.repeat(last[None], length - 1, axis=0)])
    return np.stack([padded[offset : offset + len(actions)] for offset in range(length)], axis=1)


class EpisodeStore:
    """Episodes and frames.

    Args:
        recipe, plan: of the policy.
        datasets: in the recipe's order.
        cache: a folder for frames.
        report: is told what takes long.
    """

    def __init__(
        self,
        recipe: Recipe,
        plan: Plan,
        datasets: list[Demonstrations],
        cache: Path | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.plan = plan
        self.episodes: list[StoredEpisode] = []
        self._jpeg: list[dict[str, tuple[np.ndarray, np.ndarray]]] = []
        hold = np.array([recipe.action.mode == "absolute" or part.role == "gripper" for part in plan.action.parts])
        for number, dataset in enumerate(datasets):
            first = 0
            for index in range(len(dataset)):
                episode = dataset.episode(index)
                if recipe.action.plan_key is not None:
                    shape = (len(episode), -1, len(plan.action))
                    chunks = episode.extras[recipe.action.plan_key].reshape(shape)[:, : recipe.action.chunk_length]
                else:
                    chunks = action_chunks(episode.action, recipe.action.chunk_length, hold)
                where = recipe.objectives.where
                positions = episode.extras[where.key] if where else np.zeros((len(episode), 0))
                point = recipe.objectives.point
                points = episode.extras[point.key] if point else np.zeros((len(episode), 0))
                state = episode.state[:, plan.state_columns]
                stored = StoredEpisode(episode.instructions, state, chunks, positions, points, first, number)
                self.episodes.append(stored)
                first += len(episode)
            self._jpeg.append(
                {camera.name: self._frames(dataset, camera.source, (camera.height or 0, camera.width or 0), cache, report)
                 for camera in plan.cameras}
            )  # fmt: skip

    @staticmethod
    def _frames(
        dataset: Demonstrations, camera: str, size: tuple[int, int], cache: Path | None, report: Callable[[str], None]
    ) -> tuple[np.ndarray, np.ndarray]:
        """All JPEG files of a camera one after the other (uint8), and where each begins."""
        described = f"{dataset.path.resolve()} {camera} {size} {dataset.lengths}".encode()
        file = None if cache is None else cache / f"frames-{hashlib.sha256(described).hexdigest()[:16]}.npz"
        if file is not None and file.is_file():
            with np.load(file) as arrays:
                return arrays["jpeg"], arrays["offsets"]
        report(f"reading the frames of {camera} in {dataset.path.name}")
        files: list[bytes] = []
        for index in range(len(dataset)):
            for frame in dataset.frames(index, camera):
                if frame.shape[:2] != size:
                    frame = np.asarray(Image.fromarray(frame).resize(size[::-1], Image.Resampling.BILINEAR))
                files.append(encode_jpeg(frame))
        offsets = np.cumsum([0] + [len(data) for data in files], dtype=np.int64)
        jpeg = np.frombuffer(b"".join(files), dtype=np.uint8)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(f".{os.getpid()}.partial")
            with open(partial, "wb") as stream:
                np.savez(stream, jpeg=jpeg, offsets=offsets)
            partial.replace(file)
        return jpeg, offsets

    def jpeg(self, episode: StoredEpisode, step: int, camera: str) -> bytes:
        """The frame of a step as JPEG."""
        data, offsets = self._jpeg[episode.dataset][camera]
        place = episode.first_frame + step
        return data[offsets[place] : offsets[place + 1]].tobytes()

    def frame(self, episode: StoredEpisode, step: int, camera: str) -> np.ndarray:
        """The frame of a step, uint8 ``[h, w, 3]``."""
        return decode_picture(self.jpeg(episode, step, camera))
