"""Figures that belong to a run without being episodes, such as pictures a second: kept in its database, shown by ``uio2 report``.

The table ``figure`` stands beside those of Sources/RunDatabase/RunDatabase+Schema.swift. ``uio2 runs merge`` leaves it out: a figure is
of one machine.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_APPLICATION, _VERSION = 0x5549_4F32, 2
"""Of a run database: "UIO2", and the layout of its tables."""
_TABLE = """
CREATE TABLE IF NOT EXISTS figure (
  id INTEGER PRIMARY KEY,
  measured REAL NOT NULL, name TEXT NOT NULL, subject TEXT NOT NULL, value REAL NOT NULL, unit TEXT NOT NULL, origin TEXT NOT NULL
) STRICT
"""


class NoRun(Exception):
    """Figures have no place: ``code``, ``subject`` (the path) and ``message``."""

    def __init__(self, path: Path, message: str) -> None:
        self.code, self.subject, self.message = "no_run", str(path), message
        super().__init__(f"{self.subject}: {message}")


@dataclass(frozen=True)
class Figure:
    """One number."""

    name: str
    """What was measured."""
    subject: str
    """Of what: a task, a renderer; empty for all."""
    value: float
    unit: str


class RunFigures:
    """The figures of a run that exists.

    Args:
        run: a run's folder, or its database.
        suites: how the names of the suites begin to whose runs the figures belong.

    Raises:
        NoRun: there is none, of another suite, or it cannot be written.
    """

    def __init__(self, run: Path, suites: str) -> None:
        self.path = run / "run.db" if run.is_dir() else run
        with self._open() as database:
            suite = _suite(database)
            if suite is None:
                raise NoRun(self.path, "does not say of which suite it is a run")
            if not suite.startswith(suites):
                raise NoRun(self.path, f"is a run of {suite}; these figures belong to one of {suites}…")
            # Refused now where it cannot be written later.
            database.execute("BEGIN IMMEDIATE")
            database.execute(_TABLE)
            database.rollback()

    def add(self, figures: Sequence[Figure], command: str, versions: Mapping[str, str]) -> None:
        """Writes figures that were measured together, on this machine and now.

        Raises:
            NoRun: they cannot be written.
        """
        origin = json.dumps({"command": command, "machine": _machine(), "versions": dict(versions)}, sort_keys=True)
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(_TABLE)
            now = time.time()
            database.executemany(
                "INSERT INTO figure (measured, name, subject, value, unit, origin) VALUES (?, ?, ?, ?, ?, ?)",
                [(now, one.name, one.subject, one.value, one.unit, origin) for one in figures],
            )
            database.commit()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            address = self.path.absolute().as_uri() + "?mode=rw"
            with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
                marks = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
                if marks != [_APPLICATION, _VERSION]:
                    raise NoRun(self.path, f"is no run database of version {_VERSION}")
                yield database
        except (sqlite3.Error, OSError, ValueError) as error:
            raise NoRun(self.path, f"cannot be used: {error}; uio2 evaluate makes a run") from error


def _suite(database: sqlite3.Connection) -> str | None:
    try:
        suite = json.loads(database.execute("SELECT configuration FROM run").fetchone()[0])["subject"]["suite"]
    except (KeyError, TypeError):
        return None
    return suite if isinstance(suite, str) else None


def figures_of(database: sqlite3.Connection) -> list[tuple[float, dict[str, Any], list[Figure]]]:
    """The figures of an open run database: when, where and how they were measured together, and they themselves."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'figure'").fetchone():
        return []
    found: dict[tuple[float, str], list[Figure]] = {}
    for measured, name, subject, value, unit, origin in database.execute(
        "SELECT measured, name, subject, value, unit, origin FROM figure ORDER BY id"
    ):
        found.setdefault((measured, origin), []).append(Figure(name, subject, value, unit))
    return [(measured, json.loads(origin), figures) for (measured, origin), figures in found.items()]


def _machine() -> str:
    name = platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} processors, {platform.system()} {platform.release()}"
