"""Words and pictures in order, laid out in lines: what a prompt looks like to people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_MARGIN = 8
_LEADING = 6


def flow(
    parts: Sequence[str | np.ndarray], width: int, *, picture_height: int = 72, size: int = 15
) -> Image.Image:
    """A picture ``width`` pixels wide, as high as it needs to be.

    Args:
        parts: words and pictures, a picture uint8 ``[height, width, 3]``.
        width: pixels.
        picture_height: pixels that each picture is scaled to.
        size: of the letters, pixels.
    """
    font = ImageFont.load_default(size)
    items: list[tuple[str | Image.Image, int]] = []
    for part in parts:
        if isinstance(part, str):
            items += [(word, round(font.getlength(word))) for word in part.split()]
        else:
            scaled = (max(1, part.shape[1] * picture_height // part.shape[0]), picture_height)
            items.append((Image.fromarray(part).resize(scaled, Image.Resampling.LANCZOS), scaled[0]))
    lines: list[list[tuple[str | Image.Image, int]]] = [[]]
    x = _MARGIN
    for item, item_width in items:
        if lines[-1] and x + item_width > width - _MARGIN:
            lines.append([])
            x = _MARGIN
        lines[-1].append((item, x))
        x += item_width + round(font.getlength(" ")) + (0 if isinstance(item, str) else 2)
    pictured = [any(isinstance(item, Image.Image) for item, _ in line) for line in lines]
    heights = [picture_height if has_picture else size + _LEADING for has_picture in pictured]
    sheet = Image.new("RGB", (width, sum(heights) + _MARGIN * (len(lines) + 1)), "white")
    draw, top = ImageDraw.Draw(sheet), _MARGIN
    for line, height in zip(lines, heights, strict=True):
        for item, left in line:
            if isinstance(item, str):
                draw.text((left, top + height / 2), item, fill="black", font=font, anchor="lm")
            else:
                sheet.paste(item, (left, top))
        top += height + _MARGIN
    return sheet
