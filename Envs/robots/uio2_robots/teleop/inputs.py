"""What a person wants of a robot now, whatever the device says it with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

STOP, GO, SWITCH, GRIP = "stop", "go", "switch", "grip"
SUCCESS, FAILURE, QUIT = "success", "failure", "quit"
FASTER, SLOWER = "faster", "slower"
WORDS = (STOP, GO, SWITCH, GRIP, SUCCESS, FAILURE, QUIT, FASTER, SLOWER)
"""Keep still; move on; take over or hand back; open or close; the episode ends well, or badly; end; speeds."""


class InputFailure(Exception):
    """The device is missing or gone: ``code``, ``subject``, ``message`` as in ``ClientError``."""

    def __init__(self, code: str, subject: str, message: str) -> None:
        super().__init__(f"{code}: {subject}: {message}")
        self.code, self.subject, self.message = code, subject, message


@dataclass(frozen=True)
class Wish:
    """What is pressed now, and what was pressed since the last one."""

    linear: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """-1 to 1 along x, y and z of the policy's frame."""
    angular: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """-1 to 1 about x, y and z."""
    words: tuple[str, ...] = ()
    """Of ``WORDS``, in their order."""


class Input(Protocol):
    """A device. It is made, read and closed in one thread."""

    def read(self) -> Wish:
        """What is wanted now. Never waits.

        Raises:
            InputFailure: the device is gone.
        """
        ...

    def close(self) -> None:
        """Frees the device."""
        ...


class ScriptedInput:
    """Says one thing a reading, and the last one for ever: for tests, and for demonstrations by a program."""

    def __init__(self, wishes: Iterable[Wish]) -> None:
        self._wishes = list(wishes)
        self._next = 0
        self._last = Wish()

    def read(self) -> Wish:
        if self._next < len(self._wishes):
            self._last = self._wishes[self._next]
            self._next += 1
            return self._last
        return Wish(self._last.linear, self._last.angular)

    def close(self) -> None:
        pass
