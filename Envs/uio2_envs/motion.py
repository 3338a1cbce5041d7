"""How an end effector moved during an episode."""

from __future__ import annotations

from collections import deque

import numpy as np

_POSITIONS = (("end_effector_x", "end_effector_y", "end_effector_z"), ("position_x", "position_y"))


class MotionMeter:
    """Adds up path length and jerk from positions that are ``1 / control_rate`` seconds apart.

    Args:
        control_rate: control steps a second, Hz.
    """

    def __init__(self, control_rate: float) -> None:
        self._rate = control_rate
        self._recent: deque[np.ndarray] = deque(maxlen=4)
        self._path = 0.0
        self._jerk = 0.0
        self._jerks = 0

    def add(self, observed: dict[str, float]) -> None:
        """Takes in what the body feels after a control step."""
        names = next((names for names in _POSITIONS if all(name in observed for name in names)), None)
        if names is None:
            return
        position = np.array([observed[name] for name in names])
        if self._recent:
            self._path += float(np.linalg.norm(position - self._recent[-1]))
        self._recent.append(position)
        if len(self._recent) == 4:
            a, b, c, d = self._recent
            self._jerk += float(np.linalg.norm(d - 3 * c + 3 * b - a)) * self._rate**3
            self._jerks += 1

    @property
    def path_length(self) -> float | None:
        """Metres; ``None`` when the body does not measure its position."""
        return self._path if self._recent else None

    @property
    def mean_jerk(self) -> float | None:
        """Mean magnitude in m/s³ by third differences; ``None`` before the fourth position."""
        return self._jerk / self._jerks if self._jerks else None
