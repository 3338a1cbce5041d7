"""A Franka arm (FR3, Panda) through franky-control, which carries libfranka.

The tool's velocity is commanded. libfranka sends it a thousand times a second from a thread that Python cannot hold up;
each command is kept for a short time and then fades to rest with the arm's own limits of acceleration and jerk.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

from .arm import ArmFailure, ArmState, Beat
from .configuration import Configuration
from .poses import Pose

_Answer = TypeVar("_Answer")

_REST_SECONDS = 15.0
"""For an arm a fraction of one is enough; a simulated one may have to share its processor."""
_HOME_SECONDS = 30.0
_HOME_DYNAMICS = 0.12
"""Of the arm's greatest velocity, acceleration and jerk, on the way to a pose in joints."""
_MAXIMUM_WIDTH = 0.08
"""m; what the Franka Hand opens."""
_HAND_AGE = 1.0
"""s; a measurement of the hand that is older is none. It is read in a twentieth, where the machine is not busy."""


class FrankaArm:
    """One arm and its hand. Connecting moves nothing.

    Args:
        configuration: of the robot.
        recover: clears errors that the arm reports; a person has to have looked at it.

    Raises:
        ArmFailure: franky is not installed, there is no arm, or it reports errors.
    """

    def __init__(self, configuration: Configuration, recover: bool = False) -> None:
        if find_spec("franky") is None:
            raise ArmFailure("driver_missing", "franky", "not installed here; run: make .venv-franka/installed")
        import franky

        self._franky: Any = franky
        realtime = franky.RealtimeConfig.Enforce if configuration.realtime else franky.RealtimeConfig.Ignore
        limits = configuration.limits
        # Its own stop, after a collision or by its button: nothing goes on from there by itself.
        self._unwell = {franky.RobotMode.Reflex, franky.RobotMode.UserStopped, franky.RobotMode.Guiding}
        try:
            self._robot: Any = franky.Robot(configuration.host, realtime_config=realtime)
            if self._robot.has_errors:
                if not (recover and self._robot.recover_from_errors()):
                    raise ArmFailure(
                        "arm_error", configuration.host, "the arm reports errors; look at it, then start with --recover"
                    )
            self._robot.translation_velocity_limit.set(limits.speed)
            self._robot.translation_acceleration_limit.set(limits.acceleration)
            self._robot.translation_jerk_limit.set(limits.jerk)
            self._robot.rotation_velocity_limit.set(limits.rotation_rate)
            self._hand = _Hand(franky.Gripper(configuration.host), configuration)
        except ArmFailure:
            raise
        except Exception as error:
            raise ArmFailure("arm_unreachable", configuration.host, _text(error)) from error

    def state(self) -> ArmState:
        """What libfranka received last."""
        try:
            state = self._robot.state
        except Exception as error:
            raise ArmFailure("arm_error", "arm", _text(error)) from error
        if state.robot_mode in self._unwell:
            name = str(state.robot_mode).rpartition(".")[2]
            raise ArmFailure("arm_error", "arm", f"the arm is in mode {name}; look at it, then start with --recover")
        matrix, twist = np.asarray(state.O_T_EE.matrix, dtype=np.float64), state.O_dP_EE_est
        return ArmState(
            time=state.time.to_sec(),
            pose=Pose(matrix[:3, 3].copy(), matrix[:3, :3].copy()),
            # Estimated while the arm is under control; else it rests.
            velocity=np.zeros(3) if twist is None else np.asarray(twist.linear, dtype=np.float64).reshape(3),
            gripper_opening=self._hand.opening,
            joints=np.asarray(state.q, dtype=np.float64).reshape(-1),
        )

    def command(self, linear: np.ndarray, angular: np.ndarray, hold: float) -> None:
        """Sends the tool's velocity, in the base frame."""
        franky = self._franky
        velocity = franky.RobotVelocity(franky.Twist(linear, angular))
        motion = franky.CartesianVelocityMotion(velocity, duration=franky.Duration(round(hold * 1000)))
        # What ended the motion before, if it was a failure, would be lost with the next one.
        self._attempt(self._robot.poll_motion)
        self._attempt(lambda: self._robot.move(motion, asynchronous=True))

    def grip(self, opening: float) -> None:
        """Opens or closes the hand, when it is not so already."""
        self._hand.want(opening > 0.5)

    def rest(self, beat: Beat) -> None:
        """Lets the last command fade, and waits for it."""
        deadline = time.monotonic() + _REST_SECONDS
        while self._robot.is_in_control:
            if time.monotonic() > deadline:
                raise ArmFailure("still_moving", "arm", f"the arm did not come to rest in {_REST_SECONDS:g} s")
            beat()
            time.sleep(0.005)
        self._attempt(self._robot.poll_motion)

    def move_joints(self, joints: np.ndarray, beat: Beat) -> None:
        """Goes to ``joints`` ``[7]``, rad, at a small part of what the arm can."""
        franky = self._franky
        factor = franky.RelativeDynamicsFactor(_HOME_DYNAMICS)
        motion = franky.JointMotion(franky.JointState(joints), relative_dynamics_factor=factor)
        self._attempt(lambda: self._robot.move(motion, asynchronous=True))
        deadline = time.monotonic() + _HOME_SECONDS
        try:
            while not self._attempt(lambda: self._robot.join_motion(timeout=0.02)):
                beat()
                if time.monotonic() > deadline:
                    raise ArmFailure("still_moving", "arm", f"the arm did not arrive within {_HOME_SECONDS:g} s")
        except BaseException:
            self._attempt(lambda: self._robot.move(franky.JointStopMotion(), asynchronous=True))
            self.rest(_quiet(beat))
            raise

    def close(self) -> None:
        """Ends the hand's thread and the connections."""
        self._hand.close()
        # libfranka disconnects when the last reference goes.
        self._robot = None

    def _attempt(self, action: Callable[[], _Answer]) -> _Answer:
        try:
            return action()
        except Exception as error:
            raise ArmFailure("arm_error", "arm", _text(error)) from error


