"""Surfaces, painted by code: plain colours and patterns of two colours."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image

_SIDE = 64
"""Pixels of a texture; it spans one object."""

_COLOURS = {
    "red": (214, 48, 44),
    "green": (58, 160, 70),
    "blue": (52, 96, 208),
    "yellow": (240, 206, 52),
    "purple": (138, 72, 168),
    "orange": (242, 134, 40),
    "cyan": (66, 190, 204),
    "pink": (242, 136, 176),
    "white": (240, 240, 236),
    "black": (44, 44, 48),
    "olive": (128, 132, 40),
    "brown": (126, 78, 44),
    "navy": (34, 40, 98),
    "mint": (160, 226, 184),
}

_PAINTED = {
    "red-white-stripes": ("stripes", "red", "white"),
    "blue-yellow-stripes": ("stripes", "blue", "yellow"),
    "green-white-dots": ("dots", "green", "white"),
    "purple-yellow-dots": ("dots", "purple", "yellow"),
    "black-white-checks": ("checks", "black", "white"),
    "orange-blue-checks": ("checks", "orange", "blue"),
    "cyan-red-rings": ("rings", "cyan", "red"),
    "pink-black-rings": ("rings", "pink", "black"),
    # Held out: new patterns.
    "green-pink-waves": ("waves", "green", "pink"),
    "white-blue-waves": ("waves", "white", "blue"),
    "yellow-black-diagonals": ("diagonals", "yellow", "black"),
    "red-cyan-wedges": ("wedges", "red", "cyan"),
}

KNOWN = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "pink", *list(_PAINTED)[:8])
"""Textures to train on."""
NEW = ("olive", "brown", "navy", "mint", *list(_PAINTED)[8:])
"""Textures that no training episode has."""

TABLE = "table"
"""The table's own."""


def pixels(name: str) -> np.ndarray:
    """The texture of this name, uint8 ``[64, 64, 3]``."""
    if name == TABLE:
        random = np.random.default_rng(1)
        grain = random.normal(0, 2.0, (_SIDE, 1)) + random.normal(0, 1.0, (_SIDE, _SIDE))
        return np.clip(np.array([164, 160, 152]) + grain[:, :, None], 0, 255).astype(np.uint8)
    if name in _COLOURS:
        return np.broadcast_to(np.array(_COLOURS[name], dtype=np.uint8), (_SIDE, _SIDE, 3)).copy()
    pattern, first, second = _PAINTED[name]
    chosen = _mask(pattern)
    return np.where(chosen[:, :, None], np.array(_COLOURS[first]), np.array(_COLOURS[second])).astype(np.uint8)


@cache
def png(name: str) -> bytes:
    """The texture as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels(name)).save(buffer, format="PNG")
    return buffer.getvalue()


def _mask(pattern: str) -> np.ndarray:
    """Where the first of two colours is, bool ``[64, 64]``."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / _SIDE
    if pattern == "stripes":
        return (x * 5) % 1 < 0.5
    if pattern == "dots":
        return ((x * 4) % 1 - 0.5) ** 2 + ((y * 4) % 1 - 0.5) ** 2 > 0.09
    if pattern == "checks":
        return ((x * 5).astype(int) + (y * 5).astype(int)) % 2 == 0
    if pattern == "rings":
        return (np.hypot(x - 0.5, y - 0.5) * 8) % 1 < 0.5
    if pattern == "waves":
        return (y * 4 + 0.35 * np.sin(x * 6 * np.pi)) % 1 < 0.5
    if pattern == "diagonals":
        return ((x + y) * 4) % 1 < 0.5
    return (np.arctan2(y - 0.5, x - 0.5) / np.pi * 4) % 1 < 0.5
