"""SIGINT and SIGTERM, which end a robot even where the exception that they raise is lost.

Python raises it wherever the main thread is. In a callback of a library nobody may take it further, so the loop asks again.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

_requested = False


def install() -> None:
    """Begins to watch; call it from the main thread."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def check() -> None:
    """Raises ``KeyboardInterrupt`` when a signal has come before."""
    if _requested:
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    global _requested
    _requested = True
    raise KeyboardInterrupt
