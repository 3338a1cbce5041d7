"""Keyboard, gamepad and terminal say what is pressed: real pygame events without a screen, and a real terminal."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator

import numpy as np
import pytest

from uio2_robots.teleop import inputs, window
from uio2_robots.teleop.inputs import InputFailure, Wish
from uio2_robots.teleop.keys import MOVES, SAYS, Keyboard
from uio2_robots.teleop.terminal import HOLD_SECONDS, TerminalInput
from uio2_robots.teleop.window import ENABLE, ROTATE, Screen, WindowInput


def test_keys_move_while_they_are_pressed_and_words_are_said_once() -> None:
    keyboard = Keyboard()
    for key in ("w", "d", "space", "tab", "f7"):
        keyboard.press(key)
    assert keyboard.wish() == Wish((1, 1, 0), (0, 0, 0), (inputs.GRIP, inputs.SWITCH))
    keyboard.release("d")
    keyboard.press("s")
    assert keyboard.wish() == Wish(), "two opposite keys are no move, and a word is not said twice"
    keyboard.release_all()
    assert keyboard.wish() == Wish()
    assert not set(MOVES) & set(SAYS) and set(SAYS.values()) == set(inputs.WORDS)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Screen, WindowInput]]:
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    shown = Screen()
    device = WindowInput(shown)
    yield shown, device
    device.close()


def post(kind: str, **fields) -> None:
    import pygame

    pygame.event.post(pygame.event.Event(getattr(pygame, kind), **fields))


def test_a_window_reads_its_keyboard(screen) -> None:
    import pygame

    shown, device = screen
    shown.show({"front": np.zeros((8, 12, 3), np.uint8), "top": np.full((8, 8, 3), 255, np.uint8)})
    shown.line = "the policy leads"
    post("KEYDOWN", key=pygame.K_w)
    post("KEYDOWN", key=pygame.K_PAGEUP)
    post("KEYDOWN", key=pygame.K_RETURN)
    assert device.read() == Wish((0, 1, 1), words=(inputs.STOP,))
    assert pygame.display.get_surface().get_at((window._SIDE + 10, 10))[:3] == (255, 255, 255), (
        "the second picture is drawn"
    )
    post("KEYUP", key=pygame.K_w)
    assert device.read() == Wish((0, 0, 1))
    post("WINDOWFOCUSLOST")
    assert device.read() == Wish(), "nobody tells which keys come up in another window"
    post("QUIT")
    assert device.read().words == (inputs.QUIT,)


def test_a_gamepad_moves_only_while_its_shoulder_is_held(screen) -> None:
    _, device = screen
    post("JOYAXISMOTION", axis=0, value=1.0)
    post("JOYAXISMOTION", axis=1, value=-1.0)
    post("JOYAXISMOTION", axis=4, value=0.05)
    assert device.read() == Wish()
    post("JOYBUTTONDOWN", button=ENABLE)
    assert device.read() == Wish((1, 1, 0)), "up is forward, and a stick is never quite in its middle"
    post("JOYBUTTONDOWN", button=ROTATE)
    assert device.read() == Wish(angular=(1, 1, 0))
    post("JOYBUTTONDOWN", button=0)
    post("JOYBUTTONUP", button=ENABLE)
    assert device.read() == Wish(words=(inputs.GRIP,))
    post("JOYBUTTONDOWN", button=ENABLE)
    post("JOYDEVICEREMOVED", instance_id=0)
    assert device.read() == Wish(words=(inputs.STOP,)), "a pad that is gone stops the robot"


def test_without_a_gamepad_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with pytest.raises(InputFailure, match="none is connected"):
        WindowInput(Screen(), needs_pad=True)
    monkeypatch.setenv("SDL_VIDEODRIVER", "nonsense")
    with pytest.raises(InputFailure, match="--input terminal"):
        WindowInput(Screen())


def test_a_press_at_a_terminal_moves_for_a_moment() -> None:
    master, slave = pty.openpty()
    now = 0.0
    try:
        device = TerminalInput(slave, lambda: now)
        os.write(master, b"w\x1b[C\x1b[11~ ")
        assert device.read() == Wish((1, 1, 0), words=(inputs.GRIP,))
        now += HOLD_SECONDS / 2
        os.write(master, b"w")
        assert device.read() == Wish((1, 1, 0))
        now += HOLD_SECONDS * 0.6
        assert device.read() == Wish((0, 1, 0)), "the arrow was pressed once"
        now += HOLD_SECONDS
        os.write(master, b"\r\t")
        assert device.read() == Wish(words=(inputs.STOP, inputs.SWITCH))
        os.close(master)
        with pytest.raises(InputFailure, match="closed"):
            device.read()
        device.close()
    finally:
        os.close(slave)


def test_what_is_no_terminal_is_refused() -> None:
    reading, writing = os.pipe()
    with pytest.raises(InputFailure, match="terminal"):
        TerminalInput(reading)
    os.close(reading)
    os.close(writing)
