"""Films of episodes in which the instruction is said aloud: it is heard, and the model is asked about what it sees."""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from uio2_client import Client, ClientError, camera_frame
from uio2_client import uio2_pb2 as pb

from .environment import Transition
from .episode import EpisodeResult, Execution
from .video import write_film

GOAL_PROMPT = "Where is the goal?"
"""What a policy trained with the objective ``point`` answers with two locations, row and column (docs/training.md)."""
NEXT_PROMPT = "An image of what will be seen next:"
"""What a policy trained with the objective ``next_frame`` answers with an image."""
_LOCATION = re.compile(r"<extra_id_(\d+)>")
_FIRST_LOCATION, _LOCATIONS = 200, 1000
_SIDE, _CAPTION, _LEGEND = 288, 22, 18
_SUCCESS, _QUIET, _MARK = (60, 180, 75), (32, 32, 36), (255, 64, 64)
_SLOWED = 4
"""How many times slower than the simulation the film is."""


@dataclass(frozen=True)
class Answers:
    """What the model says about one look."""

    goal: tuple[float, float] | None
    """Row and column as shares of the picture, 0..1."""
    next_image: np.ndarray | None
    """uint8 ``[height, width, 3]``."""


class Questions:
    """Asks a daemon's model about what the policy's camera sees.

    Args:
        client: the way to the daemon.
        camera: of the policy, whose input is the image.
        sound: the instruction, a WAV, FLAC or OGG file; it is part of each question.
        log: told once why a question is not asked any more.
    """

    def __init__(self, client: Client, camera: str, sound: bytes, log: Callable[[str], None]) -> None:
        self._client, self._camera, self._sound, self._log = client, camera, sound, log
        self._unasked: set[str] = set()

    def ask(self, picture: np.ndarray) -> Answers:
        """What the model says about ``picture``, uint8 ``[height, width, 3]``. An answer that cannot be had is ``None``."""
        goal, image = self._generate(GOAL_PROMPT, picture, "text"), self._generate(NEXT_PROMPT, picture, "image")
        return Answers(goal_of(goal.text) if goal else None, _decoded(image.media) if image else None)

    def _generate(self, prompt: str, picture: np.ndarray, output: str) -> pb.Generation | None:
        if prompt in self._unasked:
            return None
        frame = camera_frame(self._camera, picture)
        try:
            # The most likely image, not a sample: it shall be what the model expects.
            guidance = 1.0 if output == "image" else None
            return self._client.generate(
                prompt, [frame], output=output, audio=self._sound, temperature=0, guidance=guidance
            )
        except ClientError as error:
            self._unasked.add(prompt)
            self._log(f"not asked any more: {prompt!r}: {error}")
            return None


def goal_of(text: str) -> tuple[float, float] | None:
    """Row and column, 0..1, of an answer that begins with two locations; ``None`` for any other."""
    bins = [int(number) - _FIRST_LOCATION for number in _LOCATION.findall(text)[:2]]
    if len(bins) != 2 or not all(0 <= place < _LOCATIONS for place in bins):
        return None
    return bins[0] / (_LOCATIONS - 1), bins[1] / (_LOCATIONS - 1)


def _decoded(data: bytes) -> np.ndarray | None:
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except (OSError, UnidentifiedImageError):
        return None


@dataclass(frozen=True)
class _Moment:
    frames: tuple[np.ndarray, ...]
    """Of all cameras, the policy's image first."""
    caption: str
    answers: Answers
    expected: np.ndarray | None
    """What the model had said, one look ago, that it would see now."""
    success: bool


def film_of_spoken(
    path: Path,
    title: str,
    rate: float,
    capabilities: pb.Capabilities,
    client: Client,
    clip: pb.AudioClip,
    log: Callable[[str], None],
) -> SpokenFilm | None:
    """The film of an episode in which ``clip`` says the instruction; ``None`` where the policy has no image to be asked about.

    Args:
        path: the MP4 file.
        title: stands under the pictures.
        rate: looks a second of simulated time.
        capabilities: of the policy.
        client: the way to it.
        clip: a WAV, FLAC or OGG file.
        log: told why a question is not asked any more.
    """
    camera = next((camera.name for camera in capabilities.cameras if camera.input == "image"), None)
    if camera is None or clip.encoding != pb.AUDIO_ENCODING_FILE:
        return None
    return SpokenFilm(path, title, rate, camera, Questions(client, camera, clip.data, log), clip.data)


