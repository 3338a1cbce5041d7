"""A picture of tasks: the prompt with its pictures, and the table before, during and after the oracle's work."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from uio2_envs.flow import flow

from .pictures import SCENE_SIZE
from .trial import Trial

_MARGIN = 8
_COLUMNS = 3


def show(names: Sequence[str], seed: int) -> bytes:
    """A PNG file with a strip for each task."""
    strips = [_strip(name, seed) for name in names]
    height = sum(strip.height for strip in strips)
    sheet = Image.new("RGB", (strips[0].width, height), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    # Few colours are enough for what is drawn, and a third of the bytes.
    few = sheet.quantize(200, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _strip(name: str, seed: int) -> Image.Image:
    trial = Trial(name, seed)
    width, height = SCENE_SIZE
    frames = [trial.painter.scene("top", width, height), None, None]
    middle = _Middle(trial)
    prompt = trial.prompt
    trial.world.hand.watch = middle.look
    for move in trial.plan():
        trial.execute(move)
    trial.world.hand.watch = None
    frames[1], frames[2] = middle.frame, trial.painter.scene("top", width, height)
    line = flow(prompt, _COLUMNS * width + (_COLUMNS + 1) * _MARGIN)
    strip = Image.new("RGB", (line.width, line.height + height + _MARGIN), "white")
    strip.paste(line, (0, 0))
    for index, frame in enumerate(frames):
        if frame is not None:
            strip.paste(Image.fromarray(frame), (_MARGIN + index * (width + _MARGIN), line.height))
    trial.close()
    return strip


class _Middle:
    """Keeps the frame in which the hand, low over the table, has just carried or pushed something."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.frame: np.ndarray | None = None

    def look(self) -> None:
        hand = self._trial.world.hand
        busy = hand.held is not None or (hand.tool == "blade" and hand.pose.z < 0.01)
        if busy and (self.frame is None or self._trial.world.hand.steps % 100 == 0):
            self.frame = self._trial.painter.scene("front", *SCENE_SIZE, arm=True)
