"""A simulated arm behind ROS topics: MuJoCo's physics, and in front of it what a joint trajectory controller and MoveIt
Servo do. ``python arm_peer.py FOLDER trajectory|twist``; FOLDER/trace shows what the arm did.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import mujoco
import numpy as np
import rclpy
from geometry_msgs.msg import TwistStamped
from peer import FINGER, HOME, JOINTS, URDF, Faulty, now, obey, scene, stamp
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from uio2_robots.shared import Trace

TIMEOUT = 0.1
"""s; MoveIt Servo's incoming_command_timeout."""
ACCELERATION = 2.0
"""m/s², of Servo."""


class Controller:
    """A joint trajectory controller: cubics from point to point, from where the last trajectory had led."""

    def __init__(self, joints: tuple[str, ...], start: np.ndarray) -> None:
        self._joints = joints
        self._lock = threading.Lock()
        self._points: list[tuple[float, np.ndarray, np.ndarray]] = [(0.0, start, np.zeros_like(start))]

    def take(self, message: JointTrajectory) -> None:
        order = [message.joint_names.index(name) for name in self._joints]
        moment = now() / 1e9
        begins = message.header.stamp.sec + message.header.stamp.nanosec / 1e9 or moment
        points = []
        for point in message.points:
            at = begins + point.time_from_start.sec + point.time_from_start.nanosec / 1e9
            if at > moment:
                points.append((at, np.array(point.positions)[order], np.array(point.velocities)[order]))
        if not points:
            return  # "trajectory ends in the past"
        with self._lock:
            self._points = [(moment, *self._desired(moment)), *points]

    def begin(self, position: np.ndarray) -> None:
        """What follows begins from here."""
        with self._lock:
            self._points = [(0.0, position, np.zeros_like(position))]

    def desired(self, moment: float) -> np.ndarray:
        with self._lock:
            return self._desired(moment)[0]

    def _desired(self, moment: float) -> tuple[np.ndarray, np.ndarray]:
        for (t0, p0, v0), (t1, p1, v1) in zip(self._points, self._points[1:], strict=False):
            if moment < t1:
                h, x = t1 - t0, moment - t0
                a = (3 * (p1 - p0) / h - 2 * v0 - v1) / h
                b = (2 * (p0 - p1) / h + v0 + v1) / h**2
                return p0 + v0 * x + a * x**2 + b * x**3, v0 + 2 * a * x + 3 * b * x**2
        return self._points[-1][1], np.zeros_like(self._points[-1][2])


class Servo:
    """MoveIt Servo: a twist to joint velocities, to rest when no fresh twist comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._twist, self._until = np.zeros(6), 0.0
        self._now = np.zeros(6)

    def take(self, message: TwistStamped) -> None:
        assert message.header.frame_id == "fr3_link0"
        made = message.header.stamp.sec + message.header.stamp.nanosec / 1e9
        t = message.twist
        with self._lock:
            self._twist = np.array([t.linear.x, t.linear.y, t.linear.z, t.angular.x, t.angular.y, t.angular.z])
            self._until = made + TIMEOUT

    def velocity(self, jacobian: np.ndarray, moment: float, seconds: float) -> np.ndarray:
        with self._lock:
            wanted = self._twist if moment < self._until else np.zeros(6)
        change = wanted - self._now
        most = ACCELERATION * seconds
        self._now = self._now + change * min(1.0, most / max(1e-12, float(np.linalg.norm(change[:3]))))
        square = jacobian @ jacobian.T + 1e-4 * np.eye(6)
        return jacobian.T @ np.linalg.solve(square, self._now)


def main() -> None:
    folder, mode = Path(sys.argv[1]), sys.argv[2]
    trace = Trace(folder / "trace", writes=True)
    model = scene(np.array([0.5, 0.0, 0.2])).compile()
    data = mujoco.MjData(model)
    data.qpos[:7], data.qpos[7] = HOME, 0.04
    data.ctrl[:8] = data.qpos
    mujoco.mj_forward(model, data)
    hand = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "fr3_hand_tcp")

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("arm_peer", context=context)
    states = Faulty(node.create_publisher(JointState, "/joint_states", qos_profile_sensor_data))
    kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    description = node.create_publisher(String, "/robot_description", kept)
    description.publish(String(data=URDF.read_text()))
    arm, fingers, servo = Controller(JOINTS, HOME), Controller((FINGER,), np.array([0.04])), Servo()
    servoing = [False]

    def twist(message: TwistStamped) -> None:
        servoing[0] = True
        servo.take(message)

    def way(message: JointTrajectory) -> None:
        servoing[0] = False
        arm.take(message)

    node.create_subscription(JointTrajectory, "/fr3_arm_controller/joint_trajectory", way, 1)
    node.create_subscription(JointTrajectory, "/hand_controller/joint_trajectory", fingers.take, 1)
    if mode == "twist":
        node.create_subscription(TwistStamped, "/servo_node/delta_twist_cmds", twist, 1)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    obey({"/joint_states": states})
    print("ready", flush=True)

    seconds, next_state = model.opt.timestep, 0.0
    linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
    due = time.monotonic()
    while True:
        moment = now() / 1e9
        if servoing[0]:
            mujoco.mj_jacBody(model, data, linear, angular, hand)
            velocity = servo.velocity(np.vstack([linear, angular])[:, :7], moment, seconds)
            data.ctrl[:7] += velocity * seconds
            arm.begin(data.ctrl[:7].copy())
        else:
            data.ctrl[:7] = arm.desired(moment)
        data.ctrl[7] = fingers.desired(moment)[0]
        mujoco.mj_step(model, data)
        trace.append(data.time, data.xpos[hand], np.append(data.qpos[:8], data.qpos[7]))
        if data.time >= next_state:
            next_state = data.time + 0.01
            names = [*JOINTS, FINGER]
            message = JointState(name=names, position=data.qpos[:8].tolist(), velocity=data.qvel[:8].tolist())
            states.publish(stamp(message, now()))
        due += seconds
        ahead = due - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        elif ahead < -0.1:
            due = time.monotonic()


if __name__ == "__main__":
    main()
