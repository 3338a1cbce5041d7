"""What the arm and the cameras need of ROS, so that they can be tested without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .joints import JointWatch
from .motion import Way


@dataclass(frozen=True)
class Picture:
    """The newest message of a camera, not decoded yet."""

    stamp: int
    """ns, of its header: when it was taken, by the clock of ROS."""
    encoding: str
    """As in ``sensor_msgs/Image``; of a compressed one ``"jpeg"`` and the like."""
    width: int
    """Pixels; 0 of a compressed one."""
    height: int
    """Pixels; 0 of a compressed one."""
    step: int
    """Bytes of a row; 0 of a compressed one."""
    data: bytes | memoryview


class Bus(Protocol):
    """A node, as the arm and the cameras see it."""

    joints: JointWatch

    def now(self) -> int:
        """ns, by the clock that stamps are of."""
        ...

    def picture(self, topic: str) -> Picture | None:
        """The newest picture; ``None`` before the first."""
        ...

    def trouble(self) -> str:
        """What is wrong with the topics of commands, or with the node; empty: nothing."""
        ...

    def send_way(self, topic: str, joints: Sequence[str], way: Way, stamp: int) -> None:
        """Publishes a ``JointTrajectory`` that begins at ``stamp``."""
        ...

    def send_twist(self, topic: str, frame: str, linear: np.ndarray, angular: np.ndarray, stamp: int) -> None:
        """Publishes a ``TwistStamped`` in the frame of link ``frame``."""
        ...
