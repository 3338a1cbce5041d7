"""What may appear in an episode: levels that hold something back from training.

| level | things | places |
| --- | --- | --- |
| ``train`` | known shapes in known textures, three of four combinations | from training's own random numbers |
| ``l1`` | as in training | from other random numbers: placement |
| ``l2`` | known shapes in known textures, the combinations held back | combination |
| ``l3`` | shapes, textures and nouns that no other level has | new objects |
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable

import numpy as np

from . import shapes, textures
from .model import Thing
from .moves import X_RANGE, Y_RANGE, Pose

LEVELS = ("train", "l1", "l2", "l3")

_NOUNS = ("plonk", "skirp", "tavo", "murl", "grebbit", "fosk", "zindle", "hob-jar")
_NEW_NOUNS = ("quandle", "brisp", "yolm", "vetch-top", "druffin", "snoal")

_GAP = 0.012
"""Metres between two things, at least."""


def generator(family: str, level: str, seed: int) -> np.random.Generator:
    """The random numbers of an episode: no two levels share a stream, whatever their seeds."""
    return np.random.default_rng([zlib.crc32(f"tabletop/{family}/{level}".encode()), seed])


def combinations(kind: str, level: str) -> tuple[tuple[str, str], ...]:
    """Shapes and textures that go together at a level: pairs of names.

    Args:
        kind: ``"movable"``, ``"container"`` or ``"mark"``.
        level: one of ``LEVELS``.
    """
    if level == "l3":
        # There are no new marks: a mat is a mat, in a new texture.
        named = shapes.names(kind, new=kind != "mark")
        return tuple((shape, texture) for shape in named for texture in textures.NEW)
    held_back = level == "l2"
    return tuple(
        (shape, texture)
        for i, shape in enumerate(shapes.names(kind, new=False))
        for j, texture in enumerate(textures.KNOWN)
        if ((i + j) % 4 == 3) == held_back
    )


class Draw:
    """Draws the things of one episode.

    Args:
        random: the episode's.
        level: one of ``LEVELS``.
    """

    def __init__(self, random: np.random.Generator, level: str) -> None:
        self.random, self._level = random, level

    def thing(
        self,
        kind: str,
        accept: Callable[[str, str], bool] = lambda shape, texture: True,
        *,
        scale: float = 1.0,
        on_table: bool = True,
    ) -> Thing:
        """One of the level's things of this kind for which ``accept(shape, texture)`` holds."""
        pairs = [pair for pair in combinations(kind, self._level) if accept(*pair)]
        shape, texture = pairs[self.random.integers(len(pairs))]
        return Thing(shape, texture, scale, on_table)

    def nouns(self, count: int) -> list[str]:
        """Made-up words, all different."""
        known = _NEW_NOUNS if self._level == "l3" else _NOUNS
        return [str(noun) for noun in self.random.permutation(known)[:count]]

    def one_of(self, choices: Iterable[str]) -> str:
        """Any of some sentences."""
        known = list(choices)
        return known[self.random.integers(len(known))]


class Floor:
    """Finds free places on the table.

    Args:
        random: the episode's.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._taken: list[tuple[float, float, float]] = []

    def place(self, radius: float, rotation: float | None = None) -> Pose | None:
        """A free place for something of this radius, which is then taken; ``None`` when none was found."""
        for _ in range(200):
            x = self._random.uniform(X_RANGE[0] + radius, X_RANGE[1] - radius)
            y = self._random.uniform(Y_RANGE[0] + radius, Y_RANGE[1] - radius)
            if all(np.hypot(x - a, y - b) > radius + other + _GAP for a, b, other in self._taken):
                self._taken.append((x, y, radius))
                turn = self._random.uniform(0, 2 * np.pi) if rotation is None else rotation
                return Pose(float(x), float(y), float(turn))
        return None
