"""Shards of labelled observations: one ``.npz`` file with JPEG frames, proprioception, expert plans and positions.

A shard is read without its frames, which stay in the file, mapped into memory, until a batch decodes the few it needs:
20 kB of page cache a sample, which the system may take back, in place of 98 kB that stay.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from spec import CAMERAS, FRAME_SIZE, JPEG_QUALITY

_ROWS = ("proprioception", "plan", "positions", "task", "seed")


def encode_jpeg(frame: np.ndarray) -> bytes:
    """A frame uint8 ``[h, w, 3]`` as JPEG, quality 95, 4:4:4."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def decode_jpeg(data: bytes | np.ndarray) -> np.ndarray:
    """JPEG bytes to a frame uint8 ``[h, w, 3]``."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@dataclass
class ShardWriter:
    """Collects samples and writes them as one file."""

    frames: list[bytes] = field(default_factory=list)
    rows: dict[str, list[np.ndarray | int]] = field(default_factory=lambda: {name: [] for name in _ROWS})

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
        for name, value in zip(_ROWS, (proprioception, plan, positions, task, seed), strict=True):
            self.rows[name].append(value)

    def write(self, path: Path) -> None:
        """Writes the shard; a reader never sees a half-written file."""
        offsets = np.cumsum([0] + [len(frame) for frame in self.frames], dtype=np.int64)
        arrays = {name: np.asarray(values) for name, values in self.rows.items()}
        temporary = path.with_suffix(".partial")
        with open(temporary, "wb") as file:
            np.savez(file, jpeg=np.frombuffer(b"".join(self.frames), dtype=np.uint8), offsets=offsets, **arrays)
        os.replace(temporary, path)


def map_member(path: Path, name: str) -> np.ndarray:
    """An array of an uncompressed ``.npz`` file, mapped into memory and not read."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{path}: {name} is compressed")
    with open(path, "rb") as file:
        file.seek(member.header_offset + 26)  # the lengths of the local header's name and extra field
        file.seek(sum(struct.unpack("<HH", file.read(4))), os.SEEK_CUR)
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = read_header[version](file)
        return np.memmap(path, dtype, "r", file.tell(), shape, "F" if fortran else "C")


@dataclass
class Samples:
    """Samples of a shard; frames stay encoded.

    jpeg uint8 ``[bytes]`` and offsets int64 ``[n * cameras + 1]``; proprioception f32 ``[n, 4]``; plan f32
    ``[n, chunk, 4]``; positions f32 ``[n, 6]``; task int64 ``[n]``; seed int64 ``[n]``.
    """

    jpeg: np.ndarray
    offsets: np.ndarray
    proprioception: np.ndarray
    plan: np.ndarray
    positions: np.ndarray
    task: np.ndarray
    seed: np.ndarray

    def __len__(self) -> int:
        return len(self.task)

    def frames(self, row: int) -> np.ndarray:
        """The decoded frames of a sample, uint8 ``[cameras, h, w, 3]``."""
        frames = np.empty((len(CAMERAS), FRAME_SIZE, FRAME_SIZE, 3), dtype=np.uint8)
        for camera, frame in enumerate(frames):
            start, end = self.offsets[row * len(CAMERAS) + camera :][:2]
            frame[:] = decode_jpeg(self.jpeg[start:end].tobytes())
        return frames


def read_shard(path: Path) -> Samples:
    """Reads a shard's rows and maps its frames."""
    with np.load(path) as shard:
        rows = {name: shard[name] for name in ("offsets", *_ROWS)}
    return Samples(jpeg=map_member(path, "jpeg"), **rows)
