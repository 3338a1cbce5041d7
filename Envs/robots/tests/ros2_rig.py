"""The rig of the tests with ROS 2: peers, a flight of the real driver between them, and other nodes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fake_daemon import FakeDaemon, chunk_for
from test_arm_run import Dog, Lines, capabilities
from uio2_client import Client
from uio2_client import uio2_pb2 as pb
from uio2_envs.events import EventStream

from uio2_robots.configuration import CONFIGURATIONS, Configuration, load
from uio2_robots.drivers import Ros2
from uio2_robots.faults.rig import speeds
from uio2_robots.plan import Plan
from uio2_robots.run import Run
from uio2_robots.shared import Trace

_FIRST_DOMAIN = 1 + os.getpid() % 90
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")

PEERS = Path(__file__).resolve().parent / "ros2"
ROS2 = CONFIGURATIONS / "ros2.toml"
TASK = "Move the gripper to the red goal point."
TOP, CORNER, JOINTS = "/topview/image_raw", "/corner2/image_raw/compressed", "/joint_states"
AT_REST = 0.003
"""m/s"""
CAMERAS = [
    pb.CameraSpecification(name="topview", width=64, height=64),
    pb.CameraSpecification(name="corner2", width=64, height=64, vertical_field_of_view=30),
]


class Peer:
    """A process that plays a part of the robot."""

    def __init__(self, script: str, *arguments: str) -> None:
        roots = [str(PEERS.parents[1]), str(PEERS.parents[2]), str(PEERS.parents[2] / "client")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}
        command = [sys.executable, str(PEERS / script), *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        assert self._line() == "ready"

    def fault(self, *words: str) -> None:
        """Makes a fault, and waits until it is there."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        assert self._line() == "ok"

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Robot:
    """The peers of one arm, in a domain of their own: topics of two arms with the same names do not mix."""

    _count = 0

    def __init__(self, folder: Path, command: str) -> None:
        self.command = command
        Robot._count += 1
        self._domain = str(_FIRST_DOMAIN + Robot._count)
        self.enter()
        self.arm = Peer("arm_peer.py", str(folder), command)
        self.cameras = Peer("camera_peer.py")
        self.trace = Trace(folder / "trace")

    def enter(self) -> None:
        """Nodes that are made from now on are of this robot's domain."""
        os.environ["ROS_DOMAIN_ID"] = self._domain

    def peer(self, topic: str) -> Peer:
        return self.arm if topic == JOINTS else self.cameras

    def speed(self) -> float:
        return float(speeds(self.trace.since(max(0, self.trace.count - 60)))[-1])

    def end(self) -> None:
        self.arm.end()
        self.cameras.end()


def configured(tmp_path: Path, command: str = "trajectory") -> Configuration:
    file = tmp_path / "robot.toml"
    text = ROS2.read_text().replace('command = "trajectory"', f'command = "{command}"')
    # On a machine that does much else, messages of a moment ago are the newest there are.
    file.write_text(text.replace("state_age = 0.2", "state_age = 0.4"))
    return load(file)


Policy = Callable[[int, pb.Observation], Any]


def sideways(index: int, seen: pb.Observation) -> pb.ActionChunk:
    """Back and forth along the arm's y, a second each, at 0.12 m/s."""
    step = 0.0015 if seen.captured_at // 10**9 % 2 else -0.0015
    return chunk_for(seen, [[step, 0.0, 0.0, -1.0]] * 4, valid_ns=10**9)


class Flight:
    """A run against a scripted policy behind a real socket, in a thread of its own where a test has to do more."""

    def __init__(
        self, robot: Robot, tmp_path: Path, policy: Policy = sideways, seconds: float = 30.0, **options
    ) -> None:
        self.robot = robot
        robot.enter()
        self.configuration = configured(tmp_path, robot.command)
        self.said: list[str] = []
        self.lines = Lines()
        self.seen: list[pb.Observation] = []
        self.result: Any = None
        self.failure: BaseException | None = None
        self.goal: np.ndarray | None = None
        self._policy = policy
        end = options.pop("end", "hold")
        configuration = replace(self.configuration, end=end)
        self.plan = Plan(configuration, TASK, seconds, **{"confirmed": True, "home": True, **options})
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Flight:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.type("quit")
        self._thread.join(60)
        assert not self._thread.is_alive()

    def run(self) -> Any:
        """Here and now."""
        self._run()
        if self.failure is not None:
            raise self.failure
        return self.result

    def has_said(self, *parts: str, since: int = 0) -> bool:
        return any(all(part in line for part in parts) for line in self.said[since:])

    def until_moving(self) -> None:
        until(lambda: self.failure is not None or (len(self.seen) > 3 and self.robot.speed() > 0.08), "the arm moves")
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        def answer(index: int, seen: pb.Observation) -> Any:
            self.seen.append(seen)
            return self._policy(index, seen)

        given = capabilities(self.configuration, cameras=CAMERAS, instructions=[TASK, "Push the button."])
        try:
            resources = Ros2(self.plan.configuration)
            trace = self.robot.trace
            resources.is_done = lambda: (  # type: ignore[method-assign]
                self.goal is not None and bool(np.linalg.norm(trace.newest["position"] - self.goal) < 0.005)
            )
            with FakeDaemon(answer, given) as daemon, Client(daemon.address, timeout=2.0) as client:
                run = Run(self.plan, client, resources, self.lines.next, EventStream(None), self.said.append, Dog)
                self.result = run.run()
        except BaseException as failure:
            self.failure = failure


def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.005)


def rested(robot: Robot, since: int) -> int:
    """The row from which on the arm rests for 0.3 s."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        rows = robot.trace.since(since)
        if len(rows) > 400:
            moving = np.flatnonzero(speeds(rows) > AT_REST)
            last = int(moving[-1]) if len(moving) else 0
            if len(rows) - last > 300:
                return since + last
        time.sleep(0.02)
    raise AssertionError("the arm did not come to rest")


class Other:
    """Another node: a person's, or another program's."""

    def __init__(self, robot: Robot, name: str) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        robot.enter()
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node(name, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._ends = threading.Event()
        self._thread.start()

    def call(self, service: str) -> Any:
        from std_srvs.srv import Trigger

        client = self.node.create_client(Trigger, service)
        until(client.service_is_ready, f"{service} is there")
        future = client.call_async(Trigger.Request())
        until(future.done, f"{service} answers")
        return future.result()

    def __enter__(self) -> Other:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()

    def _turn(self) -> None:
        while not self._ends.is_set():
            self._executor.spin_once(timeout_sec=0.05)
