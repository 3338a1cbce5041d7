"""The learning curve of a run: a JSON object a line, appended by the trainer and by whoever flies the policy."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

CURVE = "curve.jsonl"


def append(run: Path, kind: str, **values: Any) -> None:
    """Adds one line: the kind ("training" or "closed-loop"), the time of day, and ``values``; numbers are rounded."""
    line = {"kind": kind, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **_rounded(values)}
    with open(run / CURVE, "a") as file:
        file.write(json.dumps(line) + "\n")


def read(run: Path) -> list[dict[str, Any]]:
    """Every line so far."""
    path = run / CURVE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 4) if isinstance(value, float) else value
