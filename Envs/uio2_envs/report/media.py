"""Pictures out of episode videos, small enough to lie inside a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from PIL import Image

_HEIGHT = 120
_FRAMES = 6


def film_strip(path: Path) -> str | None:
    """Frames from the beginning to the end of a video, side by side, as a ``data:`` address of a JPEG file.

    Returns:
        ``None`` when the file is missing or cannot be read.
    """
    frames = frames_of(path, list(np.linspace(0, 1, _FRAMES)))
    if frames is None:
        return None
    frames = [frame.resize((max(1, frame.width * _HEIGHT // frame.height), _HEIGHT)) for frame in frames]
    strip = Image.new("RGB", (sum(frame.width for frame in frames) + 2 * (len(frames) - 1), _HEIGHT))
    left = 0
    for frame in frames:
        strip.paste(frame, (left, 0))
        left += frame.width + 2
    buffer = io.BytesIO()
    strip.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def frames_of(path: Path, places: list[float]) -> list[Image.Image] | None:
    """The different frames of a video at some places of it, from 0 to 1.

    Returns:
        ``None`` when the file is missing or cannot be read.
    """
    try:
        with imageio.get_reader(path, format="FFMPEG") as reader:
            last = max(0, reader.count_frames() - 1)
            return [Image.fromarray(reader.get_data(place)) for place in sorted({round(place * last) for place in places})]
    except (OSError, IndexError, RuntimeError, ValueError):
        return None
