"""What a robot reports: one JSON object a line, for a program to read."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any, TextIO

FLUSH_INTERVAL = 0.05
"""Steps that follow each other faster than this, in seconds, share a write: every write wakes the reader."""


class EventStream:
    """Writes events. Numbers that are not finite become ``null``, since JSON has no word for them.

    Args:
        stream: where the lines go; ``None`` keeps quiet.
        clock: seconds that only grow.
    """

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._flushed = -math.inf

    def emit(self, event: str, **fields: Any) -> None:
        """Writes one event with its fields. All but a ``step`` that closely follows another event reach the reader at once."""
        if self._stream is None:
            return
        line = json.dumps({"event": event, **_finite(fields)}, ensure_ascii=False, allow_nan=False)
        self._stream.write(line + "\n")
        now = self._clock()
        if event != "step" or now - self._flushed >= FLUSH_INTERVAL:
            self._stream.flush()
            self._flushed = now


def _finite(value: Any) -> Any:
    """``value`` as JSON can say it; floats cut to a microsecond's worth of digits."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
