"""An arm behind ROS 2: real nodes play the arm and its cameras, MuJoCo behind them, and judge by MuJoCo's state.

`make test-ros2` runs these in an environment of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import FakeDaemon, chunk_for
from ros2_rig import CAMERAS, CORNER, JOINTS, TASK, TOP, Flight, Other, Robot, configured, rested, sideways, until
from test_arm_run import capabilities
from test_franka_sim import towards
from uio2_envs.environment import EnvironmentFailure

from uio2_robots.arm import ArmFailure
from uio2_robots.envelope import stopping_distance
from uio2_robots.faults.rig import speeds

pytestmark = pytest.mark.skipif(find_spec("rclpy") is None, reason="make test-ros2 has its own environment")


@pytest.fixture(scope="module", params=["trajectory", "twist"])
def each_robot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    """With a trajectory controller, and with MoveIt Servo's part before it."""
    robot = Robot(tmp_path_factory.mktemp(request.param), request.param)
    yield robot
    robot.end()


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    """With a trajectory controller."""
    robot = Robot(tmp_path_factory.mktemp("robot"), "trajectory")
    yield robot
    robot.end()


def test_goals_are_reached(each_robot: Robot, tmp_path: Path) -> None:
    frame = configured(tmp_path).frame
    for goal in (np.array([0.40, -0.15, 0.30]), np.array([0.55, 0.15, 0.45])):
        policy = towards(frame.rotation.T @ (goal - frame.translation), 0.002)
        flight = Flight(each_robot, tmp_path, policy, seconds=15)
        flight.goal = goal
        assert flight.run().success, f"{goal}: {each_robot.trace.newest['position']}, {flight.said}"


def test_nothing_stops_between_chunks(each_robot: Robot, tmp_path: Path) -> None:
    straight = lambda index, seen: chunk_for(seen, [[0.0015, 0.0, 0.0, -1.0]] * 4)  # noqa: E731
    with Flight(each_robot, tmp_path, straight, seconds=1.8) as flight:
        flight.until_moving()
        began = each_robot.trace.count
        time.sleep(0.8)
        ended = each_robot.trace.count
        until(lambda: flight.result is not None, "time is up")
    rows = each_robot.trace.since(began)[: ended - began]
    if flight.result.held_steps > 2 or flight.result.late_steps > 10:
        pytest.skip(f"this machine is too busy: {flight.result.held_steps} control steps without an answer in time")
    assert flight.result.policy_steps >= 8
    moving = speeds(rows)[100:]
    assert np.median(moving) == pytest.approx(0.12, abs=0.03)
    assert moving.min() > 0.05, f"slowest {moving.min():.3f} m/s"


def test_an_arm_ends_at_home(robot: Robot, tmp_path: Path) -> None:
    flight = Flight(robot, tmp_path, seconds=1.0, end="home")
    flight.run()
    np.testing.assert_allclose(robot.trace.newest["joints"][:7], flight.configuration.home, atol=0.02)


def test_a_dry_run_publishes_nothing(robot: Robot, tmp_path: Path) -> None:
    from trajectory_msgs.msg import JointTrajectory

    came: list[object] = []
    with Other(robot, "listener") as other:
        for topic in ("/fr3_arm_controller/joint_trajectory", "/hand_controller/joint_trajectory"):
            other.node.create_subscription(JointTrajectory, topic, came.append, 1)
        flight = Flight(robot, tmp_path, seconds=1.0, dry_run=True, confirmed=False)
        flight.run()
        time.sleep(0.2)
    assert not came and flight.has_said("step 1: ") and len(flight.seen) > 3


FAULTS = [
    (CORNER, "lose", "camera_silent"),
    (TOP, "delay", ""),
    (TOP, "freeze", "same picture"),
    (CORNER, "repeat", "camera_silent"),
    (JOINTS, "lose", "joint_states_silent"),
    (JOINTS, "delay", "joint_states"),
    (JOINTS, "freeze", "joint_states_frozen"),
    (JOINTS, "repeat", "joint_states_frozen"),
]


@pytest.mark.parametrize(("topic", "fault", "code"), FAULTS, ids=[f"{fault}{topic}" for topic, fault, _ in FAULTS])
def test_a_topic_that_is_lost_late_or_frozen_stops_the_arm_and_is_named(
    robot: Robot, tmp_path: Path, topic: str, fault: str, code: str
) -> None:
    peer = robot.peer(topic)
    with Flight(robot, tmp_path) as flight:
        try:
            flight.until_moving()
            began, lines = robot.trace.count - 1, len(flight.said)
            peer.fault(fault, topic, *(["0.6"] if fault == "delay" else []))
            # Forth and back: the arm turns each second, so its rest is awaited from the moment the fault is named.
            until(lambda: flight.failure is not None or flight.has_said(topic, since=lines), f"{topic} is named", 5)
            noticed = robot.trace.count - 1
            at_rest = rested(robot, noticed)
            rows = robot.trace.since(began)
            path = rows["position"][noticed - began : at_rest - began + 1]
            way = float(np.linalg.norm(path[-1] - path[0]))
            limits, greatest = flight.configuration.limits, float(speeds(rows).max())
            chunk = 4 / flight.configuration.control_rate
            bound = stopping_distance(greatest, limits.acceleration, chunk + limits.command_hold + 0.05)
            assert way <= bound, f"{way * 1000:.1f} mm, bound {bound * 1000:.1f} mm"
            # From the fault on: a picture may be as old as the limit allows, a joint state too.
            assert (rows["time"][noticed - began] - rows["time"][0]) < 2.0
            here = robot.trace.newest["position"]
            time.sleep(0.5)
            assert np.linalg.norm(robot.trace.newest["position"] - here) < 0.003
            if fault in ("lose", "repeat") or topic == JOINTS:
                until(lambda: flight.failure is not None, "the run ends", 5)
        finally:
            peer.fault("mend")
            time.sleep(0.2)
    words = [*flight.said[lines:], str(flight.failure)]
    assert any(topic in line and code in line for line in words), words


