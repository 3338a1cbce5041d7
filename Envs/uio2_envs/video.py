"""Videos of episodes: what the policy saw, side by side, with a caption."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from PIL import Image, ImageDraw

_CAPTION_HEIGHT = 16
_MARGIN = 4
_LEAST_HEIGHT = 256
_SUCCESS = (60, 180, 75)
_QUIET = (32, 32, 36)


class EpisodeVideo:
    """Collects the frames of one episode and writes them at its end, so that nothing is compressed during control.

    Args:
        path: the MP4 file.
        frame_rate: pictures a second of simulated time.
    """

    def __init__(self, path: Path, frame_rate: float) -> None:
        self.path = path
        self._frame_rate = frame_rate
        self._pictures: list[tuple[dict[str, np.ndarray], str, bool]] = []

    def add(self, frames: dict[str, np.ndarray], caption: str, success: bool = False) -> None:
        """Adds a moment.

        Args:
            frames: camera name to uint8 ``[height, width, 3]``.
            caption: a line below the picture.
            success: colours the caption.
        """
        self._pictures.append((frames, caption, success))

    def write(self) -> Path:
        """Writes the file, with its folder, and returns its path."""
        return write_film(self.path, self._frame_rate, self._composed())

    def _composed(self) -> Iterator[np.ndarray]:
        for frames, caption, success in self._pictures:
            yield compose(list(frames.values()), caption, success)


def write_film(path: Path, frame_rate: float, pictures: Iterable[np.ndarray], sound: Path | None = None) -> Path:
    """Writes an MP4 file, with its folder, and returns its path.

    Args:
        path: the file.
        frame_rate: pictures a second.
        pictures: uint8 ``[height, width, 3]`` with even sides, all of one size. The last stays for a second.
        sound: a file that is heard from the beginning.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"codec": "libx264", "quality": 8, "macro_block_size": 2}
    if sound is not None:
        options |= {"audio_path": str(sound), "audio_codec": "aac", "ffmpeg_log_level": "error"}
    writer: Any = imageio.get_writer(path, format="FFMPEG", fps=frame_rate, **options)
    with writer:
        last = None
        for last in pictures:
            writer.append_data(last)
        # So that the end can be seen.
        for _ in range(round(frame_rate) if last is not None else 0):
            writer.append_data(last)
    return path


def compose(frames: list[np.ndarray], caption: str, success: bool = False) -> np.ndarray:
    """Frames side by side over a caption, uint8 ``[height, width, 3]`` with even sides; small frames are enlarged."""
    tallest = max(frame.shape[0] for frame in frames)
    factor = max(1, -(-_LEAST_HEIGHT // tallest))
    enlarged = [frame.repeat(factor, axis=0).repeat(factor, axis=1) for frame in frames]
    height = tallest * factor
    width = sum(frame.shape[1] for frame in enlarged)
    canvas = np.empty((height + _CAPTION_HEIGHT, width, 3), dtype=np.uint8)
    canvas[:] = _SUCCESS if success else _QUIET
    left = 0
    for frame in enlarged:
        canvas[: frame.shape[0], left : left + frame.shape[1]] = frame
        left += frame.shape[1]
    picture = Image.fromarray(canvas)
    ImageDraw.Draw(picture).text((_MARGIN, height + 2), caption, fill=(255, 255, 255))
    array = np.asarray(picture)
    return np.pad(array, ((0, array.shape[0] % 2), (0, array.shape[1] % 2), (0, 0)))
