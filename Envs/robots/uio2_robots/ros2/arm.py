"""An arm behind ROS topics.

The tool's velocity leaves either as the way of the joints (for a joint trajectory controller) or as it is (for MoveIt
Servo). Either fades by itself when nobody renews it: the way ends at rest, and Servo halts after its
``incoming_command_timeout``. Commands carry the time at which they were made, so one that the network holds up is
dropped by who receives it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ..arm import ArmFailure, ArmState, Beat
from ..configuration import Configuration
from ..kinematics import Chain
from .bus import Bus
from .joints import Reading
from .motion import Way, rest_at, velocity_way
from .settings import Ros2Settings

_MOVES = 0.01
"""m/s, rad/s; a command above that has to show in the joint states."""
_AT_REST = 0.02
"""rad/s"""
_LOOKS_FROZEN = 0.05
"""s; joints that stay the same to the last bit for so long explain why they are not where they should be."""
_REST_SECONDS = 5.0
_ARRIVED = 0.01
"""rad"""
_LATE_HOME = 5.0
"""Seconds beyond the time that the way home should take."""
_TURN_SECONDS = 0.1
"""For a change of angular velocity from nothing to the most."""


class Ros2Arm:
    """One arm. Making it moves nothing.

    Args:
        configuration: of the robot, with ``ros2``.
        chain: from its base to its tool.
        bus: the node.
        clock: seconds, monotonic.
        sleep: lets seconds pass.
    """

    def __init__(
        self,
        configuration: Configuration,
        settings: Ros2Settings,
        chain: Chain,
        bus: Bus,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = configuration.limits
        self._settings = settings
        self._chain = chain
        self._bus = bus
        self._clock = clock
        self._sleep = sleep
        self._way: Way | None = None
        self._began = 0
        """When the way began, ns."""
        self._grip: float | None = None

    def state(self) -> ArmState:
        """Where the joint states say that the tool is now: what it has gone since they were measured is added."""
        reading, now = self._reading()
        age = max(0, now - reading.stamp) / 1e9
        joints = reading.positions + reading.velocities * age
        pose = self._chain.pose(joints)
        twist = self._chain.jacobian(joints) @ reading.velocities
        return ArmState(
            time=reading.stamp / 1e9,
            pose=pose,
            velocity=twist[:3],
            gripper_opening=self._opening(now),
            joints=reading.positions,
        )

    def command(self, linear: np.ndarray, angular: np.ndarray, hold: float) -> None:
        """Sends the desired velocity of the tool to the controller."""
        reading, now = self._reading()
        moves = float(np.linalg.norm(linear)) > _MOVES or float(np.linalg.norm(angular)) > _MOVES
        self._bus.joints.tell(moves, now)
        if self._settings.command == "twist":
            self._require_way(reading, linear, angular)
            self._bus.send_twist(self._settings.twist, self._settings.base, linear, angular, now)
            return
        start, before = self._followed(reading, now)
        velocity = self._chain.joint_velocity(start, linear, angular)
        matrix = self._chain.jacobian(start)
        ramp, brake = self._seconds(matrix @ (velocity - before)), self._seconds(matrix @ velocity)
        self._way, self._began = velocity_way(start, before, velocity, ramp, hold, brake), now
        self._bus.send_way(self._settings.trajectory, self._settings.joints, self._way, now)

    def grip(self, opening: float) -> None:
        """Tells the gripper's controller, when it was told otherwise before."""
        hand = self._settings.hand
        if hand is None or self._grip == opening:
            return
        self._grip = opening
        target = hand.closed + opening * (hand.open - hand.closed)
        way = Way(np.array([hand.seconds]), target[None], np.zeros((1, len(target))))
        self._bus.send_way(hand.trajectory, hand.joints, way, self._bus.now())

    def rest(self, beat: Beat) -> None:
        """Waits until the joints rest."""
        deadline = self._clock() + _REST_SECONDS
        while True:
            reading, now = self._reading()
            way = self._way
            is_over = way is None or now - self._began >= way.times[-1] * 1e9
            if is_over and float(np.abs(reading.velocities).max(initial=0.0)) < _AT_REST:
                self._way = None
                self._bus.joints.tell(False, now)
                return
            if self._clock() > deadline:
                raise ArmFailure("still_moving", "arm", f"the arm did not come to rest in {_REST_SECONDS:g} s")
            beat()
            self._sleep(0.005)

    def move_joints(self, joints: np.ndarray, beat: Beat) -> None:
        """Goes to ``joints`` ``[joints]``, each at most as fast as ``home_speed``."""
        reading, now = self._reading()
        # The middle of a cubic from rest to rest is half as fast again as its mean.
        seconds = max(0.5, 1.5 * float(np.abs(joints - reading.positions).max()) / self._settings.home_speed)
        nothing = np.zeros_like(joints)
        way = Way(np.array([0.0, seconds]), np.array([reading.positions, joints]), np.array([nothing, nothing]))
        self._way, self._began = way, now
        self._bus.send_way(self._settings.trajectory, self._settings.joints, way, now)
        deadline = self._clock() + seconds + _LATE_HOME
        try:
            while True:
                reading, now = self._reading()
                if now - self._began >= seconds * 1e9 and float(np.abs(reading.positions - joints).max()) < _ARRIVED:
                    return
                self._followed(reading, now)
                if self._clock() > deadline:
                    raise ArmFailure(
                        "still_moving", "arm", f"the arm did not arrive within {seconds + _LATE_HOME:.0f} s"
                    )
                beat()
                self._sleep(0.01)
        except BaseException:
            self._brake()
            raise

    def close(self) -> None:
        """The node is closed by who made it."""

    def _brake(self) -> None:
        """Ends the way to a pose, wherever it is."""
        now = self._bus.now()
        if self._way is None:
            return
        start, before = self._way.at((now - self._began) / 1e9)
        brake = self._seconds(self._chain.jacobian(start) @ before)
        self._way, self._began = velocity_way(start, before, np.zeros_like(before), brake, brake, brake), now
        self._bus.send_way(self._settings.trajectory, self._settings.joints, self._way, now)

    def _reading(self) -> tuple[Reading, int]:
        trouble = self._bus.trouble()
        if trouble:
            raise ArmFailure("ros2", "topics", trouble)
        now = self._bus.now()
        return self._bus.joints.newest(now), now

    def _followed(self, reading: Reading, now: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the way has led by now, and how fast: what the controller goes on from.

        Raises:
            ArmFailure: the joints are far from there: something is in the way, or nobody obeys.
        """
        if self._way is None:
            self._way, self._began = rest_at(reading.positions), now
        positions, velocities = self._way.at((now - self._began) / 1e9)
        measured = reading.positions + reading.velocities * (max(0, now - reading.stamp) / 1e9)
        off = float(np.abs(positions - measured).max())
        if off > self._settings.behind:
            self._bus.joints.require_change(_LOOKS_FROZEN)
            joint = self._settings.joints[int(np.argmax(np.abs(positions - measured)))]
            message = f"{joint} is {off:.3f} rad from where {self._settings.trajectory} was told: is it blocked?"
            raise ArmFailure("not_following", joint, message)
        # After a rest the arm begins from where it is, not from where it should have come to.
        if not np.any(velocities) and now - self._began > self._way.times[-1] * 1e9:
            positions = reading.positions
        return positions, velocities

    def _require_way(self, reading: Reading, linear: np.ndarray, angular: np.ndarray) -> None:
        """MoveIt Servo has limits of its own; a joint at its end is told in words that a person can act on."""
        if not (np.any(linear) or np.any(angular)):
            return
        at_end = np.minimum(self._chain.greatest - reading.positions, reading.positions - self._chain.least) < 0
        if at_end.any():
            joint = self._settings.joints[int(np.argmax(at_end))]
            raise ArmFailure("joint_limit", joint, "is beyond its limit in the URDF")

    def _seconds(self, change: np.ndarray) -> float:
        """For a change of the tool's velocity ``[6]``."""
        linear, angular = float(np.linalg.norm(change[:3])), float(np.linalg.norm(change[3:]))
        return max(linear / self._limits.acceleration, angular * _TURN_SECONDS / self._limits.rotation_rate)

    def _opening(self, now: int) -> float:
        hand = self._settings.hand
        if hand is None:
            return 1.0  # there is none, and no number of the policy measures it: the settings say so
        position = self._bus.joints.other(now)
        return min(1.0, max(0.0, float((position - hand.closed[0]) / (hand.open[0] - hand.closed[0]))))
