"""A run's database as the report needs it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..run_figures import Figure, figures_of

POSITION = ("end_effector_x", "end_effector_y", "end_effector_z")


def _is_closed_log(path: Path) -> bool:
    """Whether the database writes a log beside itself and nobody is writing one: then all is in the file. SQLite would make the log's
    files to read it, which needs the right to write, and leave them."""
    with path.open("rb") as file:
        return file.read(20)[18:19] == b"\2" and not Path(f"{path}-wal").exists()


@dataclass(frozen=True)
class Episode:
    """The outcome of one episode."""

    id: int
    task: str
    group: str
    seed: int
    state: str
    reason: str
    success: bool
    success_at_end: bool
    steps: int
    held_steps: int
    late_steps: int
    limited_actions: int
    video: str | None

    @property
    def ending(self) -> str:
        """How the episode ended, in a few words by which failures are grouped."""
        if self.state == "abandoned":
            return "the simulator failed every time"
        if self.success:
            return "success"
        if self.held_steps > self.steps / 2:
            return "held still for want of fresh commands"
        if self.limited_actions > self.steps / 4:
            return "at the limits of the safety envelope"
        return "ran to the step limit"


@dataclass(frozen=True)
class Step:
    """One policy step."""

    step: int
    latency: dict[str, float]
    proprioception: list[float]
    confidence: float | None


class Run:
    """One run, opened for reading.

    Args:
        path: the database; videos lie beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Its own writer may still be at work; a plain read-only connection sees every committed episode.
        options = "?mode=ro&immutable=1" if _is_closed_log(Path(path)) else "?mode=ro"
        self._database = sqlite3.connect(Path(path).absolute().as_uri() + options, uri=True)
        row = self._database.execute("SELECT configuration FROM run").fetchone()
        self.configuration: dict = json.loads(row[0])
        self.subject: dict = self.configuration["subject"]

    @property
    def is_realtime(self) -> bool:
        """Whether the world went on while the policy thought."""
        return self.subject["mode"] == "realtime"

    @property
    def deadline(self) -> float | None:
        """Milliseconds for which an answer is valid, where the run says so."""
        return self.subject.get("deadline")

    def versions(self) -> dict[str, str]:
        """Versions of the programs and of what the simulator is made of, by name."""
        versions = dict(self.configuration["versions"])
        tables = {name for (name,) in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "worker" not in tables:
            return versions
        for (text,) in self._database.execute("SELECT record FROM worker ORDER BY id"):
            simulator = json.loads(text).get("simulator") or {}
            if "python" in simulator:
                versions["Python"] = simulator["python"]
            versions |= {module["name"]: module["version"] for module in simulator.get("modules", []) if module.get("version")}
        return versions

    def commands(self) -> list[str]:
        """The command lines that worked on the run, in the order of time, each with when and where that was."""
        tables = {name for (name,) in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "session" not in tables:
            return [self.configuration["command"]]
        sessions = [json.loads(text) for (text,) in self._database.execute("SELECT record FROM session ORDER BY started, id")]
        if len(sessions) < 2:
            return [session["command"] for session in sessions]
        moments = [datetime.fromtimestamp(session["started"], UTC).strftime("%Y-%m-%d %H:%M UTC") for session in sessions]
        return [
            f"# {moment}, {session['machine']}\n{session['command']}"
            for moment, session in zip(moments, sessions, strict=True)
        ]

    def figures(self) -> list[tuple[float, dict[str, Any], list[Figure]]]:
        """What was measured beside the episodes: when, where and how, and the figures."""
        return figures_of(self._database)

    def episodes(self) -> list[Episode]:
        """The outcomes, in the order of the plan."""
        rows = self._database.execute("SELECT id, record FROM episode WHERE state <> 'lost' ORDER BY place, attempt")
        rule = self.subject.get("success", "any")
        return [_episode(id, json.loads(record), rule) for id, record in rows]

    def steps(self, episode: Episode) -> Iterator[Step]:
        """The policy steps of an outcome, in order."""
        columns = "step, latency_ms, proprioception, confidence"
        for row in self._database.execute(f"SELECT {columns} FROM step WHERE episode = ? ORDER BY id", (episode.id,)):
            yield Step(row[0], json.loads(row[1]), json.loads(row[2]), row[3])

    def positions(self, episode: Episode, names: list[str]) -> np.ndarray | None:
        """Positions of the end effector ``[steps, 3]`` in metres; ``None`` when the robot does not measure them."""
        if not all(name in names for name in POSITION):
            return None
        indices = [names.index(name) for name in POSITION]
        rows = [step.proprioception for step in self.steps(episode) if len(step.proprioception) == len(names)]
        return np.array([[row[index] for index in indices] for row in rows]) if rows else None


def _episode(id: int, record: dict, rule: str) -> Episode:
    episode = record["episode"]
    return Episode(
        id=id,
        task=episode["task"],
        group=episode["group"],
        seed=episode["seed"],
        state=record["state"],
        reason=record["reason"],
        success=record["successAtEnd" if rule == "end" else "successAtAnyStep"],
        success_at_end=record["successAtEnd"],
        steps=record["steps"],
        held_steps=record["heldSteps"],
        late_steps=record.get("lateSteps", 0),
        limited_actions=record["limitedActions"],
        video=record.get("video"),
    )
