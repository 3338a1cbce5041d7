"""What each policy sees and says: tasks, cameras, ranges, quantisation and the seeds each stage may use.

A ``Recipe`` holds whatever differs between the policies trained here; ``RECIPES`` names them. Everything else in this
module is common to all.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "Envs"))

from uio2_envs.metaworld_tasks import INSTRUCTIONS  # noqa: E402

CAMERAS = {"corner2": 30.0, "topview": 45.0}
"""Camera name to vertical field of view in degrees; the order is that of every stored frame pair."""
FRAME_SIZE = 128
JPEG_QUALITY = 95
CHUNK_LENGTH = 4
ACTION_DIMENSIONS = 4
POSITIONS = 6
"""Numbers of the auxiliary answer: x, y, z of the object and of the goal."""
BINS = 1000

ACTION_RANGE = np.array([[-1.0, 1.0]] * ACTION_DIMENSIONS)
"""``[4, 2]`` native actions; a translation of 1 is 0.01 m, so this is the same grid as metres from -0.01 to 0.01."""

# Seeds of resets. The ranges are disjoint: nothing that is trained or selected on is ever used for a reported figure.
TEST_SEEDS = 0  # 0 .. 9,999: reported figures only
SELECTION_SEEDS = 10_000  # 10,000 .. 19,999: looked at while training
TRAINING_SEEDS = 1_000_000  # demonstrations
HELD_OUT_SEEDS = 1_900_000  # demonstrations that no gradient sees (metaworld-mt50)
DAGGER_SEEDS = 2_000_000  # states that the policy itself visited


@dataclass(frozen=True)
class Recipe:
    """What differs between the policies.

    ``proprioception`` ``[4, 2]`` is minimum and maximum of end effector x, y, z (metres) and gripper opening;
    ``positions`` ``[6, 2]`` of the object's and the goal's position in the auxiliary target.
    """

    name: str
    tasks: tuple[str, ...]
    proprioception: np.ndarray
    positions: np.ndarray
    episodes: Mapping[str, int]
    """Demonstrations of each task in a round."""
    seeds_a_round: int
    """Distance of the first seeds of two rounds."""
    record_every: int
    """Control steps between recorded states of a demonstration."""
    maximum_steps: int
    size: str
    """A key of ``config.SIZES``."""
    vocabulary: int
    many_wordings: bool
    """Whether an instruction is said in several ways, with case, punctuation and spacing varied."""
    task_weight: Mapping[str, float] = field(default_factory=dict)
    """How much more often a task's samples are drawn (1 when absent)."""
    retry_failures: bool = False
    """Whether a demonstration that fails is tried again with a weaker disturbance."""
    balance_tasks: bool = False
    """Whether tasks are drawn by their weights alone, whatever their numbers of samples."""
    held_out: frozenset[str] = frozenset({"held-out.npz"})
    """Shards that are never trained on."""
    begins_from: str | None = None
    """The folder in ``Policies`` of a policy of the same size whose weights a new run begins with (``warm_start.py``)."""
    total_samples: int = 1_500_000
    """Length of the schedule of a new run (``schedule.py``)."""
    first_flight_minutes: float = 35.0
    """Minutes of training before the policy first flies (DAgger)."""
    samples_a_flight: int = 40_000
    """A DAgger round is flown each time the trainer has seen this many more samples."""

    @cached_property
    def index(self) -> dict[str, int]:
        """Task name to its index in ``tasks``."""
        return {task: index for index, task in enumerate(self.tasks)}

    def training_seeds(self, number: int, task: str, count: int) -> range:
        """The seeds of ``count`` demonstrations of ``task`` in round ``number``."""
        spacing = max(10, *self.episodes.values())
        first = TRAINING_SEEDS + number * self.seeds_a_round + self.index[task] * spacing
        return range(first, first + count)

    def dagger_seeds(self, number: int, task: str, count: int) -> range:
        """The seeds of ``count`` of the policy's own episodes of ``task`` in round ``number``."""
        spacing = 10_000 // max(10, len(self.tasks))
        first = DAGGER_SEEDS + number * 10_000 + self.index[task] * spacing
        return range(first, first + min(count, spacing))

    def held_out_seeds(self, task: str, count: int) -> range:
        """The seeds of ``count`` demonstrations of ``task`` that are never trained on."""
        first = HELD_OUT_SEEDS + self.index[task] * 100
        return range(first, first + min(count, 100))


