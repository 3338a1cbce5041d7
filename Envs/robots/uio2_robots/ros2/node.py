"""The node: subscriptions, publishers and services of ``rclpy``, which turn in a thread of their own.

Callbacks only keep what has come; nothing is decoded or decided there. A callback that fails makes ``trouble`` say so.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..arm import ArmFailure
from ..configuration import Configuration
from .bus import Picture
from .joints import JointWatch
from .motion import Way
from .settings import Ros2Settings

NODE = "uio2_arm"
_LOOK_SECONDS = 0.25
"""Between two looks at who else uses the topics of commands."""
_DISCOVERY_SECONDS = 10.0


class RosNode:
    """A node of one arm, as ``Bus``.

    Args:
        configuration: of the robot.
        settings: its topics.
        stop: called by the service ``~/stop``.
        resume: called by the service ``~/resume``; says whether there was something to resume.
        instruct: called with the text of ``~/instruction``.

    Raises:
        ArmFailure: ROS 2 is not installed, or does not start.
    """

    def __init__(
        self,
        configuration: Configuration,
        settings: Ros2Settings,
        stop: Callable[[], None],
        resume: Callable[[], bool],
        instruct: Callable[[str], None],
    ) -> None:
        if find_spec("rclpy") is None:
            raise ArmFailure("driver_missing", "rclpy", "ROS 2 is not installed here; run: make .venv-ros2/installed")
        os.environ.setdefault("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions

        hand = settings.hand
        self._settings = settings
        self._command_topic = settings.twist or settings.trajectory
        self.joints = JointWatch(
            settings.joint_states, settings.joints, settings.state_age, "" if hand is None else hand.joints[0]
        )
        self._pictures: dict[str, Picture] = {}
        self._description: str | None = None
        self._trouble = ""
        self._is_ready = False
        self._publishers: dict[str, Any] = {}
        self._stop, self._resume, self._instruct = stop, resume, instruct
        try:
            self._context: Any = rclpy.Context()
            # Signals end the run, which then still needs the node for the way home.
            rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
            self._node: Any = rclpy.create_node(NODE, context=self._context)
            self._subscribe(configuration)
            self._publish(configuration.limits.command_hold)
            self._executor = SingleThreadedExecutor(context=self._context)
            self._executor.add_node(self._node)
        except Exception as error:
            raise ArmFailure("ros2", NODE, f"{type(error).__name__}: {error}") from error
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._turn, name="ros2", daemon=True)
        self._thread.start()

    def now(self) -> int:
        """ns, of the clock of ROS."""
        return self._node.get_clock().now().nanoseconds

    def picture(self, topic: str) -> Picture | None:
        """The newest picture."""
        return self._pictures.get(topic)

    def trouble(self) -> str:
        """What is wrong with the topics of commands, or with the node."""
        return self._trouble

    def description(self) -> str:
        """The URDF of the topic.

        Raises:
            ArmFailure: nobody publishes it.
        """
        deadline = time.monotonic() + _DISCOVERY_SECONDS
        while (text := self._description) is None:
            self._require(deadline, self._settings.description, "nobody publishes the description of the arm")
        return text

    def wait_until_ready(self) -> None:
        """Waits for joint states, the gripper's too, and for somebody who obeys.

        Raises:
            ArmFailure: there is nobody, or somebody else commands the arm.
        """
        deadline = time.monotonic() + _DISCOVERY_SECONDS
        for topic in self._publishers:
            while not self._node.count_subscribers(topic):
                self._require(deadline, topic, "nobody listens to the commands; is the controller active?")
        while True:
            try:
                self.joints.newest(self.now())
                if self._settings.hand is not None:
                    self.joints.other(self.now())
                break
            except ArmFailure as failure:
                self._require(deadline, failure.subject, failure.message, failure.code)
        self._is_ready = True
        self._look()
        if self._trouble:
            raise ArmFailure("ros2", self._command_topic, self._trouble)

    def send_way(self, topic: str, joints: Sequence[str], way: Way, stamp: int) -> None:
        """Publishes a ``JointTrajectory``."""
        from rclpy.time import Time
        from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

        message = JointTrajectory(joint_names=list(joints))
        message.header.stamp = Time(nanoseconds=stamp).to_msg()
        for seconds, positions, velocities in zip(way.times, way.positions, way.velocities, strict=True):
            if seconds <= 0:
                continue  # where the arm is already
            point = JointTrajectoryPoint(positions=positions.tolist(), velocities=velocities.tolist())
            point.time_from_start.sec, point.time_from_start.nanosec = divmod(round(seconds * 1e9), 10**9)
            message.points.append(point)
        self._publishers[topic].publish(message)

    def send_twist(self, topic: str, frame: str, linear: np.ndarray, angular: np.ndarray, stamp: int) -> None:
        """Publishes a ``TwistStamped``."""
        from geometry_msgs.msg import TwistStamped
        from rclpy.time import Time

        message = TwistStamped()
        message.header.stamp = Time(nanoseconds=stamp).to_msg()
        message.header.frame_id = frame
        twist = message.twist
        twist.linear.x, twist.linear.y, twist.linear.z = linear.tolist()
        twist.angular.x, twist.angular.y, twist.angular.z = angular.tolist()
        self._publishers[topic].publish(message)

    def close(self) -> None:
        """Ends the node; may be called twice."""
        self._ends.set()
        self._thread.join(timeout=5)
        if self._context.ok():
            self._executor.shutdown(timeout_sec=2)
            self._node.destroy_node()
            self._context.try_shutdown()

    def _subscribe(self, configuration: Configuration) -> None:
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
        from sensor_msgs.msg import CompressedImage, Image, JointState
        from std_msgs.msg import String
        from std_srvs.srv import Trigger

        node, settings = self._node, self._settings
        node.create_subscription(JointState, settings.joint_states, self._take_joints, qos_profile_sensor_data)
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        for view in configuration.cameras.values():
            kind = CompressedImage if view.is_compressed else Image
            take = self._take_compressed if view.is_compressed else self._take_image
            node.create_subscription(kind, view.topic, _with(take, view.topic), newest)
        if settings.description:
            kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            node.create_subscription(String, settings.description, self._take_description, kept)
        node.create_subscription(String, "~/instruction", self._take_instruction, QoSProfile(depth=1))
        node.create_service(Trigger, "~/stop", self._serve_stop)
        node.create_service(Trigger, "~/resume", self._serve_resume)
        node.create_timer(_LOOK_SECONDS, self._look)

    def _publish(self, hold: float) -> None:
        from geometry_msgs.msg import TwistStamped
        from rclpy.duration import Duration
        from rclpy.qos import QoSProfile
        from trajectory_msgs.msg import JointTrajectory

        # What could not be delivered in time is not delivered later.
        newest = QoSProfile(depth=1, lifespan=Duration(seconds=hold))
        topics = {self._settings.trajectory: JointTrajectory}
        if self._settings.twist:
            topics[self._settings.twist] = TwistStamped
        if self._settings.hand is not None:
            topics[self._settings.hand.trajectory] = JointTrajectory
        for topic, kind in topics.items():
            self._publishers[topic] = self._node.create_publisher(kind, topic, newest)

    def _turn(self) -> None:
        try:
            while not self._ends.is_set():
                self._executor.spin_once(timeout_sec=0.1)
        except Exception as error:  # whatever it is: nothing more will come
            self._trouble = f"the node has failed: {type(error).__name__}: {error}"

    def _look(self) -> None:
        """Who else commands the arm, and whether anybody obeys."""
        if not self._is_ready:
            return
        topic = self._command_topic
        names = [found.node_name for found in self._node.get_publishers_info_by_topic(topic)]
        if len(names) > 1:
            others = [name for name in names if name != NODE] or [NODE]
            self._trouble = f"{', '.join(others)} publishes to {topic} too; one program commands an arm"
        elif not self._node.count_subscribers(topic):
            self._trouble = f"nobody listens to {topic} any more"

    def _require(self, deadline: float, subject: str, message: str, code: str = "ros2") -> None:
        if self._trouble:
            raise ArmFailure("ros2", NODE, self._trouble)
        if time.monotonic() > deadline:
            raise ArmFailure(code, subject, message)
        time.sleep(0.02)

    def _take_joints(self, message: Any) -> None:
        self.joints.take(_stamp(message), message.name, message.position, message.velocity, self.now())

    def _take_image(self, topic: str, message: Any) -> None:
        self._pictures[topic] = Picture(
            _stamp(message), message.encoding, message.width, message.height, message.step, memoryview(message.data)
        )

    def _take_compressed(self, topic: str, message: Any) -> None:
        self._pictures[topic] = Picture(_stamp(message), message.format, 0, 0, 0, memoryview(message.data))

    def _take_description(self, message: Any) -> None:
        self._description = message.data

    def _take_instruction(self, message: Any) -> None:
        self._instruct(message.data)

    def _serve_stop(self, _: Any, response: Any) -> Any:
        self._stop()
        response.success, response.message = True, "the arm is kept still until it is resumed"
        return response

    def _serve_resume(self, _: Any, response: Any) -> Any:
        response.success = self._resume()
        response.message = "going on" if response.success else "nothing keeps the arm still here"
        return response


def _stamp(message: Any) -> int:
    stamp = message.header.stamp
    return stamp.sec * 10**9 + stamp.nanosec


def _with(take: Callable[[str, Any], None], topic: str) -> Callable[[Any], None]:
    return lambda message: take(topic, message)
