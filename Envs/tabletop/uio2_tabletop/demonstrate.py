"""Demonstrations of the oracles: what is asked, what is seen, and the sentence that answers it.

Each is the beginning of an episode of the level ``train`` and the oracle's whole plan, which succeeds; so nothing has
to be executed. They are written in the format ``uio2-sentences`` of docs/training.md, a file a few hundred of them,
and a file that is there already is not made again: what was broken off goes on.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from . import shapes, tasks, textures
from .moves import X_RANGE, Y_RANGE, Pose
from .pictures import SCENE_SIZE, THING_SIZE, Painter
from .trial import Trial

FORMAT, VERSION = "uio2-sentences", 1
SEEDS = 28
"""Of each family in a file."""
LEVEL = "train"


def demonstrate(folder: Path, first: int, count: int, families: Sequence[str], say_line: Callable[[str], None]) -> None:
    """Writes the files ``first`` to ``first + count - 1``, as far as they are not there."""
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    description = {
        "format": FORMAT,
        "version": VERSION,
        "camera": {"name": "top", "width": SCENE_SIZE[0], "height": SCENE_SIZE[1]},
        "x": list(X_RANGE),
        "y": list(Y_RANGE),
        "maximum_steps": max(family.moves for family in tasks.FAMILIES.values()),
        "labels": {
            "shape": [name for kind in ("movable", "container", "mark") for name in shapes.names(kind, new=False)],
            "texture": list(textures.KNOWN),
        },
    }
    _write(folder / "dataset.json", (json.dumps(description, indent=1) + "\n").encode())
    for number in range(first, first + count):
        file = folder / "shards" / f"{number:06d}.npz"
        if file.exists():
            continue
        pictures: list[bytes] = []
        samples = []
        for seed in range(number * SEEDS, (number + 1) * SEEDS):
            samples += [sample(f"{family}-{LEVEL}", seed, pictures) for family in families]
        stream = io.BytesIO()
        np.savez(
            stream,
            jpeg=np.frombuffer(b"".join(pictures), dtype=np.uint8),
            offsets=np.cumsum([0] + [len(data) for data in pictures], dtype=np.int64),
            samples=np.frombuffer(json.dumps(samples).encode(), dtype=np.uint8),
        )
        _write(file, stream.getvalue())
        say_line(f"{file.name}: {len(samples)} demonstrations")


def sample(task: str, seed: int, pictures: list[bytes]) -> dict[str, Any]:
    """The demonstration of an episode; what it shows is added to ``pictures`` as JPEG.

    Returns:
        ``prompt``: words, and numbers of pictures; ``image``: that of what the camera sees; ``moves``: a primitive and
        six numbers each. ``things``: shape, texture, and middle and radius in pixels, of all that lies on the table;
        ``shown``: the same of what is in each picture of the prompt: for losses that no policy needs.
    """
    trial = Trial(task, seed)
    world, things = trial.world, trial.world.things

    def keep(picture: np.ndarray) -> int:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, format="JPEG", quality=95, subsampling=0)
        pictures.append(stream.getvalue())
        return len(pictures) - 1

    def described(index: int, pose: Pose) -> list[Any]:
        """What a picture of the table has, of the thing at a pose."""
        thing, size = things[index], (Y_RANGE[1] - Y_RANGE[0]) / SCENE_SIZE[0]
        u, v = (pose.y - Y_RANGE[0]) / size, (pose.x - X_RANGE[0]) / size
        return [thing.shape, thing.texture, *(round(float(value), 1) for value in (u, v, thing.radius / size))]

    def alone(index: int) -> list[Any]:
        """What a picture of one thing has."""
        thing, side = things[index], THING_SIZE[0]
        half = Painter.half_field(thing)
        return [thing.shape, thing.texture, side / 2, side / 2, round(thing.radius / half * side / 2, 1)]

    image = keep(trial.painter.scene("top", *SCENE_SIZE))
    prompt, shown = [], []
    for part, picture in zip(trial.episode.prompt, trial.prompt, strict=True):
        if isinstance(part, str):
            prompt.append(part)
            continue
        prompt.append(keep(picture))
        is_scene = part.thing is None
        shown.append([described(*pair) for pair in part.scene] if is_scene else [alone(part.thing)])
    found = {
        "task": task,
        "seed": seed,
        "prompt": prompt,
        "image": image,
        "moves": [[move.primitive, *(round(float(value), 6) for value in move.values)] for move in trial.plan()],
        "things": [
            described(index, world.pose(index)) for index, thing in enumerate(things) if thing.on_table
        ],
        "shown": shown,
    }
    trial.close()
    return found


def _write(file: Path, data: bytes) -> None:
    """A reader sees the file whole or not at all."""
    partial = file.with_suffix(f".{os.getpid()}.partial")
    partial.write_bytes(data)
    os.replace(partial, file)