_FREE_GOALS = frozenset(
    f"{name}-v3"
    for name in (
        "basketball", "box-close", "coffee-pull", "coffee-push", "disassemble", "hand-insert", "peg-insert-side",
        "pick-out-of-hole", "pick-place", "pick-place-wall", "push", "push-back", "push-wall", "reach", "reach-wall",
        "shelf-place", "soccer", "stick-pull",
    )
)  # fmt: skip
"""Tasks whose goal is drawn apart from the object: they need the most resets."""

_MT5_EPISODES = {
    "reach-v3": 8, "push-v3": 8, "drawer-close-v3": 4, "button-press-topdown-v3": 4, "door-open-v3": 4
}  # fmt: skip
_MT5_RANGE = np.array([[-0.5, 0.5], [0.3, 1.0], [0.0, 0.5], [0.0, 1.0]])

MT5 = Recipe(
    name="metaworld-mt5",
    tasks=tuple(_MT5_EPISODES),
    proprioception=_MT5_RANGE,
    positions=np.concatenate([_MT5_RANGE[:3], _MT5_RANGE[:3]]),
    episodes=_MT5_EPISODES,
    seeds_a_round=100,
    record_every=4,
    maximum_steps=240,
    size="mt5",
    vocabulary=640,
    many_wordings=False,
    task_weight={"reach-v3": 2.5},  # its goal is the hardest thing to see
    held_out=frozenset(f"demonstrations-{number:05d}.npz" for number in (0, 1, 100)),
)

_MT10_EPISODES = {
    "reach-v3": 6, "push-v3": 8, "pick-place-v3": 14, "door-open-v3": 3, "drawer-open-v3": 4, "drawer-close-v3": 3,
    "button-press-topdown-v3": 3, "peg-insert-side-v3": 14, "window-open-v3": 4, "window-close-v3": 4,
}  # fmt: skip

# Meta-World's MT10. Ranges and size are those of metaworld-mt5, whose weights it begins with.
MT10 = Recipe(
    name="metaworld-mt10",
    tasks=tuple(_MT10_EPISODES),
    proprioception=_MT5_RANGE,
    positions=MT5.positions,
    episodes=_MT10_EPISODES,
    seeds_a_round=1_000,
    record_every=5,
    maximum_steps=280,
    size="mt5",
    vocabulary=960,
    many_wordings=True,
    task_weight={"reach-v3": 1.5, "pick-place-v3": 2.0, "peg-insert-side-v3": 2.0, "push-v3": 1.5},
    retry_failures=True,
    balance_tasks=True,
    begins_from="metaworld-mt5",
    total_samples=400_000,
    first_flight_minutes=15.0,
    samples_a_flight=15_000,
)

# Seen in 400 episodes of the disturbed experts of all tasks: hand x -0.51..0.51, y 0.39..0.91, z 0.04..0.50, opening
# 0.26..1; objects and goals x -0.66..0.56, y 0.25..0.95, z -0.03..0.45 (README.md).
MT50 = Recipe(
    name="metaworld-mt50",
    tasks=tuple(INSTRUCTIONS),
    proprioception=np.array([[-0.55, 0.55], [0.3, 1.05], [0.0, 0.55], [0.0, 1.0]]),
    positions=np.array([[-0.7, 0.7], [0.2, 1.05], [-0.05, 0.5]] * 2),
    episodes={task: 3 if task in _FREE_GOALS else 2 for task in INSTRUCTIONS},
    seeds_a_round=1_000,
    record_every=8,
    maximum_steps=320,
    size="mt50",
    vocabulary=1280,
    many_wordings=True,
    retry_failures=True,
    balance_tasks=True,
)

RECIPES = {recipe.name: recipe for recipe in (MT5, MT10, MT50)}


def quantise(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Values ``[..., d]`` to bins 0..999 (int64 ``[..., d]``) of ``limits`` ``[d, 2]``, rounding half up in float64."""
    minimum, maximum = limits[:, 0], limits[:, 1]
    unit = np.clip((np.asarray(values, dtype=np.float64) - minimum) / (maximum - minimum), 0.0, 1.0)
    return np.floor(unit * (BINS - 1) + 0.5).astype(np.int64)


def dequantise(bins: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Bins ``[..., d]`` to values (float64 ``[..., d]``) of ``limits`` ``[d, 2]``."""
    minimum, maximum = limits[:, 0], limits[:, 1]
    return minimum + np.asarray(bins, dtype=np.float64) / (BINS - 1) * (maximum - minimum)
