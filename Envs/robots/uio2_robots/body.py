"""An arm as the body of the control loop of ``uio2_envs``: names, units and frames of the policy on one side, poses on
the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from uio2_client import ClientError
from uio2_envs.environment import Environment, EnvironmentFailure, Specification, Transition

from .arm import Arm, ArmFailure, ArmState
from .configuration import AXES, Configuration
from .envelope import Envelope
from .freshness import Freshness
from .poses import Pose, rotation_matrix, rotation_vector
from .servo import Servo

_START_SLACK = 0.005
"""Metres outside the workspace at which an episode may begin; the first setpoint leads back inside."""


class Cameras(Protocol):
    """Where pictures come from."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the cameras there are."""
        ...

    def newest(self, camera: str, width: int, height: int, field_of_view: float) -> tuple[np.ndarray, int]:
        """The newest frame, uint8 ``[height, width, 3]``, and when it was taken: ns of ``time.monotonic_ns``.

        Args:
            field_of_view: vertical, degrees; 0: the camera's own.

        Raises:
            EnvironmentFailure: there is no such camera, or it has gone silent.
        """
        ...


@dataclass(frozen=True)
class Step:
    """What one control step did, in the base frame."""

    time: float
    """Seconds of the arm's clock."""
    setpoint: np.ndarray
    """``[3]``, m."""
    measured: np.ndarray
    """``[3]``, m."""
    held: bool
    limited: tuple[str, ...]
    """The robot's own limits that changed the setpoint."""


