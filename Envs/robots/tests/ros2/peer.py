"""What the peers of the tests share: the simulated arm, the clock of ROS, faults on request.

A peer is a process of its own. It hears a fault a line on standard input: ``lose TOPIC``, ``delay TOPIC SECONDS``,
``freeze TOPIC``, ``repeat TOPIC``, ``mend``, and answers each with ``ok``.
"""

from __future__ import annotations

import copy
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

URDF = Path(__file__).resolve().parent / "fr3.urdf"
JOINTS = tuple(f"fr3_joint{number}" for number in range(1, 8))
FINGER = "fr3_finger_joint1"
HOME = np.array([0.0, -0.4, 0.0, -2.42, 0.0, 2.02, 0.785])


def scene(goal: np.ndarray) -> mujoco.MjSpec:
    """The arm, a floor, light and a red ball that touches nothing."""
    spec = mujoco.MjSpec.from_file(str(URDF))
    spec.compiler.fusestatic = False
    spec.option.timestep = 0.001
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    for body in spec.bodies:
        body.gravcomp = 1.0
    for joint in spec.joints:
        joint.armature = 0.1
        is_finger = joint.name == FINGER
        gain = 200.0 if is_finger else 5000.0
        actuator = spec.add_actuator(name=joint.name, target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.gainprm[0] = gain
        actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        actuator.biasprm[1], actuator.biasprm[2] = -gain, -(20.0 if is_finger else 300.0)
    world = spec.worldbody
    world.add_light(pos=[0.5, 0, 3], dir=[0, 0, -1])
    world.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE, size=[2, 2, 0.1], rgba=[0.5, 0.6, 0.5, 1], contype=0, conaffinity=0
    )
    ball = world.add_body(name="goal", mocap=True, pos=goal.tolist())
    ball.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0], rgba=[0.9, 0.1, 0.1, 1], contype=0, conaffinity=0
    )
    return spec


def now() -> int:
    """ns, as the clock of ROS."""
    return time.time_ns()


def stamp(message: Any, moment: int) -> Any:
    """``message`` with ``moment`` in its header."""
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(moment, 10**9)
    return message


class Faulty:
    """A publisher whose messages can be lost, late, or the same again and again.

    Args:
        publisher: of ``rclpy``.
    """

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self._fault, self._seconds = "", 0.0
        self._last: Any = None
        self._waiting: deque[tuple[int, Any]] = deque()

    def set(self, fault: str, seconds: float = 0.0) -> None:
        """``lose``, ``delay``, ``freeze`` (new stamps), ``repeat`` (old stamps), or nothing."""
        self._fault, self._seconds = fault, seconds

    def publish(self, message: Any) -> None:
        if self._fault == "delay":
            self._waiting.append((now() + round(self._seconds * 1e9), message))
        elif self._fault == "freeze" and self._last is not None:
            frozen = copy.deepcopy(self._last)
            frozen.header.stamp = message.header.stamp
            self._publisher.publish(frozen)
        elif self._fault == "repeat" and self._last is not None:
            self._publisher.publish(self._last)
        elif self._fault != "lose":
            self._last = message
            self._publisher.publish(message)
        while self._waiting and (self._fault != "delay" or self._waiting[0][0] <= now()):
            self._publisher.publish(self._waiting.popleft()[1])


def obey(publishers: dict[str, Faulty]) -> None:
    """Reads faults until standard input ends, which ends the process."""

    def read() -> None:
        for line in sys.stdin:
            word, *rest = line.split()
            if word == "mend":
                for publisher in publishers.values():
                    publisher.set("")
            else:
                publishers[rest[0]].set(word, *map(float, rest[1:]))
            print("ok", flush=True)
        import os

        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
