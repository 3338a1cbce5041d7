"""VIMA-Bench as a body: ``vima:visual_manipulation-l1``, from a checkout that the user names (``vima_checkout.py``).

Tasks, partitions, scenes, prompts, oracles and the rule for success are the benchmark's own. Its ``make`` is called anew for
each episode, so that an episode depends on its seed alone. Parts of it speak to the first simulation of the process whatever
they are given; so one environment of a process runs at a time, and a reset ends the episode of another.
"""

from __future__ import annotations

import copy
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from uio2_tabletop.moves import PICK_AND_PLACE, PUSH, Move
from uio2_tabletop.sentence import RANGES, read, say

from ..environment import Command, Environment, EnvironmentFailure, Quantity, Specification
from . import vima_checkout
from .vima_body import Body

logger = logging.getLogger(__name__)

LEVELS = {
    "train": "train",
    "l1": "placement_generalization",
    "l2": "combinatorial_generalization",
    "l3": "novel_object_generalization",
    "l4": "novel_task_generalization",
}
"""The benchmark's partitions; l1 to l4 are the paper's names."""

_EVERYWHERE = ("train", "l1", "l2", "l3")
_LEVELS_OF: dict[str, tuple[str, ...]] = {
    "visual_manipulation": _EVERYWHERE,
    "scene_understanding": _EVERYWHERE,
    "rotate": _EVERYWHERE,
    "sweep_without_exceeding": ("train", "l1", "l2"),
    "sweep_without_touching": ("l4",),
    "novel_adj_and_noun": ("l4",),
    "novel_adj": _EVERYWHERE,
    "novel_noun": _EVERYWHERE,
    "twist": _EVERYWHERE,
    "follow_motion": ("l4",),
    "follow_order": _EVERYWHERE,
    "rearrange": _EVERYWHERE,
    "manipulate_old_neighbor": _EVERYWHERE,
    "pick_in_order_then_restore": _EVERYWHERE,
    "rearrange_then_restore": _EVERYWHERE,
    "same_texture": ("l4",),
    "same_shape": _EVERYWHERE,
}

TASKS: Mapping[str, str] = {
    f"{name}-{level}": f"VIMA-Bench, {name.replace('_', ' ')}: what is asked for is the episode's own"
    for name, levels in _LEVELS_OF.items()
    for level in levels
}

PACKAGES = (vima_checkout.PACKAGE, "pybullet", "gym", "numpy")
"""What the physics, and so every result, depends on."""

SCENE_CHANGES: frozenset[str] = frozenset()
"""No perturbation of the scene: partitions are what varies here."""

CHECKOUT = vima_checkout.find()
CHECKOUTS = {vima_checkout.PACKAGE: (CHECKOUT, vima_checkout.version(CHECKOUT))}
"""A package that is installed nowhere: where it lies, and which it is."""

CONTROL_RATE = 0.25
"""Primitives a second of simulated time, about."""
_STEP_LIMITS = {"follow_motion": 6, "follow_order": 6, "same_texture": 6, "twist": 7, "pick_in_order_then_restore": 7}
_BONUS_STEPS = 2
"""Beyond what its oracle may need, as the paper's own evaluation allows."""
_SCENES_TRIED = 10
_SHORTEST_PUSH = 0.001
CAMERAS = ("top", "front")
PICTURE_SIZE = (256, 128)
_OBJECT_COLUMNS = slice(64, 192)
"""Of a prompt's picture of an object: it stands in the middle of a picture that is otherwise empty."""

TIMED_OUT, NOTHING_THERE, TOO_SHORT, FAILED, DONE = "timed_out", "nothing_there", "too_short", "failed", "done"
"""What comes of a primitive. ``failed``: the task cannot be done any more, which the benchmark ends an episode for."""


