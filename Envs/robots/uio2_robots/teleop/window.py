"""A window of pygame that shows what the robot's cameras see: its keyboard, and a gamepad."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import inputs
from .inputs import InputFailure, Wish
from .keys import Keyboard

_SIDE = 320
"""Pixels of a camera's picture in the window, in height."""
DEAD_ZONE = 0.12
"""What a stick may be off its middle."""

ENABLE, ROTATE = 4, 5
"""Buttons at the shoulders: nothing moves while the left one is not held; the right one turns instead of moving."""
BUTTONS: Mapping[int, str] = {
    0: inputs.GRIP, 1: inputs.STOP, 2: inputs.SWITCH, 3: inputs.SUCCESS,
    6: inputs.FAILURE, 7: inputs.GO, 8: inputs.QUIT,
}  # fmt: skip
"""As Xbox pads are numbered: A, B, X, Y, back, start, guide."""
STICKS: Mapping[int, tuple[int, float]] = {0: (0, 1.0), 1: (1, -1.0), 4: (2, -1.0)}
"""Axis of the pad to x, y, z and direction; up is negative there."""

PAD_HELP = (
    "gamepad   hold the left shoulder to move: left stick x and y, right stick z; with the right shoulder too it turns",
    "          A grips, X takes over or hands back, B stops, start goes on, Y success, back failure, guide ends",
)


class Screen:
    """What the window shows; written by the robot's thread, drawn by the window's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: dict[str, np.ndarray] = {}
        self.line = ""
        """Of text below the pictures."""

    def show(self, frames: Mapping[str, np.ndarray]) -> None:
        """Takes pictures, uint8 ``[height, width, 3]``."""
        with self._lock:
            self._frames = dict(frames)

    @property
    def frames(self) -> dict[str, np.ndarray]:
        """The newest pictures."""
        with self._lock:
            return self._frames


class WindowInput:
    """Keyboard and gamepad, in one window.

    Args:
        screen: what is shown.
        needs_pad: whether a gamepad has to be there; one that is there is read in any case.

    Raises:
        InputFailure: pygame or the gamepad is missing, or there is no display.
    """

    def __init__(self, screen: Screen, needs_pad: bool = False) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError as error:
            raise InputFailure("no_pygame", "pygame", f"not installed ({error}); pip install pygame==2.6.1") from error
        self._pygame = pygame
        self._screen = screen
        self._keyboard = Keyboard()
        self._sticks: dict[int, float] = {}
        self._held: set[int] = set()
        self._drawn: Any = None
        try:
            pygame.display.init()
            pygame.font.init()
            pygame.joystick.init()
            self._window = pygame.display.set_mode((2 * _SIDE, _SIDE + 24))
        except pygame.error as error:
            pygame.quit()
            message = f"no window ({error}); --input terminal needs none"
            raise InputFailure("no_display", "display", message) from error
        pygame.display.set_caption("uio2 teleop")
        self._font = pygame.font.Font(None, 20)
        self._pads = [pygame.joystick.Joystick(index) for index in range(pygame.joystick.get_count())]
        if needs_pad and not self._pads:
            self.close()
            raise InputFailure("no_gamepad", "gamepad", "none is connected")

    def read(self) -> Wish:
        pygame = self._pygame
        for event in pygame.event.get():
            self._take(event)
        self._draw()
        wish = self._keyboard.wish()
        if ENABLE not in self._held:
            return wish
        axes = [0.0, 0.0, 0.0]
        for stick, value in self._sticks.items():
            axis, direction = STICKS[stick]
            axes[axis] = direction * _beyond_dead_zone(value)
        pad = (axes[0], axes[1], axes[2])
        if ROTATE in self._held:
            return Wish(wish.linear, _sum(wish.angular, pad), wish.words)
        return Wish(_sum(wish.linear, pad), wish.angular, wish.words)

    def close(self) -> None:
        self._pygame.quit()

    def _take(self, event: Any) -> None:
        pygame, keyboard = self._pygame, self._keyboard
        if event.type == pygame.KEYDOWN:
            keyboard.press(_named(pygame, event))
        elif event.type == pygame.KEYUP:
            keyboard.release(_named(pygame, event))
        elif event.type == pygame.WINDOWFOCUSLOST:
            # Keys that come up elsewhere are not told.
            keyboard.release_all()
        elif event.type == pygame.QUIT:
            keyboard.say(inputs.QUIT)
        elif event.type == pygame.JOYAXISMOTION and event.axis in STICKS:
            self._sticks[event.axis] = float(event.value)
        elif event.type == pygame.JOYBUTTONDOWN:
            self._held.add(event.button)
            if event.button in BUTTONS:
                keyboard.say(BUTTONS[event.button])
        elif event.type == pygame.JOYBUTTONUP:
            self._held.discard(event.button)
        elif event.type == pygame.JOYDEVICEADDED:
            self._pads.append(pygame.joystick.Joystick(event.device_index))
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._held.clear()
            self._sticks.clear()
            keyboard.say(inputs.STOP)

    def _draw(self) -> None:
        frames, line = self._screen.frames, self._screen.line
        if self._drawn is not None and self._drawn[0] is frames and self._drawn[1] == line:
            return
        self._drawn = (frames, line)
        pygame = self._pygame
        self._window.fill((20, 20, 24))
        for place, frame in enumerate(list(frames.values())[:2]):
            picture = pygame.image.frombuffer(np.ascontiguousarray(frame).tobytes(), frame.shape[1::-1], "RGB")
            width = round(_SIDE * frame.shape[1] / frame.shape[0])
            self._window.blit(pygame.transform.scale(picture, (width, _SIDE)), (place * _SIDE, 0))
        self._window.blit(self._font.render(line, True, (230, 230, 230)), (6, _SIDE + 5))
        pygame.display.flip()


def _named(pygame: Any, event: Any) -> str:
    return str(pygame.key.name(event.key)).lower()


def _beyond_dead_zone(value: float) -> float:
    """-1 to 1, growing from nothing at the edge of the dead zone."""
    if abs(value) <= DEAD_ZONE:
        return 0.0
    size = min(1.0, (abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE))
    return size if value > 0 else -size


def _sum(first: tuple[float, float, float], second: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (min(1.0, max(-1.0, a + b)) for a, b in zip(first, second, strict=True))
    return x, y, z
