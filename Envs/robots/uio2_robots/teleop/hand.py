"""What a person wants, as the numbers of a policy's actions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from uio2_client import uio2_pb2 as pb
from uio2_envs.environment import EnvironmentFailure

from ..poses import rotation_matrix, rotation_vector
from .inputs import FASTER, GRIP, SLOWER, Wish

_AXES = ("x", "y", "z")
_TURNS = {"roll": "x", "pitch": "y", "yaw": "z"}
_LEASH = 0.03
"""m; how far an absolute command may lead away from where the tool is measured."""
_SPEEDS = (0.1, 0.2, 0.35, 0.6, 1.0)
"""Parts of the greatest speed."""


def part_of(name: str) -> str | None:
    """What a number of a simulated body drives, by its name: one of ``configuration.DRIVES``; ``None``: not known."""
    if "grip" in name:
        return "gripper"
    if turn := next((axis for word, axis in _TURNS.items() if word in name), None):
        return f"rotation_{turn}"
    found = re.fullmatch(r"(.*?)_?([xyz])", name)
    if found is None:
        return None
    return f"{'rotation' if 'rot' in found[1] or 'ang' in found[1] else 'translation'}_{found[2]}"


def measure_of(name: str) -> str | None:
    """As ``part_of``, of what a body feels: a name of ``configuration.MEASURES``."""
    part = part_of(name)
    return None if part is None else part.replace("translation", "position").replace("gripper", "gripper_opening")


class Hand:
    """Turns wishes into actions.

    Args:
        capabilities: whose actions are said.
        drives: action name to what it drives, as ``configuration.DRIVES``.
        measures: proprioception name to what it measures, as ``configuration.MEASURES``; for absolute commands.
        speed: the greatest, m/s.
        turn: the greatest, rad/s.
        opened, closed: the gripper's commands.
        seconds: that one answer lasts.

    Raises:
        EnvironmentFailure: the actions are none that a person can say with keys.
    """

    def __init__(
        self,
        capabilities: pb.Capabilities,
        drives: Mapping[str, str | None],
        measures: Mapping[str, str | None],
        speed: float = 0.25,
        turn: float = 0.5,
        opened: float = -1.0,
        closed: float = 1.0,
        seconds: float = 0.05,
    ) -> None:
        self._actions = list(capabilities.actions)
        self._parts = [drives.get(action.name) for action in self._actions]
        if capabilities.action_mode not in ("delta", "absolute"):
            message = f"its actions are sentences ({capabilities.action_mode}); keys say displacements"
            raise EnvironmentFailure("unsupported_actions", "teleop", message)
        for action, part in zip(self._actions, self._parts, strict=True):
            if part is None:
                raise EnvironmentFailure("unsupported_actions", action.name, "no key says this number")
        self._is_absolute = capabilities.action_mode == "absolute"
        felt = {measures.get(quantity.name): place for place, quantity in enumerate(capabilities.proprioception)}
        self._position = [felt.get(f"position_{axis}") for axis in _AXES]
        self._rotation = [felt.get(f"rotation_{axis}") for axis in _AXES]
        self._opening = felt.get("gripper_opening")
        turns = any(part is not None and part.startswith("rotation") for part in self._parts)
        if self._is_absolute and (None in self._position or (turns and None in self._rotation)):
            message = "commands are poses, and the policy is not told the pose to begin from"
            raise EnvironmentFailure("unsupported_actions", "teleop", message)
        self._rate = capabilities.control_rate
        self._speed, self._turn, self._opened, self._closed = speed, turn, opened, closed
        self.length = max(1, min(capabilities.chunk_length, round(capabilities.control_rate * seconds)))
        """Control steps that an answer has."""
        self._level = 2
        self._is_open: bool | None = None
        self._target: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def share(self) -> float:
        """Of the greatest speed, that a key moves with."""
        return _SPEEDS[self._level]

    def note(self, words: Sequence[str]) -> None:
        """Takes in what was said of the gripper and the speed."""
        for word in words:
            if word == GRIP:
                self._is_open = not (True if self._is_open is None else self._is_open)
            elif word in (FASTER, SLOWER):
                self._level = min(len(_SPEEDS) - 1, max(0, self._level + (1 if word == FASTER else -1)))

    def begin(self, proprioception: Sequence[float], last: Sequence[float] | None) -> None:
        """The person leads from here on.

        Args:
            last: what the body was told last, by a policy; its grip stays. ``None``: nothing; the measured grip stays.
        """
        self._target = None
        grip = next((place for place, part in enumerate(self._parts) if part == "gripper"), None)
        if last is not None and grip is not None:
            self._is_open = abs(last[grip] - self._opened) <= abs(last[grip] - self._closed)
        elif self._opening is not None:
            self._is_open = proprioception[self._opening] >= 0.5

    def actions(self, wish: Wish, proprioception: Sequence[float]) -> list[list[float]]:
        """``[length][actions]``: one control step after the other, inside the policy's ranges."""
        move = np.array(wish.linear) * self.share * self._speed / self._rate
        spin = np.array(wish.angular) * self.share * self._turn / self._rate
        return [self._row(move, spin, proprioception) for _ in range(self.length)]

    def _row(self, move: np.ndarray, spin: np.ndarray, proprioception: Sequence[float]) -> list[float]:
        if self._is_absolute:
            move, spin = self._led(move, spin, proprioception)
        values = {f"translation_{axis}": move[place] for place, axis in enumerate(_AXES)}
        values |= {f"rotation_{axis}": spin[place] for place, axis in enumerate(_AXES)}
        values["gripper"] = self._closed if self._is_open is False else self._opened
        return [
            float(np.clip(values[str(part)], action.minimum, action.maximum))
            for action, part in zip(self._actions, self._parts, strict=True)
        ]

    def _led(self, move: np.ndarray, spin: np.ndarray, felt: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Where an absolute command leads: what was told before and a bit more, never far from what is measured."""
        measured = np.array([felt[place] for place in self._position if place is not None])
        turned = np.zeros(3)
        if None not in self._rotation:
            turned = np.array([felt[place] for place in self._rotation if place is not None])
        position, rotation = self._target or (measured, turned)
        position = measured + _shortened(position + move - measured, _LEASH)
        rotation = rotation_vector(rotation_matrix(spin) @ rotation_matrix(rotation))
        self._target = (position, rotation)
        return self._target


def _shortened(vector: np.ndarray, length: float) -> np.ndarray:
    found = float(np.linalg.norm(vector))
    return vector if found <= length else vector * (length / found)
