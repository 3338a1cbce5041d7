"""Makes the trainer's modules importable, and a small run: a tiny model and shards of random samples."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import config  # noqa: E402
from shards import ShardWriter, encode_jpeg  # noqa: E402
from spec import ACTION_DIMENSIONS, CAMERAS, CHUNK_LENGTH, FRAME_SIZE, MT50, Recipe  # noqa: E402

config.SIZES["tiny"] = config.Size(64, 64, 1, 1, 64, 64, 2, 4)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """metaworld-mt50 with a tiny model."""
    return replace(MT50, size="tiny")


def write_shard(path: Path, count: int, seed: int = 0) -> list[bytes]:
    """Writes ``count`` random samples of the first three tasks; returns the JPEG frames in order."""
    random = np.random.default_rng(seed)
    writer = ShardWriter()
    for number in range(count):
        coarse = random.integers(0, 256, (len(CAMERAS), 8, 8, 3), dtype=np.uint8)
        frames = [encode_jpeg(frame.repeat(FRAME_SIZE // 8, 0).repeat(FRAME_SIZE // 8, 1)) for frame in coarse]
        state = random.uniform([-0.5, 0.4, 0.0, 0.0], [0.5, 0.9, 0.5, 1.0]).astype(np.float32)
        plan = random.uniform(-1, 1, (CHUNK_LENGTH, ACTION_DIMENSIONS)).astype(np.float32)
        writer.add(frames, state, plan, random.uniform(0, 0.4, 6).astype(np.float32), number % 3, number)
    writer.write(path)
    return writer.frames


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one shard to train on and one that is held out."""
    shards = tmp_path / "shards"
    shards.mkdir()
    write_shard(shards / "demonstrations-00003.npz", 24)
    write_shard(shards / "held-out.npz", 6, seed=1)
    return shards


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> Path:
    """The tokenizer's file of metaworld-mt50."""
    import tokenizer

    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    tokenizer.train(path, recipe)
    return path


@pytest.fixture
def options() -> argparse.Namespace:
    """What ``train.py`` would have read from its command line."""
    return argparse.Namespace(device="cpu", threads=1, slices=2, batch=6, seed=0, minutes=0.0, for_minutes=math.inf)
