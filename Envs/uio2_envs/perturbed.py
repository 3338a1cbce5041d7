"""An environment with one thing made harder, by an amount. The task and its rule of success stay as they are.

What is drawn depends on the episode's seed and the kind of perturbation, and not on the severity: a greater severity is more
of the same, so that the severities of one seed can be compared with each other.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image, ImageFilter

from .environment import Command, Environment, EnvironmentFailure, Specification
from .variant import MAXIMUM_SEVERITY, SCENE_PERTURBATIONS

JPEG_QUALITIES = (None, 40, 20, 10, 5)
"""By severity."""

BLUR_RADIUS = 0.005
"""Standard deviation of the Gaussian at severity 1, as a fraction of the frame's height."""

NOISE = 0.1
"""Standard deviation of the actuation noise at severity 1, as a fraction of half an action's range."""

OBJECT_STEP = 0.015
"""Metres that the object is moved, horizontally, at severity 1."""

MOVING_STEPS = (10, 30)
"""The object moves before a control step from this range, the end excluded."""


def perturbed(environment: Environment, kind: str | None, severity: int) -> Environment:
    """``environment`` with a perturbation; the very same at severity 0.

    Raises:
        EnvironmentFailure: the environment cannot make this one.
    """
    if kind is None or severity == 0:
        return environment
    if kind in SCENE_PERTURBATIONS and kind not in environment.scene_changes:
        known = ", ".join(sorted(environment.scene_changes)) or "none"
        raise EnvironmentFailure(
            "unsupported_perturbation", kind, f"{environment.task} cannot have this one; of those in the scene it has: {known}"
        )
    return PerturbedEnvironment(environment, kind, severity)


class PerturbedEnvironment(Environment):
    """Use ``perturbed`` to make one.

    Args:
        inner: the environment, which this one owns from now on.
        kind: one of ``variant.PERTURBATIONS`` that ``inner`` supports.
        severity: from 1.
    """

    def __init__(self, inner: Environment, kind: str, severity: int) -> None:
        super().__init__(inner.task, inner.instruction)
        self.goal_protocol = inner.goal_protocol
        self._inner = inner
        self._kind = kind
        self._severity = severity
        self._random = np.random.default_rng(0)
        self._moving_step = -1
        self._displacement = np.zeros(2)
        actions = inner.specification.actions
        self._half_ranges = np.array([(q.maximum - q.minimum) / 2 for q in actions])

    @property
    def specification(self) -> Specification:
        return self._inner.specification

    @property
    def prompt(self) -> tuple[str | np.ndarray, ...]:
        return self._inner.prompt

    @property
    def recording(self) -> str:
        return self._inner.recording

    def plan(self) -> list[Command]:
        return self._inner.plan()

    def expert(self) -> np.ndarray:
        return self._inner.expert()

    def say(self, commands: Sequence[Command]) -> tuple[str, list[Command]]:
        return self._inner.say(commands)

    def marks(self, command: Command, camera: str, width: int, height: int) -> list[tuple[float, float]]:
        return self._inner.marks(command, camera, width, height)

    def watch(self, look: Callable[[], None] | None) -> None:
        self._inner.watch(look)

    def _reset(self, seed: int) -> None:
        self._inner.reset(seed)
        self.instruction = self._inner.instruction
        self._random = np.random.default_rng([seed, zlib.crc32(self._kind.encode())])
        if self._kind == "moved_object":
            self._moving_step = int(self._random.integers(*MOVING_STEPS))
            angle = self._random.uniform(0, 2 * np.pi)
            self._displacement = OBJECT_STEP * self._severity * np.array([np.cos(angle), np.sin(angle)])
        elif self._kind in SCENE_PERTURBATIONS:
            self._inner.change_scene(self._kind, self._severity / MAXIMUM_SEVERITY, self._random)

    def _observe(self) -> Mapping[str, float]:
        return self._inner.observe()

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        frame = self._inner.render(camera, width, height, vertical_field_of_view)
        if self._kind == "jpeg":
            compressed = io.BytesIO()
            Image.fromarray(frame).save(compressed, format="JPEG", quality=JPEG_QUALITIES[self._severity])
            return np.array(Image.open(compressed))
        if self._kind == "blur":
            radius = BLUR_RADIUS * self._severity * height
            return np.array(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(radius)))
        return frame

    def _step(self, action: np.ndarray) -> bool:
        return self._execute("", action)[0]

    def _execute(self, primitive: str, action: np.ndarray) -> tuple[bool, str]:
        transition = self._inner.step(self._disturbed(action), primitive)
        self.reward, self.other_task, self.over = transition.reward, transition.other_task, self._inner.over
        return transition.success, transition.outcome

    def _disturbed(self, action: np.ndarray) -> np.ndarray:
        """The action as the body gets it, after whatever happens before this control step."""
        if self._kind == "actuation_noise":
            action = action + NOISE * self._severity * self._half_ranges * self._random.standard_normal(len(action))
        if self.steps == self._moving_step:
            self._inner.move_object(self._displacement)
        return action

    def _hold_action(self) -> np.ndarray:
        return self._inner.hold_action()

    def _brake(self) -> None:
        self._inner.brake()

    def _close(self) -> None:
        self._inner.close()
