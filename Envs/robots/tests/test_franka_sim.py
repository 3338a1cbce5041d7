"""A Franka through libfranka's own client, against another group's server of its protocol, judged by the simulator.

`make test-franka` runs these in the environment of the arm.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import FakeDaemon, chunk_for
from model_arm import FRANKA
from test_arm_run import Dog, Lines, capabilities
from uio2_client import Client
from uio2_client import uio2_pb2 as pb
from uio2_envs.agreement import CameraRequest
from uio2_envs.events import EventStream

from uio2_robots.body import Step
from uio2_robots.cameras import MirrorCameras
from uio2_robots.configuration import Configuration, load
from uio2_robots.envelope import stopping_distance
from uio2_robots.faults.rig import speeds
from uio2_robots.franka import FrankaArm
from uio2_robots.plan import Plan
from uio2_robots.run import Run
from uio2_robots.shared import Trace

pytestmark = pytest.mark.skipif(
    find_spec("franky") is None or find_spec("franky_sim") is None, reason="make test-franka has its own environment"
)
HOST = "127.0.8.1"
REACHED = 0.005
"""m"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a simulator that runs."""
    folder = tmp_path_factory.mktemp("simulator")
    roots = [str(Path(__file__).resolve().parents[index]) for index in (1, 2)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*roots, f"{roots[1]}/client"])}
    command = [sys.executable, "-m", "uio2_robots.simulator", str(folder), "--host", HOST, "--lifeline"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None and b"ready" in process.stdout.readline()
    try:
        yield folder
    finally:
        process.kill()
        process.wait()


def configured(tmp_path: Path, mode: str = "delta") -> Configuration:
    text = FRANKA.read_text().replace('host = "127.0.0.1"', f'host = "{HOST}"')
    text = text.replace('mode = "delta"', f'mode = "{mode}"')
    if mode == "absolute":
        text = text.replace("[-0.01, 0.01]", "[-1.0, 1.5]")
    file = tmp_path / "franka.toml"
    file.write_text(text)
    return load(file)


class Flight:
    """A run of the real driver against a scripted policy behind a real socket."""

    def __init__(self, simulator: Path, configuration: Configuration, policy, seconds: float = 20.0, **options) -> None:
        self.trace = Trace(simulator / "trace")
        self.configuration, self._policy = configuration, policy
        self.plan = Plan(configuration, "Reach.", seconds, confirmed=True, **options)
        self.said: list[str] = []
        self.steps: list[Step] = []
        self.goal: np.ndarray | None = None

    def attend(self, control: object) -> None:
        pass

    def arm(self) -> FrankaArm:
        return FrankaArm(self.configuration)

    def cameras(self, agreement, closing: ExitStack):
        return None

    def is_done(self) -> bool:
        return self.goal is not None and bool(np.linalg.norm(self.trace.newest["position"] - self.goal) < REACHED)

    def run(self):
        given = capabilities(self.configuration, cameras=[])
        with FakeDaemon(self._policy, given) as daemon, Client(daemon.address, timeout=2.0) as client:
            run = Run(self.plan, client, self, Lines().next, EventStream(None), self.said.append, Dog)
            return run.run()


def towards(goal: np.ndarray, most: float):
    """A policy of deltas that goes straight for a point of its own frame."""

    def answer(index: int, seen: pb.Observation) -> pb.ActionChunk:
        way = goal - np.array(seen.proprioception[:3])
        length = float(np.linalg.norm(way))
        step = way * min(1.0, most / length) if length > 0 else way
        # Four steps of a chunk do not lead beyond the goal.
        step = step if length > 4 * most else way / 4
        return chunk_for(seen, [[*step, -1.0]] * 4, valid_ns=10**9)

    return answer


GOALS = [(0.40, -0.15, 0.30), (0.55, 0.15, 0.45), (0.50, 0.0, 0.22)]
"""In the base frame, m."""


@pytest.mark.parametrize("mode", ["delta", "absolute"])
def test_goals_are_reached(mode: str, simulator: Path, tmp_path: Path) -> None:
    configuration = configured(tmp_path, mode)
    frame = configuration.frame
    for goal in GOALS:
        wanted = frame.rotation.T @ (np.array(goal) - frame.translation)
        policy = towards(wanted, 0.002)
        if mode == "absolute":
            policy = lambda index, seen, wanted=wanted: chunk_for(seen, [[*wanted, -1.0]] * 4)  # noqa: E731
        flight = Flight(simulator, replace(configuration, end="hold"), policy, home=True)
        flight.goal = np.array(goal)
        result = flight.run()
        assert result.success, f"{goal}: {flight.trace.newest['position']}, {flight.said}"


def test_nothing_stops_between_chunks(simulator: Path, tmp_path: Path) -> None:
    configuration = replace(configured(tmp_path), end="hold")
    go_home(configuration)
    marks: list[int] = []

    def straight(index: int, seen: pb.Observation) -> pb.ActionChunk:
        marks.append(flight.trace.count)
        return chunk_for(seen, [[0.0015, 0.0, 0.0, -1.0]] * 4)

    flight = Flight(simulator, configuration, straight, seconds=1.8)
    result = flight.run()
    assert result.policy_steps >= 10
    # From a while after the first chunk to the last one; 0.0015 m at 80 Hz is 0.12 m/s.
    rows = flight.trace.since(marks[0])[: marks[-1] - marks[0]]
    moving = speeds(rows)[400:]
    if result.held_steps <= 2:
        assert moving.min() > 0.05, f"{len(marks)} chunks, slowest {moving.min():.3f} m/s"
    assert np.median(moving) == pytest.approx(0.12, abs=0.03)


def test_the_motion_stays_in_the_workspace(simulator: Path, tmp_path: Path) -> None:
    configuration = replace(configured(tmp_path), end="hold")
    go_home(configuration)
    random = np.random.default_rng(3)
    direction = [np.zeros(3)]

    def wild(index: int, seen: pb.Observation) -> pb.ActionChunk:
        if index % 12 == 0:
            direction[0] = random.choice([-0.01, 0.01], 3)
        return chunk_for(seen, [[*direction[0], -1.0]] * 4)

    flight = Flight(simulator, configuration, wild, seconds=120.0)
    began = flight.trace.count
    # Eight seconds of simulated time, however long they take.
    flight.is_done = lambda: flight.trace.count - began > 8000
    flight.run()
    assert speeds(flight.trace.since(began)).max() < 1.1 * configuration.limits.speed
    path = flight.trace.since(began)["position"]
    low, high = configuration.limits.workspace
    outside = np.maximum(np.maximum(low - path, path - high), 0).max()
    # What the arm's own controller is behind its command; the command itself never leaves.
    assert outside < 0.003, f"{outside * 1000:.1f} mm outside"
    assert (path.max(axis=0) - path.min(axis=0)).max() > 0.2, "it went far"


def test_a_command_that_nobody_renews_fades(simulator: Path, tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    go_home(configuration)
    trace, limits = Trace(simulator / "trace"), configuration.limits
    arm = FrankaArm(configuration)
    for _ in range(30):
        arm.command(np.array([0.0, 0.15, 0.0]), np.zeros(3), limits.command_hold)
        time.sleep(0.01)
    began = trace.count - 1
    arm.rest(lambda: None)
    time.sleep(0.5)
    rows = trace.since(began)
    speed = float(speeds(trace.since(began - 50))[50])
    way = float(np.linalg.norm(rows["position"][-1] - rows["position"][0]))
    arm.close()
    assert speed > 0.1 and speeds(rows)[-1] < 0.003
    assert way <= stopping_distance(max(speed, 0.15), limits.acceleration, limits.command_hold + 0.03)


def test_the_way_home_can_be_interrupted(simulator: Path, tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    go_home(configuration)
    arm, trace = FrankaArm(configuration), Trace(simulator / "trace")
    elsewhere = configuration.home + np.array([0.8, 0, 0, 0, 0, 0, 0])
    began = trace.count

    def interrupt() -> None:
        # After a second of simulated time, however long that takes.
        if trace.count - began > 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        arm.move_joints(elsewhere, interrupt)
    # The simulated joints are a little behind their commands and come after them.
    wait(trace, 300)
    at_rest = trace.newest["joints"][0]
    wait(trace, 500)
    assert 0.02 < at_rest < 0.7 and trace.newest["joints"][0] == pytest.approx(at_rest, abs=0.002)
    arm.close()


def test_the_gripper_closes_and_opens(simulator: Path, tmp_path: Path) -> None:
    configuration = replace(configured(tmp_path), end="hold")
    trace = Trace(simulator / "trace")
    for grip, is_there in ((1.0, lambda width: width < 0.01), (-1.0, lambda width: width > 0.07)):
        policy = lambda index, seen, grip=grip: chunk_for(seen, [[0.0, 0.0, 0.0, grip]] * 4)  # noqa: E731
        flight = Flight(simulator, configuration, policy, seconds=15.0, home=True)
        flight.is_done = lambda is_there=is_there: is_there(float(trace.newest["joints"][7:].sum()))
        assert flight.run().success


def test_cameras_show_the_simulator(simulator: Path, tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    requests = [CameraRequest("topview", 96, 64, 0.0), CameraRequest("corner2", 128, 128, 30.0)]
    cameras = MirrorCameras(simulator, tmp_path, configuration.cameras, requests, rate=15)
    try:
        frame, taken_at = cameras.newest("topview", 96, 64, 0.0)
        assert frame.shape == (64, 96, 3) and frame.std() > 10
        corner, _ = cameras.newest("corner2", 128, 128, 30.0)
        reds = (corner[..., 0].astype(int) - corner[..., 1:].max(axis=-1)) > 60
        assert corner.shape == (128, 128, 3) and reds.sum() > 5, "the goal is seen"
        deadline = time.monotonic() + 10
        while (later := cameras.newest("topview", 96, 64, 0.0))[1] == taken_at:
            assert time.monotonic() < deadline
        assert not np.array_equal(later[0], frame), "a sensor has noise"
    finally:
        cameras.close()


def wait(trace: Trace, milliseconds: int) -> None:
    """Waits for simulated time."""
    end = trace.count + milliseconds
    while trace.count < end:
        time.sleep(0.005)


def go_home(configuration: Configuration) -> None:
    """Begins a test where another has not left the arm."""
    arm = FrankaArm(configuration)
    arm.move_joints(configuration.home, lambda: None)
    arm.rest(lambda: None)
    arm.close()
