"""A point that reaches a disc on a table: an environment without a simulator, for tests of everything around one."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .environment import Environment, Quantity, Specification

TASKS = {
    "reach-red": "Move the white point onto the red disc.",
    "reach-green": "Move the white point onto the green disc.",
}
PACKAGES = ("numpy",)
SCENE_CHANGES = frozenset({"moved_object"})
_COLOURS = {"reach-red": (220, 40, 40), "reach-green": (40, 190, 60)}
_TABLE = (90, 100, 120)
_POINT = (250, 250, 250)
_HALF_SIDE = 0.5
_MAXIMUM_STEP = 0.02
_DISC_RADIUS = 0.06
_POINT_RADIUS = 0.03
_CAMERA_HEIGHT = 1.5
_STOCK_FIELD_OF_VIEW = 45.0

_SPECIFICATION = Specification(
    cameras=("overhead", "follow"),
    proprioception=(
        Quantity("position_x", "m", -_HALF_SIDE, _HALF_SIDE),
        Quantity("position_y", "m", -_HALF_SIDE, _HALF_SIDE),
    ),
    actions=(
        Quantity("delta_x", "m", -_MAXIMUM_STEP, _MAXIMUM_STEP),
        Quantity("delta_y", "m", -_MAXIMUM_STEP, _MAXIMUM_STEP),
    ),
    action_frame="base",
    action_mode="delta",
    hold="zero",
    control_rate=50.0,
    step_limit=100,
)


class ToyEnvironment(Environment):
    """A square table of 1 m, a red and a green disc, and a point that moves 2 cm a step at most.

    ``overhead`` looks at the middle of the table, ``follow`` at the point; both see x to the right and y up.
    """

    scene_changes = SCENE_CHANGES

    def __init__(self, task: str) -> None:
        super().__init__(task, TASKS[task])
        self._point = np.zeros(2)
        self._discs: dict[str, np.ndarray] = {}

    @property
    def specification(self) -> Specification:
        return _SPECIFICATION

    def expert(self) -> np.ndarray:
        """The action ``[2]`` that goes straight for the disc, in metres."""
        return np.clip(self._discs[self.task] - self._point, -_MAXIMUM_STEP, _MAXIMUM_STEP)

    def _reset(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._point = random.uniform(-0.1, 0.1, size=2)
        # Red somewhere left, green somewhere right, neither within reach at once.
        left, height = random.uniform(-0.4, -0.25, size=2), random.uniform(-0.4, 0.4, size=2)
        self._discs = {
            "reach-red": np.array([left[0], height[0]]),
            "reach-green": np.array([-left[1], height[1]]),
        }

    def _move_object(self, displacement: np.ndarray) -> None:
        self._discs[self.task] = np.clip(self._discs[self.task] + displacement, -_HALF_SIDE, _HALF_SIDE)

    def _observe(self) -> Mapping[str, float]:
        return {"position_x": self._point[0], "position_y": self._point[1]}

    def _step(self, action: np.ndarray) -> bool:
        self._point = np.clip(self._point + action, -_HALF_SIDE, _HALF_SIDE)
        distance = float(np.linalg.norm(self._point - self._discs[self.task]))
        self.reward = -distance
        return distance < _DISC_RADIUS

    def _hold_action(self) -> np.ndarray:
        return np.zeros(2)

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        centre = self._point if camera == "follow" else np.zeros(2)
        field_of_view = vertical_field_of_view or _STOCK_FIELD_OF_VIEW
        half_height = _CAMERA_HEIGHT * math.tan(math.radians(field_of_view / 2))
        metres_per_pixel = 2 * half_height / height
        x = centre[0] + (np.arange(width) + 0.5 - width / 2)[None, :] * metres_per_pixel
        y = centre[1] - (np.arange(height) + 0.5 - height / 2)[:, None] * metres_per_pixel
        frame = np.zeros((height, width, 3), dtype=np.uint8)
        frame[(np.abs(x) <= _HALF_SIDE) & (np.abs(y) <= _HALF_SIDE)] = _TABLE
        for name, position in self._discs.items():
            frame[(x - position[0]) ** 2 + (y - position[1]) ** 2 <= _DISC_RADIUS**2] = _COLOURS[name]
        frame[(x - self._point[0]) ** 2 + (y - self._point[1]) ** 2 <= _POINT_RADIUS**2] = _POINT
        return frame


def make(task: str) -> ToyEnvironment:
    """The environment of ``task``, a name of ``TASKS``."""
    return ToyEnvironment(task)