def test_late_pictures_hold_the_arm_and_it_goes_on_by_itself(robot: Robot, tmp_path: Path) -> None:
    with Flight(robot, tmp_path) as flight:
        flight.until_moving()
        lines = len(flight.said)
        robot.cameras.fault("delay", TOP, "0.5")
        until(lambda: flight.has_said("stale_observation", TOP, since=lines), "it says so")
        rested(robot, robot.trace.count)
        robot.cameras.fault("mend")
        until(lambda: robot.speed() > 0.08, "it goes on")
    assert flight.failure is None


def test_services_stop_and_resume(robot: Robot, tmp_path: Path) -> None:
    with Flight(robot, tmp_path) as flight, Other(robot, "person") as person:
        flight.until_moving()
        began = robot.trace.count - 1
        assert person.call("/uio2_arm/stop").success
        at_rest = rested(robot, began)
        rows = robot.trace.since(began)[: at_rest - began + 1]
        limits = flight.configuration.limits
        # The service answers when the brakes are on; the call itself takes a while.
        assert np.linalg.norm(rows["position"][-1] - rows["position"][0]) < stopping_distance(
            float(speeds(rows).max()), limits.acceleration, 0.3
        )
        here = robot.trace.newest["position"]
        time.sleep(0.7)
        assert np.linalg.norm(robot.trace.newest["position"] - here) < 0.003
        assert flight.has_said("stopped by the service stop")
        assert person.call("/uio2_arm/resume").success and not person.call("/uio2_arm/resume").success
        until(lambda: robot.speed() > 0.08, "it goes on")
    assert flight.failure is None


def test_the_sentence_can_be_changed_to_another_known_one(robot: Robot, tmp_path: Path) -> None:
    from std_msgs.msg import String

    with Flight(robot, tmp_path) as flight, Other(robot, "person") as person:
        publisher = person.node.create_publisher(String, "/uio2_arm/instruction", 1)
        flight.until_moving()
        until(lambda: publisher.get_subscription_count() > 0, "the arm listens")
        publisher.publish(String(data="Make coffee."))
        until(lambda: flight.has_said("does not know the sentence 'Make coffee.'"), "it is refused")
        publisher.publish(String(data="push the button"))
        until(lambda: flight.seen[-1].instruction == "push the button", "the policy is asked for it")
    assert {seen.instruction for seen in flight.seen} == {TASK, "push the button"} and flight.failure is None


def test_an_observation_is_as_old_as_the_header_of_its_oldest_picture(robot: Robot, tmp_path: Path) -> None:
    def ages() -> list[float]:
        return [(seen.sent_at - seen.captured_at) / 1e9 for seen in flight.seen[-5:]]

    with Flight(robot, tmp_path) as flight:
        flight.until_moving()
        assert 0 < np.median(ages()) < 0.15
        robot.cameras.fault("delay", CORNER, "0.12")
        count = len(flight.seen)
        until(lambda: len(flight.seen) > count + 10, "the policy is asked again")
        late = np.median(ages())
        robot.cameras.fault("mend")
    assert 0.11 < late < 0.3
    frames = {frame.camera: frame for frame in flight.seen[-1].frames}
    assert sorted(frames) == ["corner2", "topview"] and frames["topview"].width == 64


def test_another_program_that_commands_the_arm_is_named(robot: Robot, tmp_path: Path) -> None:
    from trajectory_msgs.msg import JointTrajectory

    topic = "/fr3_arm_controller/joint_trajectory"
    with Other(robot, "rival") as rival:
        publisher = rival.node.create_publisher(JointTrajectory, topic, 1)
        with pytest.raises(ArmFailure, match=f"rival publishes to {topic}"):
            Flight(robot, tmp_path).run()
        rival.node.destroy_publisher(publisher)
        with Flight(robot, tmp_path) as flight:
            flight.until_moving()
            rival.node.create_publisher(JointTrajectory, topic, 1)
            until(lambda: flight.failure is not None, "it notices")
            rested(robot, robot.trace.count)
        assert isinstance(flight.failure, EnvironmentFailure) and "rival" in flight.failure.message


def test_a_controller_that_is_not_there_is_named(robot: Robot, tmp_path: Path) -> None:
    flight = Flight(robot, tmp_path)
    assert flight.configuration.ros2 is not None
    elsewhere = replace(flight.configuration.ros2, trajectory="/nobody/joint_trajectory")
    flight.plan = replace(flight.plan, configuration=replace(flight.configuration, ros2=elsewhere))
    with pytest.raises(ArmFailure, match="/nobody/joint_trajectory: nobody listens"):
        flight.run()


def test_the_command_line_runs_it(robot: Robot, tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    robot.enter()
    given = capabilities(configuration, cameras=CAMERAS)
    with FakeDaemon(sideways, given) as daemon:
        command = [sys.executable, "-m", "uio2_robots", "ros2", "--instruction", TASK, "--connect", daemon.address]
        done = subprocess.run(
            [*command, "--config", str(tmp_path / "robot.toml"), "--dry-run", "--seconds", "0.5"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert "dry run: nothing is sent to the arm" in done.stderr and "step 1: " in done.stderr
