"""The table as an environment: ``tabletop:put-into-l1``.

An action is a primitive and its six numbers, as in the daemon's ``pick_and_place`` action space. The instruction has
pictures in it, so each episode has a ``prompt``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

import numpy as np
from uio2_envs.adapters.opengl import choose_backend
from uio2_envs.environment import Command, Environment, EnvironmentFailure, Quantity, Specification

if find_spec("mujoco") is None:
    raise EnvironmentFailure(
        "simulator_missing", "tabletop", "not installed here: mujoco; run: pip install -r Envs/requirements.txt"
    )
choose_backend()

from . import tasks  # noqa: E402  (MuJoCo reads MUJOCO_GL when imported)
from .moves import PRIMITIVES, Move  # noqa: E402
from .pictures import CAMERAS, SCENE_SIZE  # noqa: E402
from .sentence import RANGES, read, say  # noqa: E402
from .trial import Trial  # noqa: E402
from .wordings import name_of, words_of  # noqa: E402

__all__ = ["PACKAGES", "SCENE_CHANGES", "TASKS", "VIEWS", "TabletopEnvironment", "make"]

TASKS: Mapping[str, str] = tasks.TASKS

PACKAGES = ("mujoco", "numpy")
"""What the physics, and so every result, depends on."""

VIEWS = ("arm",)
"""``arm``: the cameras show the arm, which is hidden otherwise; it waits outside of the picture."""

EPISODES_HAVE_SENTENCES = True
"""What is asked for differs between the episodes of a task, so there is one recording of each sentence (``recording``)."""

SCENE_CHANGES: frozenset[str] = frozenset()
"""No perturbation of the scene: levels are what varies here."""

CONTROL_RATE = 0.4
"""Primitives a second of simulated time, about: they take one to four seconds."""


class TabletopEnvironment(Environment):
    """One task of one level.

    Args:
        task: a name of ``TASKS``.
        view: a name of ``VIEWS``, or ``None``.
    """

    def __init__(self, task: str, view: str | None = None) -> None:
        super().__init__(task, TASKS[task])
        self._shows_arm = view == "arm"
        self._trial: Trial | None = None
        self._look: Callable[[], None] | None = None
        family, _ = tasks.parse(task)
        units = ("m", "m", "rad")
        self._specification = Specification(
            cameras=CAMERAS,
            proprioception=(
                Quantity("end_effector_x", "m", -0.05, 0.9),
                Quantity("end_effector_y", "m", -0.7, 0.7),
                Quantity("end_effector_z", "m", -0.05, 0.3),
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
            step_limit=2 * family.moves,
            primitives=PRIMITIVES,
            picture_size=SCENE_SIZE,
        )

    @property
    def specification(self) -> Specification:
        return self._specification

    @property
    def prompt(self) -> tuple[str | np.ndarray, ...]:
        self._require_begun()
        return self._running.prompt

    @property
    def recording(self) -> str:
        """The sentence without its pictures: ``put-the-into-the``."""
        self._require_begun()
        return name_of(words_of(self._running.episode.prompt))

    def plan(self) -> list[Command]:
        """The oracle's moves from the present state."""
        self._require_begun()
        return [Command(move.values, move.primitive) for move in self._running.plan()]

    def say(self, commands: Sequence[Command]) -> tuple[str, list[Command]]:
        text = say([Move.of(command.primitive, command.values) for command in commands])
        return text, [Command(move.values, move.primitive) for move in read(text)]

    def show(self, camera: str, width: int, height: int) -> np.ndarray:
        self._require_begun()
        return self._running.painter.scene(camera, width, height, arm=True)

    def marks(self, command: Command, camera: str, width: int, height: int) -> list[tuple[float, float]]:
        self._require_begun()
        move = Move.of(command.primitive, command.values)
        return [self._running.painter.pixel((end.x, end.y, 0), camera, width, height) for end in (move.start, move.end)]

    def watch(self, look: Callable[[], None] | None) -> None:
        self._look = look
        if self._trial is not None:
            self._trial.world.hand.watch = look

    @property
    def trial(self) -> Trial:
        """What runs: for films, which want to see the hand at work, and for tests."""
        self._require_begun()
        return self._running

    def _reset(self, seed: int) -> None:
        self._close()
        self._trial = Trial(self.task, seed)
        self._trial.world.hand.watch = self._look
        self.instruction = self._running.words

    def _observe(self) -> Mapping[str, float]:
        hand = self._running.world.hand.pose
        turn = (hand.rotation + math.pi) % (2 * math.pi) - math.pi
        values = (hand.x, hand.y, hand.z, turn)
        return dict(zip((quantity.name for quantity in self._specification.proprioception), values, strict=True))

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        return self._running.painter.scene(camera, width, height, vertical_field_of_view, arm=self._shows_arm)

    def _step(self, action: np.ndarray) -> bool:
        # Told no primitive, the hand waits where it is.
        return self._running.success

    def _execute(self, primitive: str, action: np.ndarray) -> tuple[bool, str]:
        report = self._running.execute(Move.of(primitive, action))
        return self._running.success, str(report.outcome)

    def _hold_action(self) -> np.ndarray:
        return np.array([quantity.minimum for quantity in self._specification.actions])

    def _close(self) -> None:
        if self._trial is not None:
            self._trial.close()
            self._trial = None

    @property
    def _running(self) -> Trial:
        if self._trial is None:
            raise EnvironmentFailure("not_reset", self.task, "call reset before anything else")
        return self._trial


def make(task: str, *, view: str | None = None) -> TabletopEnvironment:
    """The environment of ``task``, a name of ``TASKS``, with the cameras of ``view``."""
    return TabletopEnvironment(task, view)
