"""Sentences that between them say every number at every place, executed by physics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from .model import Thing
from .sentence import BINS, bins, move_of, read, say
from .world import Outcome, World
from .moves import PRIMITIVES, Pose

_PLACES = 6
_SCENE = (
    (Thing("square", "red"), Pose(0.4, -0.25, 0.3)),
    (Thing("bowl", "blue"), Pose(0.6, 0.2)),
    (Thing("ring", "yellow"), Pose(0.38, 0.3)),
    (Thing("ell", "green"), Pose(0.6, -0.1, 1.0)),
)
_LIFETIME = 25
"""Sentences after which the table is laid anew: by then most things lie where no sentence reaches them."""


def sentences(stride: int = 1, primitives: Sequence[str] = PRIMITIVES) -> Iterator[str]:
    """Each of every ``stride``-th location, and the last, at each of the six places, with each of some primitives."""
    random = np.random.default_rng(0)
    chosen = np.unique(np.append(np.arange(0, BINS, stride), BINS - 1))
    for primitive in PRIMITIVES:
        # Drawn whether or not it is asked for, so that a part has the sentences of the whole.
        for numbers in np.stack([random.permutation(chosen) for _ in range(_PLACES)], axis=1):
            if primitive not in primitives:
                continue
            yield say([move_of(primitive, [int(number) for number in numbers])])


def execute_all(stride: int = 1, primitives: Sequence[str] = PRIMITIVES) -> tuple[Counter[str], float]:
    """Executes them on a table with a few things.

    Returns:
        How often each outcome came, and the farthest that the hand met the scene from where it was sent, along
        either axis, in half bins.
    """
    outcomes: Counter[str] = Counter()
    farthest = 0.0
    world: World | None = None
    for number, sentence in enumerate(sentences(stride, primitives)):
        if world is None or number % _LIFETIME == 0:
            world = World([thing for thing, _ in _SCENE], {index: pose for index, (_, pose) in enumerate(_SCENE)})
        (move,) = read(sentence)
        if say([move]) != sentence or bins(move) != bins(read(say([move]))[0]):
            raise AssertionError(f"said and read, {sentence!r} has become {say([move])!r}")
        report = world.execute(move)
        outcomes[str(report.outcome)] += 1
        off = (
            abs(report.began.x - move.start.x) / (0.25 / (BINS - 1)),
            abs(report.began.y - move.start.y) / (0.5 / (BINS - 1)),
        )
        if report.outcome != Outcome.BLOCKED:  # A blade that came down on a thing was held up on its way.
            farthest = max(farthest, *off)
    return outcomes, farthest