class VimaEnvironment(Environment):
    """One task of one partition.

    Args:
        task: a name of ``TASKS``.
    """

    goal_protocol = "vima"

    _running: VimaEnvironment | None = None
    """The one environment of this process that has a simulation."""

    def __init__(self, task: str) -> None:
        super().__init__(task, TASKS[task])
        self._bench = vima_checkout.load()
        self._name, _, level = task.rpartition("-")
        specifications = self._bench.PARTITION_TO_SPECS
        partition = specifications["train"] if level == "train" else specifications["test"][LEVELS[level]]
        self._options: dict[str, Any] = partition[self._name] or {}
        classes = {name.split("/")[1]: kind for name, kind in self._bench.tasks.ALL_TASKS.items()}
        known = classes[self._name](debug=False, **copy.deepcopy(self._options))
        self._primitive = PUSH if known.ee.__name__ == "Spatula" else PICK_AND_PLACE
        self._limit = max(known.oracle_max_steps + _BONUS_STEPS, _STEP_LIMITS.get(self._name, 0))
        self._body: Body | None = None
        self._prompt: tuple[str | np.ndarray, ...] = ()
        self._success, self._planned = False, False
        self._look: Callable[[], None] | None = None
        units = ("m", "m", "rad")
        self._specification = Specification(
            cameras=CAMERAS,
            proprioception=(
                Quantity("end_effector_x", "m", -0.05, 0.9),
                Quantity("end_effector_y", "m", -0.7, 0.7),
                Quantity("end_effector_z", "m", -0.05, 0.6),
                Quantity("end_effector_rotation_z", "rad", -math.pi, math.pi),
            ),
            actions=tuple(
                Quantity(f"{end}_{name}", unit, *span)
                for end in ("pick", "place")
                for name, unit, span in zip(("x", "y", "rotation"), units, RANGES, strict=True)
            ),
            action_frame="base",
            action_mode="pick_and_place",
            hold="zero",
            control_rate=CONTROL_RATE,
            step_limit=self._limit,
            primitives=(self._primitive,),
            picture_size=PICTURE_SIZE,
        )

    @property
    def specification(self) -> Specification:
        return self._specification

    @property
    def prompt(self) -> tuple[str | np.ndarray, ...]:
        self._require_begun()
        return self._prompt

    def plan(self) -> list[Command]:
        """The oracle's next primitive: it looks again after each."""
        self._require_begun()
        action = self._here.oracle()
        if action is None:
            return []
        self._planned = True
        turn = 2 * math.pi
        values = [
            value
            for end in ("pose0", "pose1")
            for value in (*action[f"{end}_position"], _rotation(action[f"{end}_rotation"]) % turn)
        ]
        return [Command(np.clip(values, *np.array([*RANGES, *RANGES]).T), self._primitive)]

    def say(self, commands: Sequence[Command]) -> tuple[str, list[Command]]:
        text = say([Move.of(command.primitive, command.values) for command in commands])
        return text, [Command(move.values, move.primitive) for move in read(text)]

    def show(self, camera: str, width: int, height: int) -> np.ndarray:
        self._require_begun()
        return np.ascontiguousarray(self._here.draw(camera, width, height, arm=True))

    def marks(self, command: Command, camera: str, width: int, height: int) -> list[tuple[float, float]]:
        self._require_begun()
        x0, y0, _, x1, y1, _ = command.values
        return [self._here.pixel((x, y, 0.0), camera, width, height) for x, y in ((x0, y0), (x1, y1))]

    def watch(self, look: Callable[[], None] | None) -> None:
        self._look = look
        if self._body is not None:
            self._body.look = look

    def _reset(self, seed: int) -> None:
        if VimaEnvironment._running is not None:
            VimaEnvironment._running._close()
        VimaEnvironment._running = self
        reasons = []
        for attempt in range(_SCENES_TRIED):
            # The benchmark draws things until they fit, and gives up after a while. The next seed is far from those that anybody counts up
            # from.
            body = Body(self._bench, self._name, copy.deepcopy(self._options), seed + attempt * 2**32)
            try:
                body.begin()
            except Exception as error:  # asserts, among others
                body.close()
                reasons.append(f"{type(error).__name__}: {str(error)[:200]}")
                logger.warning("%s: seed %d has no scene (%s); trying another", self.task, seed, reasons[-1])
                continue
            self._body = body
            break
        else:
            raise EnvironmentFailure("no_scene", self.task, f"no scene in {_SCENES_TRIED} attempts: {reasons[-1]}")
        body.look = self._look
        self._prompt = tuple(_parts(body.prompt, body.assets))
        self.instruction = " ".join(part if isinstance(part, str) else "[picture]" for part in self._prompt)
        self._success, self._planned = False, False

    def _observe(self) -> Mapping[str, float]:
        x, y, z, turn = self._here.tool()
        names = [quantity.name for quantity in self._specification.proprioception]
        return dict(zip(names, (x, y, z, (turn + math.pi) % (2 * math.pi) - math.pi), strict=True))

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        # The cameras stand a kilometre away, with a field of view of their own that shows the table.
        return self._here.draw(camera, width, height)

    def _step(self, action: np.ndarray) -> bool:
        # Told no primitive, the arm waits where it is.
        self.over = self._is_last_step
        return self._success

    def _execute(self, primitive: str, action: np.ndarray) -> tuple[bool, str]:
        start, end = action[:3], action[3:]
        body = self._here
        self.over = self._is_last_step
        if primitive == PUSH and math.dist(start[:2], end[:2]) < _SHORTEST_PUSH:
            return self._success, TOO_SHORT
        # Its oracle also has goals that a policy need not reach, such as moving away what is in the way.
        self._success, failed = body.execute(start, end, is_oracle=self._planned)
        self._planned = False
        self.over = self.over or failed or body.timed_out
        if body.timed_out:
            logger.warning(
                "%s: a movement took longer than the 5 s of this machine's time that VIMA-Bench allows, which ends the "
                "episode; a machine that is less busy may have another result",
                self.task,
            )
            return self._success, TIMED_OUT
        if failed:
            return False, FAILED
        return self._success, DONE if body.found else NOTHING_THERE

    def _hold_action(self) -> np.ndarray:
        return np.array([quantity.minimum for quantity in self._specification.actions])

    def _close(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
        if VimaEnvironment._running is self:
            VimaEnvironment._running = None

    @property
    def _is_last_step(self) -> bool:
        """Whether the episode ends with the step that is being made: its own limit may be lower than its task's."""
        return self.steps + 1 >= self._here.step_limit + _BONUS_STEPS

    @property
    def _here(self) -> Body:
        if self._body is None:
            raise EnvironmentFailure("not_reset", self.task, "another environment of this process has begun an episode; call reset")
        return self._body


def make(task: str) -> VimaEnvironment:
    """The environment of ``task``, a name of ``TASKS``."""
    return VimaEnvironment(task)


def _parts(prompt: str, assets: Mapping[str, Any]) -> Iterator[str | np.ndarray]:
    """Words and pictures in order. A name without a picture stays a word."""
    words = ""
    for piece in re.split(r"(\{[^}]+\})", prompt):
        asset = assets.get(piece[1:-1]) if piece.startswith("{") else None
        if asset is None:
            words += piece
            continue
        if words.strip():
            yield words.strip()
        words = ""
        picture = np.transpose(asset["rgb"]["top"], (1, 2, 0))
        if asset["placeholder_type"] == "object":
            picture = picture[:, _OBJECT_COLUMNS]
        yield np.ascontiguousarray(picture, dtype=np.uint8)
    if words.strip():
        yield words.strip()


def _rotation(quaternion: Sequence[float]) -> float:
    """The turn about z of a quaternion (x, y, z, w)."""
    x, y, z, w = (float(value) for value in quaternion)
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
