"""Where an arm was told to go and where it was, as a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path

from .body import Step
from .configuration import AXES

COLUMNS = (
    "time",
    *(f"setpoint_{axis}" for axis in AXES),
    *(f"measured_{axis}" for axis in AXES),
    "held",
    "limited",
    "policy_steps",
)
"""Seconds of the arm's clock, metres in the base frame, 0 or 1, names, and how many chunks were done before."""


class Trajectory:
    """Writes a row a control step."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._stream)
        self._writer.writerow(COLUMNS)

    def add(self, step: Step, policy_steps: int) -> None:
        """Adds a control step."""
        numbers = [f"{value:.5f}" for value in (*step.setpoint, *step.measured)]
        self._writer.writerow([f"{step.time:.4f}", *numbers, int(step.held), " ".join(step.limited), policy_steps])

    def close(self) -> None:
        """Finishes the file; may be called twice."""
        self._stream.close()
