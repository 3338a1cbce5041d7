"""Joint states as they come from a topic: complete, of now, and alive; or what is wrong with them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arm import ArmFailure

_AHEAD = 0.05
"""s; a stamp that lies farther in the future is of another clock."""
_FROZEN = 0.3
"""s; joints that stay the same to the last bit for so long while they are told to move are not measured."""


@dataclass(frozen=True)
class Reading:
    """One joint state."""

    stamp: int
    """ns, when it was measured, by the clock of ROS."""
    positions: np.ndarray
    """``[joints]``"""
    velocities: np.ndarray
    """``[joints]``"""


@dataclass
class _Arrivals:
    """When the messages that carry something came."""

    stamp: int = 0
    """ns, of the newest one's header."""
    received_at: int | None = None
    """ns; ``None``: none has come."""
    repeats: bool = False
    """Whether the last one was the newest again."""

    def take(self, stamp: int, received_at: int) -> bool:
        """Takes in a message; whether it is newer than the ones before."""
        is_first, self.received_at = self.received_at is None, received_at
        self.repeats = not is_first and stamp == self.stamp
        if not is_first and stamp <= self.stamp:
            return False
        self.stamp = stamp
        return True


class JointWatch:
    """Keeps the newest joint state. Messages without all of the joints are of something else.

    Args:
        topic: named in every failure.
        joints: names, in the order in which numbers are given.
        age: seconds; a joint state that is older is none.
        other: a joint that may come in other messages, such as the gripper's, and is measured by the same rules; empty:
            none.
    """

    def __init__(self, topic: str, joints: Sequence[str], age: float, other: str = "") -> None:
        self._topic = topic
        self._joints = tuple(joints)
        self._age = age
        self._other = other
        self._lock = threading.Lock()
        self._newest: Reading | None = None
        self._arrivals = _Arrivals()
        self._other_position = 0.0
        self._other_arrivals = _Arrivals()
        self._failure: ArmFailure | None = None
        self._told_at: np.ndarray | None = None
        self._told = 0
        """ns for which the arm was told to move while the joints stayed at ``_told_at``."""
        self._told_last = 0

    def other(self, now: int) -> float:
        """Position of the other joint at ``now``, ns by the clock of the stamps.

        Raises:
            ArmFailure: it is missing, late or no joint state.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._require_fresh(self._other_arrivals, self._other, now)
            return self._other_position

    def take(
        self,
        stamp: int,
        names: Sequence[str],
        positions: Sequence[float],
        velocities: Sequence[float],
        received_at: int,
    ) -> None:
        """Takes in a message.

        Args:
            stamp: of its header, ns.
            velocities: may be empty.
            received_at: ns by the same clock.
        """
        places = {name: index for index, name in enumerate(names)}
        with self._lock:
            if len(positions) != len(names) or len(velocities) not in (0, len(names)):
                self._fail(
                    "joint_states_invalid",
                    f"{len(names)} names with {len(positions)} positions and {len(velocities)} velocities",
                )
                return
            has_all = all(name in places for name in self._joints)
            if not has_all and self._other not in places:
                return
            if stamp <= 0:
                self._fail("joint_states_invalid", "the messages have no stamp in their header")
                return
            if self._other in places:
                self._take_other(stamp, float(positions[places[self._other]]), received_at)
            if not has_all:
                return
            order = [places[name] for name in self._joints]
            position = np.array([positions[place] for place in order], dtype=np.float64)
            newest = self._newest
            if not self._arrivals.take(stamp, received_at):
                return
            if len(velocities):
                velocity = np.array([velocities[place] for place in order], dtype=np.float64)
            elif newest is None:
                velocity = np.zeros_like(position)
            else:
                velocity = (position - newest.positions) / ((stamp - newest.stamp) / 1e9)
            if not (np.isfinite(position).all() and np.isfinite(velocity).all()):
                self._fail("joint_states_invalid", "numbers that are not finite")
                return
            self._newest = Reading(stamp, position, velocity)

    def _take_other(self, stamp: int, position: float, received_at: int) -> None:
        if not self._other_arrivals.take(stamp, received_at):
            return
        if not np.isfinite(position):
            self._fail("joint_states_invalid", f"the position of {self._other} is not finite")
            return
        self._other_position = position

    def tell(self, moves: bool, now: int) -> None:
        """Notes whether the arm is told to move, ns by the clock of the stamps; called with every command."""
        with self._lock:
            if self._newest is None:
                return
            if self._told_at is None or not np.array_equal(self._told_at, self._newest.positions):
                self._told_at, self._told = self._newest.positions, 0
            elif moves:
                self._told += min(now - self._told_last, round(self._age * 1e9))
            self._told_last = now

    def newest(self, now: int) -> Reading:
        """The joints at ``now``, ns by the clock of the stamps.

        Raises:
            ArmFailure: they are missing, late, frozen or no joint states.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._require_fresh(self._arrivals, ", ".join(self._joints), now)
            newest = self._newest
            assert newest is not None  # else something has failed
            self._require_change(newest, _FROZEN)
            return newest

    def require_change(self, seconds: float) -> None:
        """Looks whether the joints change when they are told to.

        Raises:
            ArmFailure: they have stayed the same for so long while they were told to move.
        """
        with self._lock:
            if self._newest is not None:
                self._require_change(self._newest, seconds)

    def _require_fresh(self, arrivals: _Arrivals, joints: str, now: int) -> None:
        if arrivals.received_at is None:
            raise ArmFailure("joint_states_silent", self._topic, f"no joint states of {joints} have come")
        silent, age = (now - arrivals.received_at) / 1e9, (now - arrivals.stamp) / 1e9
        if age > self._age and silent > self._age / 2:
            message = f"no joint states of {joints} for {silent:.2f} s"
            raise ArmFailure("joint_states_silent", self._topic, message)
        if age > self._age and arrivals.repeats:
            message = f"the same joint state of {joints} comes again and again, of {age:.2f} s ago"
            raise ArmFailure("joint_states_frozen", self._topic, message)
        if age > self._age:
            message = (
                f"joint states come, the newest of {joints} is of {age:.2f} s ago: the way is slow, or a clock off"
            )
            raise ArmFailure("joint_states_late", self._topic, message)
        if age < -_AHEAD:
            message = f"the newest joint states of {joints} are of {-age:.2f} s from now: the clocks differ"
            raise ArmFailure("joint_states_clock", self._topic, message)

    def _require_change(self, newest: Reading, seconds: float) -> None:
        told = self._told / 1e9
        if told > seconds and np.array_equal(newest.positions, self._told_at):
            message = f"the joints have stayed the same to the last bit for {told:.2f} s, told to move"
            raise ArmFailure("joint_states_frozen", self._topic, message)

    def _fail(self, code: str, message: str) -> None:
        self._failure = self._failure or ArmFailure(code, self._topic, message)
