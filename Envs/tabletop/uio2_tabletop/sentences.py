"""Sentences that between them say every number at every place, executed by physics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from .hand import HandPose
from .model import Thing
from .moves import PRIMITIVES, Move, Pose
from .sentence import BINS, bins, move_of, read, say
from .world import Outcome, World

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


def execute_all(stride: int = 1, primitives: Sequence[str] = PRIMITIVES) -> tuple[Counter[str], float, float]:
    """Executes them on a table with a few things.

    Returns:
        How often each outcome came; the farthest that the hand was, above a place, from where it was sent; and the
        farthest that it met the scene from there, where it was done. Along either axis, in half bins. An edge may push
        the cup or the blade aside on its way down, which shows in the latter.
    """
    outcomes: Counter[str] = Counter()
    farthest, landed = 0.0, 0.0
    world: World | None = None
    for number, sentence in enumerate(sentences(stride, primitives)):
        if world is None or number % _LIFETIME == 0:
            world = World([thing for thing, _ in _SCENE], {index: pose for index, (_, pose) in enumerate(_SCENE)})
        (move,) = read(sentence)
        if say([move]) != sentence or bins(move) != bins(read(say([move]))[0]):
            raise AssertionError(f"said and read, {sentence!r} has become {say([move])!r}")
        report = world.execute(move)
        outcomes[str(report.outcome)] += 1
        farthest = max(farthest, _half_bins(report.over, move))
        if report.outcome == Outcome.DONE:
            landed = max(landed, _half_bins(report.began, move))
    return outcomes, farthest, landed


def _half_bins(pose: HandPose, move: Move) -> float:
    """How far a pose is from a move's beginning."""
    x, y = abs(pose.x - move.start.x), abs(pose.y - move.start.y)
    return max(x / (0.25 / (BINS - 1)), y / (0.5 / (BINS - 1)))