def seconds_of(sound: bytes) -> float:
    """The length of a WAV, FLAC or OGG file; 0 of one that cannot be read."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "pipe:0", "-f", "s16le", "-ac", "1", "-ar", "16000", "pipe:1"]
    samples = subprocess.run(command, input=sound, capture_output=True, check=False).stdout
    return len(samples) / 32_000


class SpokenFilm:
    """The film of one episode whose instruction is said aloud.

    It begins with the first picture and the voice. Then, for each look, it shows the cameras with the model's answer to
    "where is the goal" drawn in, what the model had expected to see, and what it sees.

    Args:
        path: the MP4 file.
        title: stands under the pictures.
        rate: looks a second of simulated time.
        camera: whose picture is the policy's image.
        questions: asks the model.
        sound: the instruction, as a file.
    """

    def __init__(self, path: Path, title: str, rate: float, camera: str, questions: Questions, sound: bytes) -> None:
        self._path, self._title, self._rate = path, title, rate / _SLOWED
        self._camera, self._questions, self._sound = camera, questions, sound
        self._moments: list[_Moment] = []

    def begin(self) -> None:
        """The episode has begun."""

    def add(self, frames: dict[str, np.ndarray], result: EpisodeResult) -> None:
        """Adds what the cameras see, camera name to uint8 ``[height, width, 3]``, and asks the model about it."""
        expected = self._moments[-1].answers.next_image if self._moments else None
        ordered = sorted(frames, key=lambda name: name != self._camera)
        answers = self._questions.ask(frames[self._camera])
        caption = f"{self._title}  step {result.steps}{'  success' if result.success else ''}"
        moment = _Moment(tuple(frames[name] for name in ordered), caption, answers, expected, result.success)
        self._moments.append(moment)

    def take(self, execution: Execution, index: int) -> None:
        """An action is about to be executed."""

    def advance(self, transition: Transition) -> None:
        """A control step has been made."""

    def write(self) -> Path:
        """Writes the file, with the voice, and returns its path."""
        with tempfile.TemporaryDirectory(prefix="uio2-film-") as folder:
            sound = Path(folder) / "instruction"
            sound.write_bytes(self._sound)
            return write_film(self._path, self._rate, self._pictures(), sound=sound)

    def _pictures(self) -> Iterator[np.ndarray]:
        for index, moment in enumerate(self._moments):
            heard = index == 0
            picture = _composed(moment, f"{moment.caption}   (the instruction is heard)" if heard else moment.caption)
            for _ in range(1 + (round((seconds_of(self._sound) + 0.3) * self._rate) if heard else 0)):
                yield picture


def _composed(moment: _Moment, caption: str) -> np.ndarray:
    """uint8 ``[height, width, 3]`` with even sides."""
    views = [_enlarged(frame) for frame in moment.frames]
    if moment.answers.goal is not None:
        _cross(views[0], moment.answers.goal)
    panels: list[tuple[str, Image.Image]] = [("sees; cross: where the goal is", views[0])]
    panels += [("sees", view) for view in views[1:]]
    if moment.answers.next_image is not None or moment.expected is not None:
        blank = Image.new("RGB", (_SIDE, _SIDE), _QUIET)
        panels.append(("had expected to see now", blank if moment.expected is None else _enlarged(moment.expected)))
    width = sum(view.width for _, view in panels)
    canvas = Image.new("RGB", (width + width % 2, _LEGEND + _SIDE + _CAPTION), _QUIET)
    draw, font, left = ImageDraw.Draw(canvas), ImageFont.load_default(12), 0
    for legend, view in panels:
        canvas.paste(view, (left, _LEGEND))
        draw.text((left + 6, _LEGEND / 2), legend, fill=(200, 200, 206), font=font, anchor="lm")
        left += view.width
    top = _LEGEND + _SIDE
    draw.rectangle((0, top, canvas.width, top + _CAPTION), fill=_SUCCESS if moment.success else _QUIET)
    draw.text((6, top + _CAPTION / 2), caption, fill="white", font=font, anchor="lm")
    return np.asarray(canvas)


def _enlarged(frame: np.ndarray) -> Image.Image:
    width = round(frame.shape[1] * _SIDE / frame.shape[0])
    return Image.fromarray(frame).resize((width + width % 2, _SIDE), Image.Resampling.BICUBIC)


def _cross(view: Image.Image, goal: Sequence[float]) -> None:
    draw = ImageDraw.Draw(view)
    y, x = goal[0] * (view.height - 1), goal[1] * (view.width - 1)
    for colour, line in (((20, 20, 20), 5), (_MARK, 2)):
        draw.line((x - 11, y, x + 11, y), fill=colour, width=line)
        draw.line((x, y - 11, x, y + 11), fill=colour, width=line)
