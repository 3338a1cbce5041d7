"""Shards of labelled observations: one ``.npz`` file with JPEG frames, proprioception, expert plans and positions."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from spec import CAMERAS, FRAME_SIZE, JPEG_QUALITY


def encode_jpeg(frame: np.ndarray) -> bytes:
    """A frame uint8 ``[h, w, 3]`` as JPEG, quality 95, 4:4:4."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def decode_jpeg(data: bytes) -> np.ndarray:
    """JPEG bytes to a frame uint8 ``[h, w, 3]``."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@dataclass
class ShardWriter:
    """Collects samples and writes them as one file."""

    frames: list[bytes] = field(default_factory=list)
    rows: dict[str, list[np.ndarray | int]] = field(
        default_factory=lambda: {"proprioception": [], "plan": [], "positions": [], "task": [], "seed": []}
    )

    def add(
        self,
        frames: list[bytes],
        proprioception: np.ndarray,
        plan: np.ndarray,
        positions: np.ndarray,
        task: int,
        seed: int,
    ) -> None:
        """Adds a sample: a JPEG a camera, ``[4]``, ``[chunk, 4]``, ``[6]``, the task's index and the reset's seed."""
        self.frames.extend(frames)
        for name, value in zip(self.rows, (proprioception, plan, positions, task, seed), strict=True):
            self.rows[name].append(value)

    def write(self, path: Path) -> None:
        """Writes the shard; a reader never sees a half-written file."""
        offsets = np.cumsum([0] + [len(frame) for frame in self.frames], dtype=np.int64)
        arrays = {name: np.asarray(values) for name, values in self.rows.items()}
        temporary = path.with_suffix(".partial")
        with open(temporary, "wb") as file:
            np.savez(file, jpeg=np.frombuffer(b"".join(self.frames), dtype=np.uint8), offsets=offsets, **arrays)
        os.replace(temporary, path)


@dataclass
class Samples:
    """Decoded samples of many shards.

    frames uint8 ``[n, cameras, h, w, 3]``; proprioception f32 ``[n, 4]``; plan f32 ``[n, chunk, 4]``;
    positions f32 ``[n, 6]``; task int64 ``[n]``; seed int64 ``[n]``.
    """

    frames: np.ndarray
    proprioception: np.ndarray
    plan: np.ndarray
    positions: np.ndarray
    task: np.ndarray
    seed: np.ndarray

    def __len__(self) -> int:
        return len(self.task)


def read_shards(paths: list[Path]) -> Samples:
    """Reads and decodes shards; about 20 000 samples take 2 GB."""
    shards = [np.load(path) for path in paths]
    counts = [len(shard["task"]) for shard in shards]
    frames = np.empty((sum(counts), len(CAMERAS), FRAME_SIZE, FRAME_SIZE, 3), dtype=np.uint8)
    flat = frames.reshape(-1, FRAME_SIZE, FRAME_SIZE, 3)
    encoded = [
        data[start:end]
        for shard in shards
        for data, offsets in [(shard["jpeg"].tobytes(), shard["offsets"])]
        for start, end in zip(offsets[:-1], offsets[1:], strict=True)
    ]

    def decode(index: int) -> None:
        flat[index] = decode_jpeg(encoded[index])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode, range(len(encoded)), chunksize=64))
    rows = {
        name: np.concatenate([shard[name] for shard in shards])
        for name in ("proprioception", "plan", "positions", "task", "seed")
    }
    return Samples(frames=frames, **rows)
