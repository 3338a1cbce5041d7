"""Keys of a terminal, which tells when a key is pressed and not when it is released: each press moves for a moment."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable

from .inputs import InputFailure, Wish
from .keys import MOVES, Keyboard

HOLD_SECONDS = 0.15
"""How long a press moves; a key that is kept down repeats faster than that."""

_SEQUENCES = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left",
    b"\x1b[5~": "page up", b"\x1b[6~": "page down",
}  # fmt: skip
_CHARACTERS = {b"\r": "return", b"\n": "return", b"\t": "tab", b" ": "space", b"\x1b": "escape"}


class TerminalInput:
    """The keyboard of a terminal.

    Args:
        descriptor: of the terminal; its settings come back with ``close``.
        clock: seconds, monotonic.

    Raises:
        InputFailure: it is no terminal.
    """

    def __init__(self, descriptor: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._clock = clock
        self._keyboard = Keyboard()
        self._until: dict[str, float] = {}
        self._is_gone = False
        try:
            self._settings = termios.tcgetattr(self._descriptor)
            # Ctrl-C still interrupts.
            tty.setcbreak(self._descriptor)
        except (termios.error, OSError) as error:
            message = f"keys need a terminal on standard input ({error}); or --input keyboard, which opens a window"
            raise InputFailure("no_terminal", "terminal", message) from error

    def read(self) -> Wish:
        now = self._clock()
        for key in _keys(self._typed()):
            if key in MOVES:
                self._until[key] = now + HOLD_SECONDS
            self._keyboard.press(key)
        for key in [key for key, until in self._until.items() if until <= now]:
            del self._until[key]
            self._keyboard.release(key)
        return self._keyboard.wish()

    def close(self) -> None:
        try:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._settings)
        except (termios.error, OSError):
            pass

    def _typed(self) -> bytes:
        typed = b""
        while not self._is_gone and select.select([self._descriptor], [], [], 0)[0]:
            try:
                more = os.read(self._descriptor, 256)
            except OSError:
                more = b""
            if not more:
                # The terminal was closed: nobody can stop the robot from there any more.
                self._is_gone = True
                self._keyboard.release_all()
                raise InputFailure("input_gone", "terminal", "the terminal was closed")
            typed += more
        return typed


def _keys(typed: bytes) -> list[str]:
    found = []
    while typed:
        sequence = next((known for known in _SEQUENCES if typed.startswith(known)), None)
        if sequence is not None:
            found.append(_SEQUENCES[sequence])
            typed = typed[len(sequence) :]
        elif typed.startswith(b"\x1b["):
            # Another key with a sequence: its first letter or tilde ends it.
            end = next((place for place in range(2, len(typed)) if 0x40 <= typed[place] <= 0x7E), len(typed) - 1)
            typed = typed[end + 1 :]
        else:
            first, typed = typed[:1], typed[1:]
            found.append(_CHARACTERS.get(first, first.decode("latin-1").lower()))
    return found