class ArmBody(Environment):
    """An arm, its cameras and what it is asked to do.

    A hold brakes at once; it is told from a command of no displacement by being the very array that ``hold_action``
    gave.

    Args:
        configuration: of the robot.
        arm: connected; the caller closes it.
        cameras: of the scene.
        instruction: what the policy is asked to do.
        judge: whether the task is done now; an arm alone never knows.
        on_step: told of every control step.
        beat: called while the arm is under control.
        stays: whether a person has stopped the arm; what the loop still has to execute then brakes it.
    """

    goal_protocol = "none"

    def __init__(
        self,
        configuration: Configuration,
        arm: Arm,
        cameras: Cameras,
        instruction: str,
        judge: Callable[[], bool] = lambda: False,
        on_step: Callable[[Step], None] = lambda step: None,
        beat: Callable[[], None] = lambda: None,
        stays: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(configuration.name, instruction)
        self._configuration = configuration
        self._specification = configuration.specification
        self._period = 1 / configuration.control_rate
        self._envelope = Envelope(configuration.limits, self._period)
        self._arm = arm
        self._cameras = cameras
        self._judge = judge
        self._on_step = on_step
        self._beat = beat
        self._stays = stays
        self._servo: Servo | None = None
        self._turns = any(mapped.part.startswith("rotation") for mapped in configuration.actions)
        self._upright = np.eye(3)
        self._held: np.ndarray | None = None
        self._grip = configuration.gripping.open
        self._freshness = Freshness(
            configuration.limits.picture_age, configuration.limits.picture_frozen, configuration.sources
        )

    @property
    def specification(self) -> Specification:
        return self._specification

    @property
    def oldest_frame_at(self) -> int | None:
        """When the oldest picture of the last observation was taken, ns of ``time.monotonic_ns``; ``None`` without
        any."""
        return self._freshness.oldest

    def trouble(self) -> ClientError | None:
        """Why the arm must not act on the pictures of the last observation; ``None``: it may."""
        return self._freshness.trouble(time.monotonic_ns())

    def freeze(self) -> None:
        """Brakes now, without waiting for the control loop; from any thread."""
        servo = self._servo
        if servo is not None:
            servo.hold()

    def step(self, action: np.ndarray, primitive: str = "") -> Transition:
        """As every body's; an arm has no primitives. The array that ``hold_action`` gave last brakes."""
        if action is self._held or self._stays():
            self._require_begun()
            return self._hold_still()
        return super().step(action, primitive)

    def _reset(self, seed: int) -> None:
        state = self._measure()
        self._require_inside(state)
        self._freshness.forget()
        self._upright = state.pose.rotation
        self._grip = self._grip_of(state.gripper_opening)
        if self._servo is None:
            self._servo = Servo(self._arm, self._envelope, self._beat, stays=self._stays)
            self._servo.start()
        self._servo.hold()

    def _observe(self) -> Mapping[str, float]:
        state = self._measure()
        pose = self._configuration.frame.from_base(state.pose)
        rotation = rotation_vector(pose.rotation)
        parts = {f"position_{axis}": pose.position[index] for index, axis in enumerate(AXES)}
        parts |= {f"rotation_{axis}": rotation[index] for index, axis in enumerate(AXES)}
        parts["gripper_opening"] = state.gripper_opening
        return {mapped.quantity.name: float(parts[mapped.part]) for mapped in self._configuration.proprioception}

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        frame, taken_at = self._cameras.newest(camera, width, height, vertical_field_of_view)
        self._freshness.note(camera, frame, taken_at, self._measure().pose.position)
        return frame

    def _step(self, action: np.ndarray) -> bool:
        servo, state = self._require_servo(), self._measure()
        setpoint, limited = self._envelope.setpoint(self._wanted(action, servo.setpoint), servo.setpoint, state.pose)
        opening = self._opening_of(action)
        try:
            leads = servo.lead(setpoint, self._period, opening)
        except ArmFailure as failure:
            raise _as_environment_failure(failure) from failure
        if not leads:
            self._note_held(state)
        else:
            if opening is not None:
                self._grip = self._grip_of(opening)
            self._on_step(Step(state.time, setpoint.position, state.pose.position, False, limited))
        return self._judge()

    def _hold_still(self) -> Transition:
        servo, state = self._require_servo(), self._measure()
        servo.hold()
        self._note_held(state)
        self.steps += 1
        return Transition(done=False, success=self._judge())

    def _note_held(self, state: ArmState) -> None:
        self._on_step(Step(state.time, state.pose.position, state.pose.position, True, ()))

    def _hold_action(self) -> np.ndarray:
        """For deltas nothing, for absolute commands where the tool is; the grip as it is."""
        pose = self._configuration.frame.from_base(self._measure().pose)
        turn = rotation_vector(pose.rotation)
        is_delta = self._configuration.mode == "delta"
        parts = {f"translation_{axis}": 0.0 if is_delta else pose.position[i] for i, axis in enumerate(AXES)}
        parts |= {f"rotation_{axis}": 0.0 if is_delta else turn[i] for i, axis in enumerate(AXES)}
        parts["gripper"] = self._grip
        self._held = np.array([float(parts[mapped.part]) for mapped in self._configuration.actions])
        return self._held

    def _close(self) -> None:
        servo, self._servo = self._servo, None
        if servo is not None:
            try:
                servo.close()
            except ArmFailure as failure:
                raise _as_environment_failure(failure) from failure

    def _wanted(self, action: np.ndarray, previous: Pose) -> Pose:
        """Where ``action`` leads, in the base frame."""
        values = {mapped.part: float(value) for mapped, value in zip(self._configuration.actions, action, strict=True)}
        move = np.array([values.get(f"translation_{axis}", 0.0) for axis in AXES])
        turn = np.array([values.get(f"rotation_{axis}", 0.0) for axis in AXES])
        frame = self._configuration.frame
        if self._configuration.mode == "absolute":
            wanted = frame.to_base(Pose(move, rotation_matrix(turn)))
            return wanted if self._turns else Pose(wanted.position, self._upright)
        position = previous.position + frame.direction_to_base(move)
        if not self._turns:
            return Pose(position, self._upright)
        return Pose(position, rotation_matrix(frame.direction_to_base(turn)) @ previous.rotation)

    def _opening_of(self, action: np.ndarray) -> float | None:
        """What the gripper is to be told: 1 (open), 0 (closed) or nothing."""
        gripping, told = self._configuration.gripping, None
        for mapped, value in zip(self._configuration.actions, action, strict=True):
            if mapped.part != "gripper":
                continue
            opening = (value - gripping.closed) / (gripping.open - gripping.closed)
            # A hand that is told "half" stays as it is: it would close and open at every tremor of the policy.
            if abs(opening - 0.5) > 0.1:
                told = 1.0 if opening > 0.5 else 0.0
        return told

    def _grip_of(self, opening: float) -> float:
        gripping = self._configuration.gripping
        return gripping.open if opening > 0.5 else gripping.closed

    def _measure(self) -> ArmState:
        try:
            return self._servo.state if self._servo is not None else self._arm.state()
        except ArmFailure as failure:
            raise _as_environment_failure(failure) from failure

    def _require_servo(self) -> Servo:
        if self._servo is None:
            raise EnvironmentFailure("not_reset", self.task, "call reset before anything else")
        return self._servo

    def _require_inside(self, state: ArmState) -> None:
        position = state.pose.position
        if not self._envelope.contains(position, _START_SLACK):
            box = self._configuration.limits.workspace
            raise EnvironmentFailure(
                "outside_workspace",
                "tool",
                f"the tool is at {position.round(3).tolist()} m, the workspace is {box[0].tolist()} to "
                f"{box[1].tolist()}; move the arm by hand, or begin with --home",
            )


def _as_environment_failure(failure: ArmFailure) -> EnvironmentFailure:
    return EnvironmentFailure(failure.code, failure.subject, failure.message)
