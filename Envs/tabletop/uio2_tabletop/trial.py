"""One episode on its way: the world, what is asked for, and how far it is."""

from __future__ import annotations

import numpy as np

from . import tasks
from .moves import Move
from .pictures import Painter
from .sentence import SentenceError, read
from .world import Outcome, Report, World


class Trial:
    """The episode of a task and a seed.

    Args:
        task: a name of ``tasks.TASKS``.
        seed: from 0.
    """

    def __init__(self, task: str, seed: int) -> None:
        family, level = tasks.parse(task)
        self.episode = tasks.episode(family, level, seed)
        self.world = World(self.episode.things, self.episode.poses)
        self.success = self.episode.goal.update(self.world)
        """Whether the task is done in the present state."""
        self._painter: Painter | None = None
        self._prompt: tuple[str | np.ndarray, ...] | None = None

    @property
    def painter(self) -> Painter:
        """Draws the scene. Made when it is asked for, so that nothing else needs OpenGL."""
        if self._painter is None:
            self._painter = Painter(self.world)
        return self._painter

    @property
    def words(self) -> str:
        """The prompt for people to read: ``[1]`` stands for the first picture."""
        said, count = [], 0
        for part in self.episode.prompt:
            count += not isinstance(part, str)
            said.append(part if isinstance(part, str) else f"[{count}]")
        return " ".join(said).replace(" .", ".")

    @property
    def prompt(self) -> tuple[str | np.ndarray, ...]:
        """Words and pictures in order. The pictures are those of the episode's beginning, whenever they are drawn."""
        if self._prompt is None:
            self._prompt = tuple(part if isinstance(part, str) else self._picture(part) for part in self.episode.prompt)
        return self._prompt

    def plan(self) -> list[Move]:
        """What the oracle would do from here."""
        return self.episode.goal.plan(self.world)

    def execute(self, move: Move) -> Report:
        """Executes one primitive and looks at what it has led to."""
        report = self.world.execute(move)
        self.success = self.episode.goal.update(self.world)
        return report

    def obey(self, sentence: str, limit: int = 16) -> list[Report]:
        """Executes a sentence, all of its steps, until the task is done or ``limit`` steps are executed.

        Returns:
            A report a step. A text that is no sentence of the action space moves nothing: one report, ``unreadable``.
        """
        try:
            moves = read(sentence)
        except SentenceError:
            pose = self.world.hand.pose
            return [Report(Outcome.UNREADABLE, None, pose, pose, pose, 0.0)]
        reports = []
        for move in moves[:limit]:
            reports.append(self.execute(move))
            if self.success:
                break
        return reports

    def close(self) -> None:
        """Frees what draws."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None

    def _picture(self, part: tasks.Pictured) -> np.ndarray:
        return self.painter.arrangement(dict(part.scene)) if part.thing is None else self.painter.thing(part.thing)
