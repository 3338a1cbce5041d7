"""The way of joints that a trajectory controller is told: to a velocity, on with it for a while, and to rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SHORTEST = 0.02
"""s"""


@dataclass(frozen=True)
class Way:
    """Points of joints; between two of them a cubic that has both their velocities."""

    times: np.ndarray
    """``[points]``, s, the first is 0."""
    positions: np.ndarray
    """``[points, joints]``"""
    velocities: np.ndarray
    """``[points, joints]``"""

    def at(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Positions and velocities ``[joints]`` after ``time`` seconds; at rest beyond the end."""
        if time >= self.times[-1]:
            return self.positions[-1], np.zeros_like(self.velocities[-1])
        after = int(np.searchsorted(self.times, max(time, 0.0), side="right"))
        before = after - 1
        span = self.times[after] - self.times[before]
        s = (max(time, 0.0) - self.times[before]) / span
        p0, p1 = self.positions[before], self.positions[after]
        v0, v1 = self.velocities[before] * span, self.velocities[after] * span
        c2, c3 = 3 * (p1 - p0) - 2 * v0 - v1, 2 * (p0 - p1) + v0 + v1
        return p0 + s * (v0 + s * (c2 + s * c3)), (v0 + s * (2 * c2 + 3 * s * c3)) / span


def rest_at(joints: np.ndarray) -> Way:
    """Of joints ``[joints]`` that rest."""
    return Way(np.zeros(1), joints[None], np.zeros((1, len(joints))))


def velocity_way(
    start: np.ndarray,
    before: np.ndarray,
    velocity: np.ndarray,
    ramp: float,
    hold: float,
    brake: float,
) -> Way:
    """From a velocity to another one with constant acceleration, on with it, and to rest.

    Args:
        start: ``[joints]``
        before: ``[joints]``, the velocity at the start.
        velocity: ``[joints]``, to be kept.
        ramp: seconds of the change.
        hold: seconds from the start until the arm brakes by itself.
        brake: seconds of that.
    """
    ramp, brake = max(ramp, _SHORTEST), max(brake, _SHORTEST)
    times, positions, velocities = [0.0], [start], [before]

    def add(seconds: float, after: np.ndarray) -> None:
        positions.append(positions[-1] + (velocities[-1] + after) / 2 * seconds)
        times.append(times[-1] + seconds)
        velocities.append(after)

    add(ramp, velocity)
    if np.any(velocity):
        if hold > ramp:
            add(hold - ramp, velocity)
        add(brake, np.zeros_like(velocity))
    return Way(np.array(times), np.array(positions), np.array(velocities))
