"""The clocks a simulated robot may live by, in nanoseconds."""

from __future__ import annotations

import time
from typing import Protocol

from uio2_client import uio2_pb2 as pb


class Clock(Protocol):
    """The robot's own monotonic clock."""

    kind: pb.RobotClock
    """What an observation says of it."""

    def now(self) -> int:
        """Nanoseconds since some moment."""
        ...

    def advance(self) -> None:
        """Called after every control step of the simulator."""
        ...


class WallClock:
    """The machine's monotonic clock: an answer that takes too long comes too late, as on a real robot."""

    kind = pb.ROBOT_CLOCK_MONOTONIC

    def now(self) -> int:
        return time.monotonic_ns()

    def advance(self) -> None:
        pass


class SimulatedClock:
    """Time passes only when the simulator steps: the same seeds give the same episodes on any machine, however busy it is.

    Args:
        control_rate: control steps a second, Hz.
    """

    kind = pb.ROBOT_CLOCK_SIMULATED

    def __init__(self, control_rate: float) -> None:
        self._period = round(1e9 / control_rate)
        self._now = self._period

    def now(self) -> int:
        return self._now

    def advance(self) -> None:
        self._now += self._period
