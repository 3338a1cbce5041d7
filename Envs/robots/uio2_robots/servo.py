"""Leads the tool along setpoints: a thread that tells the arm its velocity a hundred times a second.

Setpoints come at the control rate, chunk after chunk; the servo sees one line and no chunks, so nothing stops between
them. Without a fresh setpoint it arrives at the last one and rests. A hold brakes at once and takes the place where the
arm came to rest for the next setpoint to begin from.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from .arm import Arm, ArmFailure, ArmState
from .envelope import Envelope
from .poses import Pose, rotation_vector

RATE = 100.0
"""Hz"""
_GAIN = 6.0
"""1/s: a tool that is d metres behind goes d times this faster."""
_AT_REST = 0.005
"""m/s"""
_SHORTEST = 0.8 / RATE
"""Seconds of the arm's clock between two commands."""
_GAP = 3 / RATE
"""Seconds between two rounds after which the arm may no longer have the velocity that it was told."""


class Servo:
    """Owns the arm's motion while it runs.

    Args:
        arm: moved by this object alone.
        envelope: of every velocity.
        beat: called at every round that went well; its exceptions count as the arm's.
        clock: seconds, monotonic.
        stays: whether the arm is to be kept still; nothing leads it or moves its gripper then.
    """

    def __init__(
        self,
        arm: Arm,
        envelope: Envelope,
        beat: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        stays: Callable[[], bool] = lambda: False,
    ) -> None:
        self._arm = arm
        self._envelope = envelope
        self._beat = beat
        self._clock = clock
        self._stays = stays
        self._lock = threading.Lock()
        self._state = arm.state()
        self._setpoint = self._state.pose
        self._reference = self._state.pose.position
        self._arrival = clock()
        self._round_at = clock()
        self._is_holding = True
        self._is_moving = False
        self._told = np.zeros(3)
        self._sent_at = float("-inf")
        self._failure: ArmFailure | None = None
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> ArmState:
        """What the arm measured last.

        Raises:
            ArmFailure: the arm or its watchdog failed.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            return self._state

    @property
    def setpoint(self) -> Pose:
        """Where the tool is led; while it holds, where it is."""
        with self._lock:
            return self._setpoint

    def lead(self, setpoint: Pose, seconds: float, opening: float | None = None) -> bool:
        """Leads the tool to ``setpoint`` within ``seconds``, from the setpoint before; tells the gripper ``opening``.

        Returns whether it does: an arm that is to be kept still brakes, and its gripper is told nothing. After ``hold``
        has returned, no ``lead`` that began before undoes it.

        Raises:
            ArmFailure: the arm reports an error.
        """
        with self._lock:
            # Asked in here: a stop that comes later waits for the lock in ``hold``, and has the last word.
            if self._stays():
                self._brake()
                return False
            if self._is_holding:
                self._reference = self._state.pose.position
                self._told = self._state.velocity
            self._is_holding = False
            self._setpoint, self._arrival = setpoint, self._clock() + seconds
            if opening is not None:
                self._arm.grip(opening)
            return True

    def hold(self) -> None:
        """Brakes now."""
        with self._lock:
            self._brake()

    def _brake(self) -> None:
        self._is_holding = True
        self._setpoint = self._state.pose

    def start(self) -> None:
        """Begins to turn, in a thread of its own."""
        self._thread = threading.Thread(target=self._turn, name="servo", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Brakes, waits for the thread, and lets the arm come to rest.

        Raises:
            ArmFailure: the arm failed before or does so now.
        """
        self.hold()
        self._ends.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            if self._failure is not None:
                raise self._failure
        self._arm.rest(self._beat)

    def round(self) -> None:
        """One round: measures, and tells the arm its velocity.

        Raises:
            ArmFailure: the arm failed.
        """
        state, now = self._arm.state(), self._clock()
        with self._lock:
            self._state = state
            if self._is_holding:
                linear, angular = np.zeros(3), np.zeros(3)
                self._setpoint = state.pose
            else:
                linear, angular = self._towards_setpoint(state, now)
            self._round_at, self._told = now, linear
            is_still = self._is_holding and float(np.linalg.norm(state.velocity)) < _AT_REST
            goes_on = self._is_moving or not is_still
            self._is_moving = not is_still
        # An arm that rests is left alone: what it was told last fades, and its own controller holds it. By the arm's
        # own clock, which is slow in a simulator that falls behind, no command replaces one that has hardly begun.
        if goes_on and (self._is_holding or state.time - self._sent_at >= _SHORTEST):
            self._sent_at = state.time
            self._arm.command(linear, angular, self._envelope.limits.command_hold)
        self._beat()

    def _towards_setpoint(self, state: ArmState, now: float) -> tuple[np.ndarray, np.ndarray]:
        remaining, elapsed = self._arrival - self._round_at, now - self._round_at
        way = self._setpoint.position - self._reference
        fraction = 1.0 if remaining <= elapsed else max(0.0, elapsed / remaining)
        self._reference = self._reference + fraction * way
        ahead = fraction * way / elapsed if elapsed > 1e-6 else np.zeros(3)
        linear = ahead + _GAIN * (self._reference - state.pose.position)
        angular = _GAIN * rotation_vector(self._setpoint.rotation @ state.pose.rotation.T)
        linear, angular = self._envelope.velocity(state.pose.position, linear, angular)
        previous = self._told if elapsed < _GAP else state.velocity
        return self._envelope.slewed(linear, previous, min(elapsed, _GAP)), angular

    def _turn(self) -> None:
        due = self._clock()
        while not self._ends.is_set():
            try:
                self.round()
            except ArmFailure as failure:
                with self._lock:
                    self._failure = failure
                return
            except Exception as error:  # a driver may raise anything; what is not known to be well counts as failed
                with self._lock:
                    self._failure = ArmFailure("driver", "arm", f"{type(error).__name__}: {error}")
                return
            due = max(due + 1 / RATE, self._clock())
            time.sleep(max(0.0, due - self._clock()))
