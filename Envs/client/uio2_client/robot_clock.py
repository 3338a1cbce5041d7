"""The robot's clock, and what the daemon is told of it."""

from __future__ import annotations

from collections.abc import Callable

from . import uio2_pb2 as pb
from .checks import nanoseconds

_LONGEST_ECHO = 60_000_000_000
"""Nanoseconds after which an echo says too little of this clock: the daemon counts 1 ms a second of it as age."""


class RobotClock:
    """Stamps observations, and keeps the last reply that tells how this clock stands to the daemon's.

    Args:
        read: nanoseconds on the robot's monotonic clock.
    """

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read
        self._echo: pb.ClockEcho | None = None

    def now(self) -> int:
        """Nanoseconds.

        Raises:
            InvalidValue: the program's function gives no time.
        """
        return nanoseconds(self._read())

    def note(self, reply: pb.Reply, received_at: int) -> None:
        """Keeps a reply to be echoed."""
        if reply.sent_at:
            self._echo = pb.ClockEcho(reply_sent_at=reply.sent_at, reply_received_at=received_at)

    def stamped(self, observation: pb.Observation) -> Callable[[], pb.Observation]:
        """Fills in, when it is called, what only the moment of departure can say."""
        fill_in = observation.sent_at == 0

        def stamp() -> pb.Observation:
            if observation.clock == pb.ROBOT_CLOCK_MONOTONIC:
                if fill_in:
                    observation.sent_at = self.now()
                if self._echo is not None:
                    observation.echo.CopyFrom(self._echo)
            return observation

        return stamp

    def is_echo_old(self, observation: pb.Observation) -> bool:
        """Whether the daemon knows too little of this clock to tell an observation's age, which any answer changes."""
        if observation.clock != pb.ROBOT_CLOCK_MONOTONIC or self._echo is None:
            return False
        return abs(self.now() - self._echo.reply_received_at) > _LONGEST_ECHO
