"""An arm without a simulator: a point that obeys velocities with limits of its own, on a clock that a test moves."""

from __future__ import annotations

import numpy as np

from uio2_robots.arm import ArmFailure, ArmState
from uio2_robots.configuration import CONFIGURATIONS, Configuration, load
from uio2_robots.poses import Pose, rotation_matrix

FRANKA = CONFIGURATIONS / "franka.toml"
STEP = 0.001
"""Seconds."""


def franka() -> Configuration:
    """The configuration that is shipped."""
    return load(FRANKA)


class ModelArm:
    """Accelerates as its limits say and brakes by itself when a command has faded.

    Args:
        position: of the tool, ``[3]``, m.
        acceleration: m/s².
    """

    def __init__(self, position: tuple[float, float, float] = (0.45, 0.0, 0.35), acceleration: float = 2.0) -> None:
        self.now = 100.0
        self.position = np.array(position)
        self.rotation = np.diag([1.0, -1.0, -1.0])
        self.velocity = np.zeros(3)
        self.opening = 1.0
        self.commands: list[tuple[np.ndarray, np.ndarray]] = []
        self.grips: list[float] = []
        self.went_home = 0
        self.rests = 0
        self.failure: ArmFailure | None = None
        self.history: list[np.ndarray] = []
        self._acceleration = acceleration
        self._linear, self._angular = np.zeros(3), np.zeros(3)
        self._until = 0.0

    def clock(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            fades = self.now > self._until
            change = (np.zeros(3) if fades else self._linear) - self.velocity
            most = self._acceleration * STEP
            size = float(np.linalg.norm(change))
            self.velocity = self.velocity + (change if size <= most else change * (most / size))
            self.position = self.position + self.velocity * STEP
            if not fades:
                self.rotation = rotation_matrix(self._angular * STEP) @ self.rotation
            self.history.append(self.position.copy())

    def state(self) -> ArmState:
        if self.failure is not None:
            raise self.failure
        pose = Pose(self.position.copy(), self.rotation.copy())
        return ArmState(self.now, pose, self.velocity.copy(), self.opening, np.zeros(7))

    def command(self, linear: np.ndarray, angular: np.ndarray, hold: float) -> None:
        if self.failure is not None:
            raise self.failure
        self.commands.append((linear.copy(), angular.copy()))
        self._linear, self._angular, self._until = linear, angular, self.now + hold

    def grip(self, opening: float) -> None:
        self.grips.append(opening)

    def rest(self, beat) -> None:
        self.rests += 1
        beat()

    def move_joints(self, joints: np.ndarray, beat) -> None:
        beat()
        self.went_home += 1

    def close(self) -> None:
        pass
