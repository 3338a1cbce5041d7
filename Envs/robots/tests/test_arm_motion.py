"""Setpoints, the servo and the robot's own envelope, on an arm and a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from model_arm import ModelArm, franka

from uio2_robots.arm import ArmFailure
from uio2_robots.envelope import Envelope, stopping_distance
from uio2_robots.poses import Frame, Pose, rotation_matrix, rotation_vector
from uio2_robots.servo import RATE, Servo

LIMITS = franka().limits
PERIOD = 1 / 80


class Drive:
    """A servo on a model arm, with setpoints at the control rate."""

    def __init__(self, position=(0.45, 0.0, 0.35)) -> None:
        self.arm = ModelArm(position)
        self.envelope = Envelope(LIMITS, PERIOD)
        self.beats = 0
        self.servo = Servo(self.arm, self.envelope, self._beat, self.arm.clock)
        self._round, self._step = self.arm.now, self.arm.now
        self.limited: set[str] = set()

    def _beat(self) -> None:
        self.beats += 1

    def lead(self, steps: int, delta) -> None:
        """Control steps with the same displacement; the servo turns in between."""
        for _ in range(steps):
            previous = self.servo.setpoint
            wanted = Pose(previous.position + delta, previous.rotation)
            setpoint, limited = self.envelope.setpoint(wanted, previous, self.servo.state.pose)
            self.limited |= set(limited)
            self.servo.lead(setpoint, PERIOD)
            self.turn(PERIOD)

    def turn(self, seconds: float) -> None:
        end = self.arm.now + seconds
        while self.arm.now < end - 1e-9:
            if self.arm.now >= self._round - 1e-9:
                self.servo.round()
                self._round += 1 / RATE
            self.arm.advance(0.0025)


@pytest.mark.parametrize("seed", range(20))
def test_rotations_go_there_and_back(seed: int) -> None:
    random = np.random.default_rng(seed)
    vector = random.normal(size=3)
    vector *= random.choice([1e-9, 0.1, 2.0, np.pi - 1e-6]) / np.linalg.norm(vector)
    matrix = rotation_matrix(vector)
    np.testing.assert_allclose(rotation_matrix(rotation_vector(matrix)), matrix, atol=1e-6)
    frame = Frame(rotation_matrix(random.normal(size=3)), random.normal(size=3))
    pose = Pose(random.normal(size=3), rotation_matrix(vector))
    back = frame.from_base(frame.to_base(pose))
    np.testing.assert_allclose(back.position, pose.position, atol=1e-9)
    np.testing.assert_allclose(back.rotation, pose.rotation, atol=1e-9)


def test_the_policy_frame_of_the_shipped_configuration() -> None:
    frame = franka().frame
    # x of the policy is to the right of an arm that looks along its own x; y is ahead.
    np.testing.assert_allclose(frame.direction_to_base(np.array([1.0, 0, 0])), [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(frame.direction_to_base(np.array([0, 1.0, 0])), [1, 0, 0], atol=1e-12)


def test_setpoints_are_met_without_a_stop_between_chunks() -> None:
    drive = Drive()
    drive.lead(40, np.array([0.0, 0.002, 0.0]))
    speeds = np.linalg.norm(np.diff(drive.arm.history, axis=0), axis=1) / 0.001
    assert speeds[200:].min() > 0.14, "0.16 m/s, chunk after chunk"
    drive.turn(1.0)
    np.testing.assert_allclose(drive.arm.position, drive.servo.setpoint.position, atol=5e-4)
    assert not drive.limited


def test_speed_and_jump_are_limited() -> None:
    drive = Drive()
    drive.lead(30, np.array([0.0, 0.01, 0.0]))
    assert "speed" in drive.limited
    speeds = np.linalg.norm(np.diff(drive.arm.history, axis=0), axis=1) / 0.001
    # What the end of an acceleration adds, on each of three axes, is left free.
    assert speeds.max() <= LIMITS.cruise * 1.001
    assert LIMITS.cruise + np.sqrt(3) * LIMITS.acceleration**2 / (2 * LIMITS.jerk) == pytest.approx(LIMITS.speed)
    envelope, here = Envelope(replace(LIMITS, speed=100.0), PERIOD), Pose(np.array([0.5, 0, 0.3]), np.eye(3))
    setpoint, limited = envelope.setpoint(Pose(np.array([0.5, 0.2, 0.3]), np.eye(3)), here, here)
    assert limited == ("jump",) and np.linalg.norm(setpoint.position - here.position) == pytest.approx(LIMITS.jump)


@pytest.mark.parametrize("seed", range(12))
def test_the_motion_between_setpoints_stays_in_the_workspace(seed: int) -> None:
    random = np.random.default_rng(seed)
    drive = Drive()
    for _ in range(12):
        drive.lead(int(random.integers(20, 120)), random.uniform(-0.01, 0.01, 3))
        if random.random() < 0.3:
            # The program that drives the arm falls silent in the middle.
            drive.arm.advance(random.uniform(0.0, 0.5))
            drive._round = drive.arm.now
    path = np.array(drive.arm.history)
    assert (path >= LIMITS.workspace[0] - 1e-6).all() and (path <= LIMITS.workspace[1] + 1e-6).all()
    assert "workspace" in drive.limited, "the walls were met"


def test_a_hold_brakes_at_once_and_the_arm_is_then_left_alone() -> None:
    drive = Drive()
    drive.lead(30, np.array([0.0, 0.003, 0.0]))
    where, speed = drive.arm.position.copy(), float(np.linalg.norm(drive.arm.velocity))
    drive.servo.hold()
    drive.turn(0.5)
    way = float(np.linalg.norm(drive.arm.position - where))
    assert way <= stopping_distance(speed, LIMITS.acceleration, 1 / RATE + 0.0025) and way > 0.01
    count = len(drive.arm.commands)
    drive.turn(0.5)
    assert len(drive.arm.commands) == count, "an arm at rest is not under control"
    np.testing.assert_array_equal(drive.servo.setpoint.position, drive.arm.position)


def test_when_the_driver_falls_silent_the_arm_brakes_by_itself() -> None:
    drive = Drive()
    drive.lead(30, np.array([0.0, 0.003, 0.0]))
    where, speed = drive.arm.position.copy(), float(np.linalg.norm(drive.arm.velocity))
    drive.arm.advance(1.0)
    assert np.linalg.norm(drive.arm.velocity) == 0
    bound = stopping_distance(speed, LIMITS.acceleration, LIMITS.command_hold)
    assert float(np.linalg.norm(drive.arm.position - where)) <= bound + 1e-6


def test_an_arm_that_fails_is_told_nothing_more() -> None:
    drive = Drive()
    drive.servo.start()
    drive.arm.failure = ArmFailure("arm_error", "arm", "reflex")
    drive.servo._thread.join(timeout=5)
    with pytest.raises(ArmFailure, match="reflex"):
        _ = drive.servo.state
    with pytest.raises(ArmFailure, match="reflex"):
        drive.servo.close()
    assert not drive.arm.commands and not drive.arm.rests


def test_an_approach_leaves_room_for_everything_that_may_go_wrong() -> None:
    envelope = Envelope(LIMITS, PERIOD, reaction=0.02)
    for distance in np.geomspace(1e-6, 0.1, 30):
        speed = envelope.approach(float(distance))
        # The way along one axis while an arm of the greatest speed brakes in a straight line.
        way = speed * (LIMITS.command_hold + 0.02) + speed * LIMITS.speed / (2 * LIMITS.acceleration)
        assert way <= distance * (1 + 1e-9)
    assert envelope.approach(0.0) == 0 and envelope.approach(-0.1) == 0
