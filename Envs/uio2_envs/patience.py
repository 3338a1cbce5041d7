"""How long a robot goes on without fresh actions, and what it says of that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from uio2_client import ClientError, Disconnected, Timeout

HOLDING_CODES = frozenset({"stopped", "frozen_camera", "stale_observation", "late"})
"""Refusals that pass, the client's own included: the robot holds and looks again."""


@dataclass(frozen=True)
class Patience:
    """How long a robot goes on without fresh actions before it gives up."""

    timeouts: int = 5
    """Requests in a row without an answer."""
    superseded: int = 100
    """Observations in a row that a newer one replaced."""
    refused_seconds: float = 30.0
    """Seconds of nothing but refusals that pass; a frozen camera lasts until the episode ends, at the longest."""
    disconnected_seconds: float = 30.0
    """Seconds since the connection was lost, where nothing but failures to connect has come since."""
    pause_seconds: float = 0.05
    """Seconds between looks while a stop is latched."""


class RobotFailure(Exception):
    """The conversation with the daemon cannot go on: ``code``, ``subject``, ``message`` as in ``ClientError``."""

    def __init__(self, code: str, subject: str, message: str) -> None:
        super().__init__(f"{code}: {subject}: {message}")
        self.code = code
        self.subject = subject
        self.message = message


class Setbacks:
    """What went wrong since the last good answer, across episodes.

    Args:
        patience: with it.
        log: told in a sentence why the robot holds: once, not every time that the same reason comes again.
        pause: lets seconds pass before the robot asks again.
    """

    def __init__(self, patience: Patience, log: Callable[[str], None], pause: Callable[[float], None]) -> None:
        self._patience = patience
        self._log = log
        self._pause = pause
        self._said = ""
        self.end()

    def end(self) -> None:
        """A good answer has come."""
        self._timeouts = 0
        self._superseded = 0
        self._refused_since: float | None = None
        self._disconnected_since: float | None = None

    def note(self, error: ClientError) -> bool:
        """Notes why there is no answer; returns whether the robot has to hold for it.

        Raises:
            RobotFailure: it will not pass, or has gone on for too long.
        """
        if isinstance(error, (Timeout, Disconnected)):
            self._note_silence(error)
        elif error.code == "superseded":
            self._note_superseded(error)
            return False
        elif error.code in HOLDING_CODES:
            self._note_refusal(error)
        else:
            raise _failure(error) from error
        return True

    def say(self, reason: str, message: str) -> None:
        """Logs why the robot does not move, unless it has just said so."""
        if self._said != reason:
            self._said = reason
            self._log(f"{reason}: {message}")

    def forget_reason(self) -> None:
        """The robot moves again: the next reason is said whatever it is."""
        self._said = ""

    def _note_silence(self, error: ClientError) -> None:
        self.say(error.code, error.message)
        self._timeouts += 1
        if self._timeouts >= self._patience.timeouts:
            raise _failure(error) from error
        if not isinstance(error, Disconnected):
            self._disconnected_since = None
            return
        now = time.perf_counter()
        if self._disconnected_since is None:
            self._disconnected_since = now
        elif now - self._disconnected_since > self._patience.disconnected_seconds:
            raise _failure(error) from error
        self._pause(self._patience.pause_seconds)

    def _note_superseded(self, error: ClientError) -> None:
        self.say(error.code, error.message)
        self._superseded += 1
        if self._superseded >= self._patience.superseded:
            raise _failure(error) from error

    def _note_refusal(self, error: ClientError) -> None:
        self.say(error.code, error.message)
        if error.code == "frozen_camera":
            return  # a simulated scene at rest looks the same from frame to frame; the step limit bounds this one
        now = time.perf_counter()
        if self._refused_since is None:
            self._refused_since = now
        elif now - self._refused_since > self._patience.refused_seconds:
            raise _failure(error) from error
        if error.code == "stopped":
            self._pause(self._patience.pause_seconds)


def _failure(error: ClientError) -> RobotFailure:
    return RobotFailure(error.code, error.field, error.message)
