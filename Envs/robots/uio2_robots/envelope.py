"""The robot's own limits: on every setpoint, and on the motion that leads from one to the next.

The daemon keeps a policy's commands inside its limits; it cannot know how an arm moves between them. So the velocity
that is sent to the arm is limited as well. Towards a wall that is d metres away it is at most d/τ, with a τ that holds
two things: an arm that is told nothing more, goes on for T and then brakes in a straight line with a from at most v,
goes v·T + v²/2a in all, so τ is at least T + v/2a; and the speed that falls with the distance must be one that the arm
can follow while it brakes on three axes at once, so τ is at least √3·v/a.

No velocity beyond ``Limits.cruise`` is sent: an arm with limited jerk goes on accelerating for a moment after it has
come to the velocity that it was told.
"""

from __future__ import annotations

import math

import numpy as np

from .configuration import Limits
from .poses import Pose, rotation_matrix, rotation_vector


class Envelope:
    """Shortens what goes too far.

    Args:
        limits: the robot's.
        period: seconds between two setpoints.
        reaction: seconds that pass at most before a braking command takes effect, beside ``limits.command_hold``.
    """

    def __init__(self, limits: Limits, period: float, reaction: float = 0.02) -> None:
        self.limits = limits
        self._period = period
        blind, speed, acceleration = limits.command_hold + reaction, limits.speed, limits.acceleration
        self._approach_seconds = max(blind + speed / (2 * acceleration), math.sqrt(3) * speed / acceleration)

    def contains(self, position: np.ndarray, slack: float = 0.0) -> bool:
        """Whether ``position`` ``[3]`` lies in the workspace, or at most ``slack`` metres outside."""
        box = self.limits.workspace
        return bool((position >= box[0] - slack).all() and (position <= box[1] + slack).all())

    def setpoint(self, wanted: Pose, previous: Pose, measured: Pose) -> tuple[Pose, tuple[str, ...]]:
        """The setpoint in the place of ``wanted``, and the names of the limits that changed it.

        Args:
            previous: the setpoint before.
            measured: where the tool is.
        """
        limits = self.limits
        hit: list[str] = []
        position = _shortened(wanted.position - previous.position, limits.cruise * self._period, hit, "speed")
        position = previous.position + position
        position = measured.position + _shortened(position - measured.position, limits.jump, hit, "jump")
        inside = np.clip(position, *limits.workspace)
        if not np.array_equal(inside, position):
            hit.append("workspace")
        turn = rotation_vector(wanted.rotation @ previous.rotation.T)
        turn = _shortened(turn, limits.rotation_rate * self._period, hit, "rotation_rate")
        return Pose(inside, rotation_matrix(turn) @ previous.rotation), tuple(hit)

    def velocity(self, position: np.ndarray, linear: np.ndarray, angular: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Linear ``[3]`` and angular ``[3]`` velocity that the arm may have at ``position`` ``[3]``."""
        limits = self.limits
        ignored: list[str] = []
        linear = _shortened(linear, limits.cruise, ignored, "speed")
        room = np.where(linear > 0, limits.workspace[1] - position, position - limits.workspace[0])
        allowed = np.array([self.approach(float(distance)) for distance in room])
        linear = np.clip(linear, -allowed, allowed)
        return linear, _shortened(angular, limits.rotation_rate, ignored, "rotation_rate")

    def approach(self, distance: float) -> float:
        """The greatest speed towards a wall that is ``distance`` metres away, m/s."""
        return max(0.0, distance) / self._approach_seconds

    def slewed(self, linear: np.ndarray, previous: np.ndarray, seconds: float) -> np.ndarray:
        """The velocity ``[3]`` on the way from ``previous`` to ``linear`` that the arm can have ``seconds`` later.

        Each axis has its own share of the acceleration: what one axis asks for takes nothing from another that brakes
        at a wall.
        """
        most = self.limits.acceleration / math.sqrt(3) * seconds
        return _shortened(previous + np.clip(linear - previous, -most, most), self.limits.cruise, [], "speed")


def stopping_distance(speed: float, acceleration: float, reaction: float) -> float:
    """v²/2a + v·T: how far something of ``speed`` m/s goes that begins to brake after ``reaction`` seconds."""
    return speed * speed / (2 * acceleration) + speed * reaction


def _shortened(vector: np.ndarray, length: float, hit: list[str], name: str) -> np.ndarray:
    found = float(np.linalg.norm(vector))
    if found <= length * (1 + 1e-9):
        return vector
    hit.append(name)
    return vector * (length / found)
