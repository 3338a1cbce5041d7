"""What an arm behind ROS topics is made of, without ROS: ways of joints, joint states, driver and configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_kinematics import HOME, JOINTS, chain

from uio2_robots.arm import ArmFailure
from uio2_robots.configuration import CONFIGURATIONS, Configuration, ConfigurationError, load
from uio2_robots.poses import rotation_vector
from uio2_robots.ros2.arm import Ros2Arm
from uio2_robots.ros2.bus import Picture
from uio2_robots.ros2.joints import JointWatch
from uio2_robots.ros2.motion import Way, velocity_way

ROS2 = CONFIGURATIONS / "ros2.toml"


# Ways of joints.


def test_a_way_goes_on_and_then_rests() -> None:
    way = velocity_way(np.array([1.0, 2.0]), np.array([0.1, 0.0]), np.array([0.3, -0.2]), 0.05, 0.1, 0.15)
    np.testing.assert_allclose(way.at(0.0)[0], [1.0, 2.0])
    np.testing.assert_allclose(way.at(0.075)[1], [0.3, -0.2], atol=1e-12)
    end, still = way.at(1.0)
    assert not still.any() and end[0] == pytest.approx(1 + 0.2 * 0.05 + 0.3 * 0.05 + 0.15 * 0.15)
    times = np.linspace(0, 0.3, 3001)
    path = np.array([way.at(time)[0] for time in times])
    speed = np.array([way.at(time)[1] for time in times])
    np.testing.assert_allclose(np.gradient(path[:, 0], times)[1:-1], speed[1:-1, 0], atol=2e-3)
    assert np.abs(np.diff(speed[:, 0]) / np.diff(times)).max() < 4.1, "constant acceleration: 0.2 in 0.05 s"


def test_a_way_to_rest_ends_where_braking_ends() -> None:
    way = velocity_way(np.zeros(1), np.array([0.4]), np.zeros(1), 0.2, 0.1, 0.0)
    assert way.times.tolist() == [0, 0.2] and way.positions[-1, 0] == pytest.approx(0.04)


# Joint states.

SECOND = 10**9


def watched() -> JointWatch:
    return JointWatch("/joint_states", ["a", "b"], 0.1, "finger")


def take(watch: JointWatch, stamp: float, values=(0.1, 0.2), at: float | None = None, names=("b", "a")) -> None:
    when = round((stamp if at is None else at) * SECOND)
    watch.take(round(stamp * SECOND), names, values, [], when)


def refusal(watch: JointWatch, now: float, other: bool = False) -> str:
    with pytest.raises(ArmFailure) as caught:
        (watch.other if other else watch.newest)(round(now * SECOND))
    assert caught.value.subject == "/joint_states"
    assert "finger" in caught.value.message or not other or caught.value.code == "joint_states_invalid"
    return caught.value.code


def test_joint_states_come_in_any_order_and_in_parts() -> None:
    watch = watched()
    assert refusal(watch, 1.0) == "joint_states_silent"
    take(watch, 1.0)
    assert refusal(watch, 1.0, other=True) == "joint_states_silent", "nothing is invented"
    watch.take(SECOND, ["finger"], [0.03], [], SECOND)
    take(watch, 1.01, (0.2, 0.4))
    reading = watch.newest(round(1.02 * SECOND))
    assert reading.positions.tolist() == [0.4, 0.2]
    assert watch.other(round(1.02 * SECOND)) == 0.03
    np.testing.assert_allclose(reading.velocities, [20.0, 10.0])
    take(watch, 1.005, (9.0, 9.0))
    assert watch.newest(round(1.02 * SECOND)).positions.tolist() == [0.4, 0.2], "what comes out of order is old"


def test_joint_states_that_are_lost_late_or_frozen_are_named() -> None:
    watch = watched()
    take(watch, 1.0)
    assert refusal(watch, 1.2) == "joint_states_silent"
    take(watch, 1.05, at=1.3)
    assert refusal(watch, 1.3) == "joint_states_late"
    take(watch, 1.05, at=1.35)
    assert refusal(watch, 1.35) == "joint_states_frozen", "the same message again"
    take(watch, 3.0, at=2.0)
    assert refusal(watch, 2.0) == "joint_states_clock"


def test_the_gripper_is_as_new_as_the_joints_or_is_not_measured() -> None:
    watch = watched()

    def finger(stamp: float, at: float, position: float = 0.03) -> None:
        watch.take(round(stamp * SECOND), ["finger"], [position], [], round(at * SECOND))

    finger(1.0, 1.0)
    for moment in (1.05, 1.1, 1.15, 1.2):
        take(watch, moment)
    watch.newest(round(1.2 * SECOND))
    assert refusal(watch, 1.2, other=True) == "joint_states_silent", "its arm's joints go on coming"
    finger(1.05, 1.3)
    assert refusal(watch, 1.3, other=True) == "joint_states_late"
    finger(1.05, 1.32)
    assert refusal(watch, 1.32, other=True) == "joint_states_frozen"
    finger(1.31, 1.33, 0.02)
    finger(1.30, 1.34, 0.01)
    assert watch.other(round(1.34 * SECOND)) == 0.02, "what comes out of order is old"
    finger(9.0, 1.35)
    assert refusal(watch, 1.35, other=True) == "joint_states_clock"


@pytest.mark.parametrize(("stamp", "position"), [(0.0, 0.03), (1.0, float("nan")), (1.0, float("inf"))])
def test_a_gripper_that_is_none_is_refused_for_good(stamp: float, position: float) -> None:
    watch = watched()
    take(watch, 1.0)
    watch.take(round(stamp * SECOND), ["finger"], [position], [], SECOND)
    watch.take(round(1.01 * SECOND), ["finger"], [0.03], [], round(1.01 * SECOND))
    assert refusal(watch, 1.01, other=True) == "joint_states_invalid"
    assert refusal(watch, 1.01) == "joint_states_invalid"


@pytest.mark.parametrize("pauses", [False, True])
def test_joints_that_do_not_change_while_told_to_move_are_not_measured(pauses: bool) -> None:
    watch = watched()
    for tick in range(200):
        now = 1 + tick / 100
        take(watch, now)
        if tick >= 50:
            # Answers that are late make it hold in between; that does not make the joints alive.
            watch.tell(not pauses or tick % 3 > 0, round(now * SECOND))
        if tick < 80:
            watch.newest(round(now * SECOND))
    assert refusal(watch, 2.99) == "joint_states_frozen"
    watch = watched()
    for tick in range(100):
        now = 1 + tick / 100
        take(watch, now, (0.1, 0.2 + tick * 1e-9))
        watch.tell(True, round(now * SECOND))
    watch.newest(round(1.99 * SECOND))


def test_joints_that_rest_may_stay_the_same() -> None:
    watch = watched()
    for tick in range(200):
        now = 1 + tick / 100
        take(watch, now)
        watch.tell(False, round(now * SECOND))
    watch.newest(round(2.99 * SECOND))


@pytest.mark.parametrize(
    ("names", "positions", "stamp"),
    [(("a", "b"), (0.1, float("nan")), 1.0), (("a", "b"), (0.1,), 1.0), (("a", "b"), (0.1, 0.2), 0.0)],
)
def test_joint_states_that_are_none_are_refused_for_good(names, positions, stamp: float) -> None:
    watch = watched()
    take(watch, 0.9, names=("a", "b"))
    take(watch, stamp, positions, at=1.0, names=names)
    take(watch, 1.01)
    assert refusal(watch, 1.01) == "joint_states_invalid"


# The arm.


class Bus:
    """A perfect controller: the joints are where the way that was told last has led."""

    def __init__(self, configuration: Configuration) -> None:
        assert configuration.ros2 is not None
        self.moment = 50 * SECOND
        self.joints = JointWatch("/joint_states", configuration.ros2.joints, 0.1, "fr3_finger_joint1")
        self.ways: list[tuple[str, Way, int]] = []
        self.twists: list[tuple[str, str, np.ndarray, np.ndarray]] = []
        self.position = HOME.copy()
        self.obeys = True
        self.wrong = ""
        self.shown = 0
        self.shows_finger = True
        self.pass_time(0.0)

    def now(self) -> int:
        return self.moment

    def clock(self) -> float:
        return self.moment / SECOND

    def pass_time(self, seconds: float) -> None:
        self.moment += round(seconds * SECOND)
        velocity = np.zeros(7)
        if self.ways and self.obeys:
            self.position, velocity = self.ways[-1][1].at((self.moment - self.ways[-1][2]) / SECOND)
        self.shown += 1
        self.joints.take(self.moment, JOINTS, self.position, velocity, self.moment)
        if self.shows_finger:
            self.joints.take(self.moment, ["fr3_finger_joint1"], [0.01], [], self.moment)

    def picture(self, topic: str) -> Picture | None:
        return None

    def trouble(self) -> str:
        return self.wrong

    def send_way(self, topic: str, joints, way: Way, stamp: int) -> None:
        if "arm" in topic:
            self.ways.append((topic, way, stamp))
        else:
            self.hand = way

    def send_twist(self, topic: str, frame: str, linear: np.ndarray, angular: np.ndarray, stamp: int) -> None:
        self.twists.append((topic, frame, linear, angular))


def made(command: str = "trajectory") -> tuple[Ros2Arm, Bus]:
    configuration = load(ROS2)
    assert configuration.ros2 is not None
    settings = replace(configuration.ros2, command=command, twist="/servo_node/delta_twist_cmds")
    bus = Bus(configuration)
    return Ros2Arm(configuration, settings, chain(), bus, bus.clock, bus.pass_time), bus


def test_the_tool_goes_as_fast_as_told_and_rests_when_nobody_renews() -> None:
    arm, bus = made()
    began = arm.state().pose
    for _ in range(50):
        arm.command(np.array([0.0, 0.1, 0.0]), np.zeros(3), 0.1)
        bus.pass_time(0.01)
    state = arm.state()
    np.testing.assert_allclose(state.velocity, [0.0, 0.1, 0.0], atol=0.004)
    assert np.linalg.norm(rotation_vector(state.pose.rotation @ began.rotation.T)) < 0.01
    here = state.pose.position
    for _ in range(60):
        bus.pass_time(0.01)
    way = arm.state().pose.position - here
    assert not arm.state().velocity.any() and 0.01 < way[1] < 0.1 * 0.1 + 0.1**2 / 4 + 0.002


def test_a_command_of_nothing_brakes_with_the_configured_acceleration() -> None:
    arm, bus = made()
    for _ in range(50):
        arm.command(np.array([0.0, 0.2, 0.0]), np.zeros(3), 0.1)
        bus.pass_time(0.01)
    here = arm.state().pose.position
    for _ in range(30):
        arm.command(np.zeros(3), np.zeros(3), 0.1)
        bus.pass_time(0.01)
    assert np.abs(arm.state().velocity).max() < 1e-4
    assert 0.2**2 / 4 < np.linalg.norm(arm.state().pose.position - here) < 0.2**2 / 4 + 0.2 * 0.02


def test_an_arm_that_does_not_follow_is_pushed_no_farther() -> None:
    arm, bus = made()
    bus.obeys = False
    with pytest.raises(ArmFailure) as caught:
        for _ in range(400):
            bus.position[0] += 1e-9  # an encoder is never quite still
            arm.command(np.array([0.0, 0.1, 0.0]), np.zeros(3), 0.1)
            bus.pass_time(0.01)
    assert caught.value.code == "not_following" and "is it blocked?" in caught.value.message


def test_joints_that_are_not_measured_are_not_taken_for_a_blocked_arm() -> None:
    arm, bus = made()
    bus.obeys = False
    with pytest.raises(ArmFailure) as caught:
        for _ in range(400):
            arm.command(np.array([0.0, 0.25, 0.0]), np.zeros(3), 0.1)
            bus.pass_time(0.01)
    assert caught.value.code == "joint_states_frozen" and caught.value.subject == "/joint_states"


def test_servo_is_told_the_twist_in_the_base_frame() -> None:
    arm, bus = made("twist")
    arm.command(np.array([0.1, 0.0, 0.0]), np.array([0.0, 0.0, 0.2]), 0.1)
    topic, frame, linear, angular = bus.twists[0]
    assert (topic, frame) == ("/servo_node/delta_twist_cmds", "fr3_link0")
    assert linear.tolist() == [0.1, 0, 0] and angular.tolist() == [0, 0, 0.2] and not bus.ways


def test_the_way_home_is_slow_and_can_be_interrupted() -> None:
    arm, bus = made()
    target, beats = HOME + np.array([0.4, 0, 0, 0, 0, 0, 0]), []
    arm.move_joints(target, lambda: beats.append(bus.moment))
    np.testing.assert_allclose(bus.position, target, atol=0.01)
    assert bus.ways[0][1].times[-1] == pytest.approx(1.5) and len(beats) > 100
    arm.rest(lambda: None)

    def interrupt() -> None:
        if np.abs(bus.position - HOME).max() < 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        arm.move_joints(HOME, interrupt)
    bus.pass_time(1.0)
    assert 0.05 < np.abs(bus.position - HOME).max() < 0.2 and len(bus.ways) == 3


def test_the_gripper_is_told_once() -> None:
    arm, bus = made()
    assert arm.state().gripper_opening == pytest.approx(0.25)
    arm.grip(1.0)
    assert bus.hand.positions.tolist() == [[0.04]] and bus.hand.times.tolist() == [1.0]
    told = bus.hand
    arm.grip(1.0)
    assert bus.hand is told


def test_a_gripper_that_is_not_measured_any_more_stops_the_arm() -> None:
    arm, bus = made()
    bus.shows_finger = False
    bus.pass_time(0.05)
    assert arm.state().gripper_opening == pytest.approx(0.25)
    for _ in range(3):
        bus.pass_time(0.05)
    with pytest.raises(ArmFailure, match="fr3_finger_joint1"):
        arm.state()


def test_an_opening_that_is_measured_needs_a_joint_that_tells_it(tmp_path: Path) -> None:
    text = ROS2.read_text()
    table = text.index("[ros2.gripper]")
    text = text[:table] + text[table:].partition("\n\n")[2]
    action = text.index('drives = "gripper"')
    start = text.rindex("[[actions]]", 0, action)
    file = tmp_path / "robot.toml"
    file.write_text(text[:start] + text[action:].partition("\n\n")[2])
    with pytest.raises(ConfigurationError, match="gripper_opening is measured"):
        load(file)


def test_what_the_node_says_is_wrong_stops_the_arm() -> None:
    arm, bus = made()
    bus.wrong = "teleop publishes to /arm too"
    with pytest.raises(ArmFailure, match="teleop publishes"):
        arm.state()


# The configuration.

CORRUPTIONS = {
    "ros2.command": ('command = "trajectory"', 'command = "teleport"'),
    "ros2.joints": ('"fr3_joint7"]', '"fr3_joint6"]'),
    "ros2.description": ('description = "/robot_description"', 'urdf = "a"\ndescription = "/d"'),
    "ros2.gripper": ("[ros2.gripper]", "[ros2.fingers]"),
    "ros2.gripper.open": ("open = [0.04]", "open = [0.0]"),
    "ros2.state_age": ("state_age = 0.2", "state_age = 0"),
    "ros2.base": ('base = "fr3_link0"', "base = 1"),
    "cameras.topview.topic": ('topic = "/topview/image_raw"\n', ""),
    "cameras.corner2.compressed": ("compressed = true", 'compressed = "yes"'),
    "limits.picture_age": ("picture_age = 0.3", "picture_age = -1"),
}


@pytest.mark.parametrize("field", CORRUPTIONS)
def test_topics_that_cannot_be_are_refused_by_their_field(field: str, tmp_path: Path) -> None:
    text, (old, new) = ROS2.read_text(), CORRUPTIONS[field]
    assert old in text
    file = tmp_path / "robot.toml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert caught.value.subject == f"{file}: {field}"


def test_the_shipped_configuration_serves_the_shipped_policy() -> None:
    arm, franka = load(ROS2), load(CONFIGURATIONS / "franka.toml")
    assert arm.specification == franka.specification and arm.place == "/joint_states"
    assert arm.sources["topview"] == "topview (/topview/image_raw)"
