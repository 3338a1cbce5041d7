"""Pictures to patches and targets, pixel for pixel as the release (and the Swift runtime) prepares them."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image
from torch import Tensor

from ..errors import TrainingError

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
JPEG_QUALITY = 95


def encode_jpeg(frame: np.ndarray) -> bytes:
    """A frame uint8 ``[h, w, 3]`` as JPEG, quality 95, 4:4:4: small, and near enough to the frame."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def decode_picture(data: bytes) -> np.ndarray:
    """The bytes of a JPEG or PNG file to a frame uint8 ``[h, w, 3]``."""
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except (OSError, ValueError) as error:
        raise TrainingError("unreadable_picture", f"{len(data)} bytes", f"is no JPEG or PNG file: {error}") from error


@dataclass(frozen=True)
class Placement:
    """Where a picture lies on its canvas: scaled to fit, aspect kept, centred. Sizes are (height, width)."""

    source: tuple[int, int]
    canvas: tuple[int, int]
    size: tuple[int, int]
    top: int
    left: int

    @classmethod
    def fit(cls, source: tuple[int, int], canvas: tuple[int, int]) -> Placement:
        """In single precision and cut, not rounded, as the reference does."""
        scale = min(np.float32(c) / np.float32(s) for c, s in zip(canvas, source, strict=True))
        height, width = (
            min(int(np.float32(s) * scale), c) for s, c in zip(source, canvas, strict=True)
        )
        if not height or not width:
            raise TrainingError("invalid_picture", f"{source[1]}x{source[0]}", "is too narrow to be scaled")
        return cls(source, canvas, (height, width), (canvas[0] - height) // 2, (canvas[1] - width) // 2)

    def shown(self, step: int) -> np.ndarray:
        """Which cells of ``step`` pixels show the picture, by their middle pixel: bool ``[cells]``, row-major."""
        spans = zip(self.canvas, (self.top, self.left), self.size, strict=True)
        rows, columns = (
            (np.arange(canvas // step) * step + step // 2 >= first)
            & (np.arange(canvas // step) * step + step // 2 < first + size)
            for canvas, first, size in spans
        )
        return (rows[:, None] & columns).reshape(-1)


def on_canvas(frame: np.ndarray, placement: Placement) -> np.ndarray:
    """A frame ``[h, w, 3]``, 0..255, on its canvas, float32 ``[H, W, 3]`` in 0..1, black around it."""
    if placement.source == placement.canvas:
        return frame.astype(np.float32) * np.float32(1 / 255)
    picture = torch.from_numpy(np.array(frame)).movedim(-1, 0)[None].float() * (1 / 255)
    if placement.size != placement.source:
        picture = functional.interpolate(
            picture, placement.size, mode="bilinear", antialias=True, align_corners=False
        ).clamp_(0, 1)
    canvas = np.zeros((*placement.canvas, 3), dtype=np.float32)
    rows = slice(placement.top, placement.top + placement.size[0])
    canvas[rows, placement.left : placement.left + placement.size[1]] = picture[0].movedim(0, -1).numpy()
    return canvas


def patchify(pictures: np.ndarray, patch: int) -> np.ndarray:
    """``[..., H, W, 3]`` to ``[..., patches, patch² * 3]``; a patch is laid out row, column, channel."""
    *leading, height, width, channels = pictures.shape
    rows, columns = height // patch, width // patch
    split = pictures.reshape(*leading, rows, patch, columns, patch, channels)
    return np.ascontiguousarray(np.swapaxes(split, -4, -3)).reshape(*leading, rows * columns, patch * patch * channels)


def normalise(values: Tensor) -> Tensor:
    """Values 0..1 ``[..., patch² * 3]`` with the release's mean and deviation of each channel."""
    repeats = values.shape[-1] // 3
    mean, deviation = (torch.tensor(x, device=values.device).repeat(repeats) for x in (MEAN, DEVIATION))
    return (values - mean) / deviation


def input_patches(frame: np.ndarray, canvas: tuple[int, int], patch: int) -> tuple[Tensor, Tensor]:
    """Normalised patches ``[p, patch² * 3]`` of a frame and their mask, bool ``[p]``."""
    placement = Placement.fit((frame.shape[0], frame.shape[1]), canvas)
    values = normalise(torch.from_numpy(patchify(on_canvas(frame, placement), patch)))
    return values, torch.from_numpy(placement.shown(patch))


def target_picture(frame: np.ndarray, canvas: tuple[int, int], code: int) -> tuple[Tensor, Tensor]:
    """A target ``[3, H, W]`` in -1..1 and which codes (of ``code`` pixels a side) show it, bool ``[codes]``."""
    placement = Placement.fit((frame.shape[0], frame.shape[1]), canvas)
    picture = torch.from_numpy(on_canvas(frame, placement)) * 2 - 1
    return picture.movedim(-1, 0).contiguous(), torch.from_numpy(placement.shown(code))


def _nearest(source: int, count: int) -> np.ndarray:
    scale = np.float32(source) / np.float32(count)
    places = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * scale
    return np.minimum(places.astype(np.int64), source - 1)


def target_like_input(
    frame: np.ndarray, input_canvas: tuple[int, int], canvas: tuple[int, int], code: int
) -> tuple[Tensor, Tensor]:
    """As ``target_picture`` where the prompt has a picture of the same size: placed like that one, nearest pixels."""
    placement = Placement.fit((frame.shape[0], frame.shape[1]), input_canvas)
    axes = []
    for axis, first in enumerate((placement.top, placement.left)):
        places = _nearest(input_canvas[axis], canvas[axis]) - first
        inside = (places >= 0) & (places < placement.size[axis])
        resized = _nearest(placement.source[axis], placement.size[axis])
        axes.append((resized[places.clip(0, placement.size[axis] - 1)], inside))
    (rows, row_inside), (columns, column_inside) = axes
    inside = row_inside[:, None] & column_inside
    picture = frame[rows][:, columns].astype(np.float32) * np.float32(1 / 255) * 2 - 1
    picture[~inside] = -1
    middles = inside[code // 2 :: code, code // 2 :: code].reshape(-1)
    return torch.from_numpy(picture).movedim(-1, 0).contiguous(), torch.from_numpy(middles)
