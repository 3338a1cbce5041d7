"""Shards stay encoded until a batch needs them, and batches are what they were when everything was decoded at once."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from conftest import write_shard
from PIL import Image

from data import Dataset, patches_of
from shards import map_member, read_shard
from spec import ACTION_RANGE, FRAME_SIZE, Recipe, quantise
from uio2_train.tokenizer import Tokenizer


def decode_all(path: Path) -> np.ndarray:
    """Every frame of a shard, decoded at once: uint8 ``[n, 2, h, w, 3]``."""
    shard = np.load(path)
    data = shard["jpeg"].tobytes()
    frames = [
        np.asarray(Image.open(io.BytesIO(data[start:end])).convert("RGB"))
        for start, end in zip(shard["offsets"][:-1], shard["offsets"][1:], strict=True)
    ]
    return np.stack(frames).reshape(-1, 2, FRAME_SIZE, FRAME_SIZE, 3)


def test_mapped_bytes_are_the_file_s(tmp_path: Path) -> None:
    frames = write_shard(tmp_path / "a.npz", 3)
    mapped = map_member(tmp_path / "a.npz", "jpeg")
    assert isinstance(mapped, np.memmap) and mapped.tobytes() == b"".join(frames)


def test_frames_are_decoded_as_before(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.npz", 5)
    samples, everything = read_shard(tmp_path / "a.npz"), decode_all(tmp_path / "a.npz")
    assert all((samples.frames(row) == everything[row]).all() for row in range(5))


def test_a_batch_equals_the_old_loader_s(folder: Path, recipe: Recipe, vocabulary: Path) -> None:
    dataset = Dataset(folder, recipe, Tokenizer.load(vocabulary))
    assert len(dataset) == 24  # the held-out shard is left out
    indices = np.array([3, 17, 3, 0])
    batch = dataset.batch(indices)
    path = folder / "demonstrations-00003.npz"
    assert torch.equal(batch.patches, patches_of(decode_all(path))[indices])
    plan = np.load(path)["plan"][indices]
    assert torch.equal(batch.action_bins, torch.from_numpy(quantise(plan, ACTION_RANGE)).flatten(1))
    assert batch.text.shape[0] == 4 and batch.text.shape[1] % 4 == 0
    assert (batch.text.diff(dim=1)[batch.text[:, :-1] == 0] == 0).all(), "nothing follows where there is none"


def test_held_out_resets_are_apart(folder: Path, recipe: Recipe, vocabulary: Path) -> None:
    assert len(Dataset(folder, recipe, Tokenizer.load(vocabulary), validation=True)) == 6


def test_new_shards_are_taken_in(folder: Path, recipe: Recipe, vocabulary: Path) -> None:
    dataset = Dataset(folder, recipe, Tokenizer.load(vocabulary))
    write_shard(folder / "dagger-002-reach-v3.npz", 4)
    assert dataset.refresh() == 28
    assert dataset.rounds("demonstrations") == 4 and dataset.rounds("dagger") == 3
    assert dataset.batch(np.array([27])).text.shape[0] == 1


def test_tasks_are_drawn_by_their_weights(folder: Path, recipe: Recipe, vocabulary: Path, tmp_path: Path) -> None:
    sampling = tmp_path / "sampling.json"
    weights = {recipe.tasks[0]: 0.5, recipe.tasks[1]: 1.0, recipe.tasks[2]: 0.5}
    sampling.write_text(json.dumps({"weights": weights, "successes": {}}))
    write_shard(folder / "demonstrations-00004.npz", 1)  # one more sample of the first task changes nothing
    dataset = Dataset(folder, recipe, Tokenizer.load(vocabulary), sampling=sampling)
    drawn = Counter(dataset.batch_tasks(dataset.draw(np.random.default_rng(0), 8_000)).tolist())
    assert abs(drawn[0] - 2_000) < 200 and abs(drawn[1] - 4_000) < 200 and abs(drawn[2] - 2_000) < 200
