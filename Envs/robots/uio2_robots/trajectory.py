"""Where an arm was told to go and where it was, as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
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


class TrajectoryFailure(Exception):
    """The file cannot be made; the sentence says why."""

    code = "unwritable_file"
    subject = "trajectory"

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self)


class Trajectory:
    """Writes a row a control step. A disk that is full ends the file, and nothing else.

    Args:
        file: must not exist: a trajectory replaces nothing.
        say: told once when the file ends before its time.

    Raises:
        TrajectoryFailure: the file exists, or cannot be made.
    """

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        try:
            # Exclusive: what is there stays, and a pipe that nobody reads is not waited for.
            self._stream = file.open("x", newline="", encoding="utf-8")
        except FileExistsError:
            raise TrajectoryFailure(f"{file} exists, and a trajectory replaces nothing; choose another name") from None
        except OSError as error:
            raise TrajectoryFailure(f"{file} cannot be made: {error.strerror}") from None
        self._file = file
        self._say = say
        self._has_failed = False
        self._rows = 0
        self._writer = csv.writer(self._stream)
        self._write(COLUMNS)

    def add(self, step: Step, policy_steps: int) -> None:
        """Adds a control step."""
        numbers = [f"{value:.5f}" for value in (*step.setpoint, *step.measured)]
        self._write([f"{step.time:.4f}", *numbers, int(step.held), " ".join(step.limited), policy_steps])
        self._rows += 1

    def close(self) -> None:
        """Finishes the file, which goes when no step was added; may be called twice."""
        if self._stream.closed:
            return
        try:
            self._stream.close()
            if not self._rows:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            self._fail(error)

    def _write(self, row: Iterable[object]) -> None:
        if self._has_failed:
            return
        try:
            self._writer.writerow(row)
        except (OSError, ValueError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._say(f"the trajectory has ended: {self._file}: {error}")
