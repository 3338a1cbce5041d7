"""Pictures of messages as arrays, cut and scaled to what a policy asks for."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from .bus import Picture

_ENCODINGS = {
    "rgb8": (3, (0, 1, 2)),
    "bgr8": (3, (2, 1, 0)),
    "rgba8": (4, (0, 1, 2)),
    "bgra8": (4, (2, 1, 0)),
    "mono8": (1, (0, 0, 0)),
    "8UC1": (1, (0, 0, 0)),
    "8UC3": (3, (2, 1, 0)),
}
"""Bytes of a pixel, and which of them are red, green and blue."""
_MOST_PIXELS = 1 << 26


def decode(picture: Picture, is_compressed: bool) -> np.ndarray:
    """The picture uint8 ``[height, width, 3]``, RGB.

    Raises:
        ValueError: it is damaged, or of an encoding that is not known.
    """
    if is_compressed:
        try:
            with Image.open(io.BytesIO(picture.data), formats=("JPEG", "PNG")) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise ValueError(f"{image.width}x{image.height} pixels are too many")
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"no JPEG or PNG file: {error}") from error
    if picture.encoding not in _ENCODINGS:
        known = ", ".join(_ENCODINGS)
        raise ValueError(f"encoding {picture.encoding!r} is not known here; known are {known}")
    size, order = _ENCODINGS[picture.encoding]
    width, height, step = picture.width, picture.height, picture.step
    if not (width and height) or step < width * size or len(picture.data) < step * height:
        raise ValueError(f"{len(picture.data)} bytes are no {width}x{height} pixels of {size} bytes, {step} a row")
    rows = np.frombuffer(picture.data, np.uint8, step * height).reshape(height, step)
    pixels = rows[:, : width * size].reshape(height, width, size)
    return np.ascontiguousarray(pixels[:, :, order])


def fitted(frame: np.ndarray, width: int, height: int, own_view: float, view: float) -> np.ndarray:
    """The middle of ``frame``, scaled.

    Args:
        frame: uint8 ``[height, width, 3]``.
        width: pixels of the result.
        height: pixels of the result.
        own_view: vertical field of view of ``frame``, degrees.
        view: vertical field of view of the result, degrees; 0: as much as fits.

    Raises:
        ValueError: the camera does not see so much.
    """
    rows, columns = frame.shape[:2]
    if view:
        cut = rows * math.tan(math.radians(view) / 2) / math.tan(math.radians(own_view) / 2)
        # A camera whose field of view is that of the policy may have it a little less.
        if cut > rows * 1.02 or cut * width / height > columns * 1.02:
            raise ValueError(
                f"{columns}x{rows} pixels with {own_view:g} degrees do not hold {width}x{height} with {view:g} degrees"
            )
        cut = min(cut, rows, columns * height / width)
    else:
        cut = min(rows, columns * height / width)
    across = cut * width / height
    box = ((columns - across) / 2, (rows - cut) / 2, (columns + across) / 2, (rows + cut) / 2)
    if (columns, rows) == (width, height) and cut == rows:
        return frame
    scaled = Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    return np.asarray(scaled)
