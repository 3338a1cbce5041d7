"""What a robot reports: one JSON object a line, for a program to read."""

from __future__ import annotations

import json
import math
from typing import Any, TextIO


class EventStream:
    """Writes events. Numbers that are not finite become ``null``, since JSON has no word for them.

    Args:
        stream: where the lines go; ``None`` keeps quiet.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def emit(self, event: str, **fields: Any) -> None:
        """Writes one event with its fields and flushes."""
        if self._stream is not None:
            line = json.dumps({"event": event, **_finite(fields)}, ensure_ascii=False, allow_nan=False)
            self._stream.write(line + "\n")
            self._stream.flush()


def _finite(value: Any) -> Any:
    """``value`` as JSON can say it; floats cut to a microsecond's worth of digits."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