class _Hand:
    """The gripper: its commands take seconds, so a thread of its own waits for them."""

    def __init__(self, gripper: Any, configuration: Configuration, clock: Callable[[], float] = time.monotonic) -> None:
        self._gripper = gripper
        self._gripping = configuration.gripping
        self._clock = clock
        self._trouble = ""
        self._measured = self._measure()
        """How far it is open, 0 to 1, and when it was asked."""
        self._wanted: bool | None = None
        self._changed = threading.Event()
        self._ends = False
        self._thread = threading.Thread(target=self._serve, name="hand", daemon=True)
        self._thread.start()

    @property
    def opening(self) -> float:
        """0 to 1, at most ``_HAND_AGE`` old.

        Raises:
            ArmFailure: the hand has not said for longer.
        """
        opening, asked_at = self._measured
        age = self._clock() - asked_at
        if age > _HAND_AGE:
            why = f": {self._trouble}" if self._trouble else ""
            raise ArmFailure("hand_silent", "hand", f"has not told its width for {age:.2f} s{why}")
        return opening

    def want(self, is_open: bool) -> None:
        """Says how the hand should be."""
        if is_open != self._wanted:
            self._wanted = is_open
            self._changed.set()

    def close(self) -> None:
        """Ends the thread, and what the hand is doing."""
        self._ends = True
        self._changed.set()
        # A thread that is inside of the driver when Python ends would take the process down.
        self._thread.join(timeout=5)
        self._gripper = None

    def _serve(self) -> None:
        done: bool | None = None
        while not self._ends:
            self._changed.wait(0.05)
            self._changed.clear()
            wanted = self._wanted
            if wanted is not None and wanted != done:
                # What the hand cannot do, as when it is full, is not tried again, and seen by its width.
                with suppress(Exception):
                    self._run(wanted)
                done = wanted
            self._note_width()

    def _note_width(self) -> None:
        """Measures; what cannot be measured leaves the last measurement to grow old."""
        try:
            self._measured = self._measure()
        except Exception as error:  # whatever the driver raises
            self._trouble = _text(error)

    def _run(self, is_open: bool) -> None:
        if is_open:
            future = self._gripper.open_async(self._gripping.speed)
        else:
            width, tolerance = 0.0, _MAXIMUM_WIDTH
            future = self._gripper.grasp_async(
                width, self._gripping.speed, self._gripping.force, epsilon_inner=tolerance, epsilon_outer=tolerance
            )
        while not future.wait(0.05):
            self._note_width()
            if self._ends or self._wanted != is_open:
                self._gripper.stop()
                return

    def _measure(self) -> tuple[float, float]:
        asked_at, width = self._clock(), float(self._gripper.width)
        if not math.isfinite(width):
            raise ValueError(f"its width is {width}")
        return min(1.0, max(0.0, width / _MAXIMUM_WIDTH)), asked_at


def _quiet(beat: Beat) -> Beat:
    """A beat whose failures end nothing: for an arm that is stopping already."""

    def beaten() -> None:
        with suppress(BaseException):
            beat()

    return beaten


def _text(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
