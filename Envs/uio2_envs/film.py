"""Films of episodes: what the policy saw, or, of a body with primitives, what it was asked, what it said, and where that acts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from uio2_client import Client
from uio2_client import uio2_pb2 as pb

from .answers import SpokenFilm, film_of_spoken
from .environment import Command, Environment, Transition
from .episode import EpisodeResult, Execution
from .flow import flow
from .video import EpisodeVideo, write_film

_RATE = 10
"""Pictures a second in the film of a body with primitives, half of those that it can be seen in."""
_LOOK, _MARKED, _OUTCOME = 8, 8, 6
"""Pictures that a look, the marks before a primitive, and its outcome stay."""
_LINES = 4
"""Steps of a sentence that are shown at once."""
_LINE_HEIGHT, _TITLE_HEIGHT = 18, 22
_ENLARGED = 2
_SUCCESS, _QUIET = (60, 180, 75), (32, 32, 36)
_MARK = ((255, 255, 255), (20, 20, 20))


@dataclass(frozen=True)
class Hearing:
    """What is said aloud in an episode, and the policy that hears it."""

    clip: pb.AudioClip
    capabilities: pb.Capabilities
    client: Client
    log: Callable[[str], None]


def film_of(
    environment: Environment, path: Path, seed: int, rate: float, hearing: Hearing | None = None
) -> Film | PrimitiveFilm | SpokenFilm:
    """The film of an episode that is about to begin.

    Args:
        environment: the body.
        path: the MP4 file.
        seed: of the episode.
        rate: looks a second, of a body of continuous commands.
        hearing: where the instruction is said aloud; the film then has the voice, and what the model answers.
    """
    if environment.specification.primitives:
        return PrimitiveFilm(environment, path, seed)
    title = f"{environment.task}  seed {seed}"
    if hearing is not None:
        spoken = film_of_spoken(path, title, rate, hearing.capabilities, hearing.client, hearing.clip, hearing.log)
        if spoken is not None:
            return spoken
    return Film(path, title, rate)


class Film:
    """The film of one episode, with what happens written on it.

    Args:
        path: the MP4 file.
        title: stands under the pictures.
        rate: frames a second.
    """

    def __init__(self, path: Path, title: str, rate: float) -> None:
        self._video = EpisodeVideo(path, rate)
        self._title = title

    def begin(self) -> None:
        """The episode has begun."""

    def add(self, frames: dict[str, np.ndarray], result: EpisodeResult) -> None:
        """Adds what the cameras see, camera name to uint8 ``[height, width, 3]``."""
        caption = f"{self._title}  step {result.steps}{'  success' if result.success else ''}"
        self._video.add(frames, caption, result.success)

    def take(self, execution: Execution, index: int) -> None:
        """An action is about to be executed."""

    def advance(self, transition: Transition) -> None:
        """A control step has been made."""

    def write(self) -> Path:
        """Writes the file and returns its path."""
        return self._video.write()


@dataclass(frozen=True)
class _Moment:
    """One picture of the film, before it is composed."""

    frames: tuple[np.ndarray, ...]
    title: str
    lines: tuple[str, ...]
    current: int
    """The line that is being executed; -1: none."""
    marks: tuple[tuple[tuple[float, float], ...], ...]
    """Of each frame."""
    success: bool


class PrimitiveFilm:
    """The film of one episode of a body with primitives.

    Above, the prompt with its pictures; in the middle, all cameras with the arm at work; below, the sentence. Where the
    step that is being executed begins and ends is marked.

    Args:
        environment: the body.
        path: the MP4 file.
        seed: of the episode.
    """

    def __init__(self, environment: Environment, path: Path, seed: int) -> None:
        self._environment, self._path = environment, path
        self._title = f"{environment.task}  seed {seed}"
        self._prompt: Image.Image | None = None
        self._moments: list[tuple[_Moment, int]] = []
        self._lines: tuple[str, ...] = ()
        self._outcomes: dict[int, str] = {}
        self._command: Command | None = None
        self._current, self._steps, self._calls, self._success = -1, 0, 0, False

    def begin(self) -> None:
        """The episode has begun: its prompt is known."""
        width = _ENLARGED * self._environment.specification.picture_size[0]
        width *= len(self._environment.specification.cameras)
        self._prompt = flow(self._environment.prompt or (self._environment.instruction,), width)
        self._environment.watch(self._look)

    def add(self, frames: dict[str, np.ndarray], result: EpisodeResult) -> None:
        """The policy looks, or has looked for the last time."""
        self._steps, self._success = result.steps, result.success
        self._keep(_LOOK)

    def take(self, execution: Execution, index: int) -> None:
        """A step of a sentence is about to be executed."""
        if index == 0:
            self._lines, self._outcomes = steps_of(execution.chunk.text), {}
        self._command, self._current = execution.commands[index], index
        self._keep(_MARKED)

    def advance(self, transition: Transition) -> None:
        """A step has been executed, or the robot has waited."""
        self._steps, self._success = self._steps + 1, self._success or transition.success
        if transition.outcome and self._current >= 0:
            self._outcomes[self._current] = transition.outcome
        self._keep(_OUTCOME)
        self._command, self._current = None, -1

    def write(self) -> Path:
        """Writes the file and returns its path."""
        self._environment.watch(None)
        return write_film(self._path, _RATE, self._pictures())

    def _look(self) -> None:
        self._calls += 1
        if self._calls % 2 == 0:
            self._keep(1)

    def _keep(self, count: int) -> None:
        cameras, size = self._environment.specification.cameras, self._environment.specification.picture_size
        command = self._command
        marks = tuple(
            tuple(self._environment.marks(command, camera, *size)) if command and command.primitive else ()
            for camera in cameras
        )
        lines = tuple(
            f"{line}   {self._outcomes.get(number, '')}".rstrip() for number, line in enumerate(self._lines)
        )
        title = f"{self._title}   primitives {self._steps}{'   success' if self._success else ''}"
        frames = tuple(self._environment.show(camera, *size) for camera in cameras)
        self._moments.append((_Moment(frames, title, lines, self._current, marks, self._success), count))

    def _pictures(self) -> Iterator[np.ndarray]:
        for moment, count in self._moments:
            picture = self._compose(moment)
            for _ in range(count):
                yield picture

    def _compose(self, moment: _Moment) -> np.ndarray:
        """uint8 ``[height, width, 3]`` with even sides."""
        frames = [_marked(frame, marks) for frame, marks in zip(moment.frames, moment.marks, strict=True)]
        width, height = sum(frame.width for frame in frames), frames[0].height
        prompt = self._prompt or Image.new("RGB", (width, 0))
        total = prompt.height + height + _TITLE_HEIGHT + _LINES * _LINE_HEIGHT
        canvas = Image.new("RGB", (width, total + total % 2), _QUIET)
        canvas.paste(prompt, (0, 0))
        left = 0
        for frame in frames:
            canvas.paste(frame, (left, prompt.height))
            left += frame.width
        draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
        top = prompt.height + height
        draw.rectangle((0, top, width, top + _TITLE_HEIGHT - 1), fill=_SUCCESS if moment.success else _QUIET)
        draw.text((6, top + _TITLE_HEIGHT / 2), moment.title, fill="white", font=font, anchor="lm")
        first = max(0, min(moment.current - 1, len(moment.lines) - _LINES))
        for row, line in enumerate(moment.lines[first : first + _LINES]):
            colour = (255, 255, 255) if first + row == moment.current else (150, 150, 158)
            middle = top + _TITLE_HEIGHT + (row + 0.5) * _LINE_HEIGHT
            draw.text((6, middle), line, fill=colour, font=font, anchor="lm")
        return np.asarray(canvas)


def steps_of(sentence: str) -> tuple[str, ...]:
    """The steps of a sentence, which are numbered; none of an empty one."""
    return tuple(part for part in re.split(r"\s+(?=[0-9]+: )", sentence.strip()) if part)


def _marked(frame: np.ndarray, marks: tuple[tuple[float, float], ...]) -> Image.Image:
    """A frame, enlarged, with a ring where a step begins and an arrow to where it ends."""
    enlarged = Image.fromarray(frame.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1))
    if len(marks) != 2:
        return enlarged
    draw = ImageDraw.Draw(enlarged)
    (x, y), (to_x, to_y) = ((_ENLARGED * u, _ENLARGED * v) for u, v in marks)
    way = np.array([to_x - x, to_y - y])
    length = float(np.hypot(*way))
    along = way / length if length > 1 else np.array([0.0, 0.0])
    across = np.array([-along[1], along[0]])
    for colour, line in zip(reversed(_MARK), (4, 2), strict=True):
        draw.ellipse((x - 8, y - 8, x + 8, y + 8), outline=colour, width=line)
        if length > 12:
            start, end = np.array([x, y]) + 8 * along, np.array([to_x, to_y])
            draw.line((*start, *end), fill=colour, width=line)
            for side in (1, -1):
                draw.line((*end, *(end - 9 * along + side * 5 * across)), fill=colour, width=line)
    return enlarged
