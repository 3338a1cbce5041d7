"""What a driver of an arm does, and what the rest knows of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .poses import Pose


class ArmFailure(Exception):
    """The arm cannot or must not go on: ``code``, ``subject``, ``message`` as in ``ClientError``."""

    def __init__(self, code: str, subject: str, message: str) -> None:
        super().__init__(f"{code}: {subject}: {message}")
        self.code = code
        self.subject = subject
        self.message = message


@dataclass(frozen=True)
class ArmState:
    """What an arm measures."""

    time: float
    """Seconds of the arm's own clock."""
    pose: Pose
    """Of the tool's centre point, in the base frame."""
    velocity: np.ndarray
    """``[3]``, m/s, of the tool's centre point."""
    gripper_opening: float
    """0 (closed) to 1 (open)."""
    joints: np.ndarray
    """``[joints]``, rad."""


class Arm(Protocol):
    """An arm that can be told how fast its tool moves.

    ``command`` is the only way to move during an episode. Each command holds for a short time and then fades to rest
    inside the driver, whatever becomes of the program that gave it.
    """

    def state(self) -> ArmState:
        """What is measured now. Moves nothing.

        Raises:
            ArmFailure: there is no connection, or the arm reports an error.
        """
        ...

    def command(self, linear: np.ndarray, angular: np.ndarray, hold: float) -> None:
        """Moves the tool, in the base frame.

        Args:
            linear: ``[3]``, m/s.
            angular: ``[3]``, rad/s.
            hold: seconds for which the velocity is kept before the arm brakes by itself.

        Raises:
            ArmFailure: the arm reports an error; it does not move.
        """
        ...

    def grip(self, opening: float) -> None:
        """Opens the gripper for 1, closes it with its force for 0. Returns at once."""
        ...

    def rest(self, beat: Beat) -> None:
        """Waits until the last command has faded and the arm is under control no more. ``beat`` is called all the
        while.

        Raises:
            ArmFailure: the arm reports an error, or does not come to rest.
        """
        ...

    def move_joints(self, joints: np.ndarray, beat: Beat) -> None:
        """Goes to ``joints`` slowly, and waits for it. ``beat`` is called all the while; what it raises ends the
        motion.

        Raises:
            ArmFailure: the arm reports an error.
        """
        ...

    def close(self) -> None:
        """Ends the connection. Nothing else is called afterwards."""
        ...


class Beat(Protocol):
    """Tells the watchdog that the driver is alive."""

    def __call__(self) -> None: ...
