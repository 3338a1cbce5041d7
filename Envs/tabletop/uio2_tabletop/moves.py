"""What a primitive asks for, in numbers. Knows nothing of physics, so that other simulators can say and read sentences too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PICK_AND_PLACE, PUSH = "pick_and_place", "push"
PRIMITIVES = (PICK_AND_PLACE, PUSH)

X_RANGE = (0.25, 0.75)
"""Metres: where positions of the action space lie, and what the cameras see."""
Y_RANGE = (-0.5, 0.5)


@dataclass(frozen=True)
class Pose:
    """Where a thing is: metres and radians, on the table."""

    x: float
    y: float
    rotation: float = 0.0

    def point(self, local: Sequence[float]) -> np.ndarray:
        """A point of the thing's own frame ``[2]`` on the table."""
        cos, sin = np.cos(self.rotation), np.sin(self.rotation)
        return np.array([self.x + cos * local[0] - sin * local[1], self.y + sin * local[0] + cos * local[1]])

    def local(self, point: Sequence[float]) -> np.ndarray:
        """A point on the table ``[2]`` in the thing's own frame."""
        x, y = point[0] - self.x, point[1] - self.y
        cos, sin = np.cos(self.rotation), np.sin(self.rotation)
        return np.array([cos * x + sin * y, cos * y - sin * x])


@dataclass(frozen=True)
class Move:
    """A primitive: from where to where, x and y in metres, rotations in radians."""

    primitive: str
    start: Pose
    end: Pose

    @property
    def values(self) -> np.ndarray:
        """``[6]``, the order of the action space."""
        return np.array([self.start.x, self.start.y, self.start.rotation, self.end.x, self.end.y, self.end.rotation])

    @classmethod
    def of(cls, primitive: str, values: Sequence[float]) -> Move:
        """The inverse of ``values``."""
        numbers = [float(value) for value in values]
        return cls(primitive, Pose(*numbers[:3]), Pose(*numbers[3:]))
