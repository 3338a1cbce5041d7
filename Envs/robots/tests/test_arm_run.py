"""A whole run against a daemon over a real socket: nothing moves before a yes, and every end leaves the arm as
configured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from fake_daemon import FakeDaemon, chunk_for, error
from model_arm import ModelArm, franka
from test_arm_body import Pictures
from uio2_client import Client
from uio2_client import uio2_pb2 as pb
from uio2_envs.agreement import Disagreed
from uio2_envs.environment import EnvironmentFailure
from uio2_envs.events import EventStream
from uio2_envs.patience import Patience, RobotFailure

from uio2_robots.arm import ArmFailure, ArmState
from uio2_robots.configuration import Configuration
from uio2_robots.plan import Control, NotConfirmed, Plan
from uio2_robots.run import Run

STEP = 0.002
TASK = "Move the gripper to the red goal point."


def capabilities(configuration: Configuration | None = None, **changes) -> pb.Capabilities:
    """Those of a policy that fits a configuration, the shipped one when left out."""
    configuration = configuration or franka()
    quantities = {
        name: [
            pb.QuantitySpecification(
                name=mapped.quantity.name,
                unit=mapped.quantity.unit,
                minimum=mapped.quantity.minimum,
                maximum=mapped.quantity.maximum,
            )
            for mapped in mappings
        ]
        for name, mappings in (("proprioception", configuration.proprioception), ("actions", configuration.actions))
    }
    fields = {
        "policy_name": "reaching",
        "policy_digest": "0123",
        "cameras": [pb.CameraSpecification(name="topview", width=16, height=16)],
        "action_frame": "base",
        "action_mode": configuration.mode,
        "hold": configuration.specification.hold,
        "chunk_length": 4,
        "control_rate": 80.0,
        **quantities,
    }
    return pb.Capabilities(**{**fields, **changes})


class TimedArm(ModelArm):
    """A model arm that lives by the machine's clock."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = time.monotonic()
        self._lock = threading.Lock()
        self.fails_when: Callable[[], bool] = lambda: False

    def state(self) -> ArmState:
        with self._lock:
            now = time.monotonic()
            if now - self._seen >= 0.001:
                self.advance(min(0.2, now - self._seen))
                self._seen = now
            if self.fails_when():
                self.failure = ArmFailure("arm_error", "arm", "reflex")
            return super().state()


class FreshPictures(Pictures):
    """Of a sensor: no two are the same."""

    def newest(self, camera: str, width: int, height: int, field_of_view: float) -> tuple[np.ndarray, int]:
        taken_at = time.monotonic_ns()
        return np.full((height, width, 3), taken_at // 1000 % 251, np.uint8), taken_at


class Resources:
    def __init__(self) -> None:
        self.arms: list[TimedArm] = []
        self.done: Callable[[], bool] = lambda: False
        self.pictures: Pictures = FreshPictures()
        self.fails_when: Callable[[TimedArm], bool] = lambda arm: False
        self.controls: list[Control] = []

    def attend(self, control: Control) -> None:
        self.controls.append(control)

    def arm(self) -> TimedArm:
        arm = TimedArm()
        arm.fails_when = lambda: self.fails_when(arm)
        self.arms.append(arm)
        return arm

    def cameras(self, agreement, closing: ExitStack) -> Pictures:
        return self.pictures

    def is_done(self) -> bool:
        return self.done()


class Dog:
    """Counts what a watchdog is told."""

    def __init__(self, seconds: float) -> None:
        self.beats = self.rests = 0

    def __enter__(self) -> Dog:
        return self

    def __exit__(self, *_) -> None:
        pass

    def beat(self) -> None:
        self.beats += 1

    def rest(self) -> None:
        self.rests += 1


class Lines:
    """What a person types; the thread that reads waits for the next line."""

    def __init__(self, *lines: str) -> None:
        self._given = list(lines)
        self._more = threading.Semaphore(len(lines))

    def type(self, line: str) -> None:
        self._given.append(line + "\n")
        self._more.release()

    def next(self) -> str:
        self._more.acquire()
        return self._given.pop(0)


def sideways(index: int, observation: pb.Observation) -> pb.ActionChunk:
    """Along the policy's x, which is the arm's right."""
    return chunk_for(observation, [[STEP, 0.0, 0.0, -1.0]] * 4)


class Flight:
    """A run and everything around it."""

    def __init__(self, answer=sideways, seconds: float = 0.5, given: pb.Capabilities | None = None, **options) -> None:
        self.resources, self.lines, self.said = Resources(), Lines(), []
        self.dogs: list[Dog] = []
        self.daemon = FakeDaemon(answer, given or capabilities())
        configuration = replace(franka(), end=options.pop("end", "home"))
        self.plan = Plan(configuration, TASK, seconds, **{"confirmed": True, **options})

    @property
    def arm(self) -> TimedArm:
        return self.resources.arms[0]

    def run(self):
        def watchdog(seconds: float) -> Dog:
            self.dogs.append(Dog(seconds))
            return self.dogs[-1]

        with self.daemon, Client(self.daemon.address, timeout=2.0) as client:
            run = Run(self.plan, client, self.resources, self.lines.next, EventStream(None), self.said.append, watchdog)
            return run.run()


def test_an_arm_moves_after_a_yes_and_ends_at_home() -> None:
    flight = Flight(confirmed=False)
    flight.lines.type("yes")
    result = flight.run()
    assert result.steps == 40 and result.policy_steps > 2
    assert flight.arm.position[1] < -0.005, "the policy's x is the arm's -y"
    assert flight.arm.went_home == 1 and flight.dogs[0].beats > 10 and flight.dogs[0].rests >= 2
    shown = "\n".join(flight.said)
    for part in ("reaching", TASK, "topview 16x16", "0.25 m/s", "inside the workspace", "goes home", "safety-rated"):
        assert part in shown, part


@pytest.mark.parametrize("word", ["", "no\n", "y\n", "yes please\n"])
def test_without_a_yes_nothing_moves(word: str) -> None:
    flight = Flight(confirmed=False)
    flight.lines = Lines(word)
    with pytest.raises(NotConfirmed):
        flight.run()
    assert not flight.arm.commands and not flight.arm.went_home and not flight.dogs


def test_a_dry_run_shows_and_sends_nothing() -> None:
    flight = Flight(dry_run=True, home=True, confirmed=False)
    flight.run()
    assert not flight.arm.commands and not flight.arm.grips and not flight.arm.went_home and not flight.dogs
    assert any(line.startswith("step 1: [0.002 0.000 0.000 -1.000]") for line in flight.said)
    assert len(flight.daemon.observations) > 2


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"action_mode": "absolute"}, "action_mode"),
        ({"control_rate": 20.0}, "control_rate"),
        ({"hold": "repeat"}, "hold"),
        ({"action_frame": "end_effector"}, "action_frame"),
        ({"cameras": [pb.CameraSpecification(name="wrist", width=8, height=8)]}, "wrist"),
        ({"actions": []}, "actions"),
    ],
)
def test_an_arm_that_disagrees_is_not_even_connected(changes: dict, subject: str) -> None:
    flight = Flight(given=capabilities(**changes))
    with pytest.raises(Disagreed) as caught:
        flight.run()
    assert subject in [point.subject for point in caught.value.points] and not flight.resources.arms


def test_a_daemon_that_refuses_for_good_ends_at_home() -> None:
    flight = Flight(lambda index, seen: sideways(index, seen) if index < 5 else error("internal"), seconds=30)
    with pytest.raises(RobotFailure):
        flight.run()
    assert flight.arm.went_home == 1


def test_an_arm_that_is_kept_still_does_not_go_home_when_patience_ends() -> None:
    answers = lambda index, seen: sideways(index, seen) if index < 5 else None  # noqa: E731
    flight = Flight(answers, seconds=60, patience=Patience(refused_seconds=0.2))
    with pytest.raises(RobotFailure) as caught:
        flight.run()
    assert caught.value.code == "stopped" and "does not answer" in caught.value.message
    assert flight.arm.went_home == 0 and "the arm stays where it is" in flight.said[-1]


def test_an_arm_that_fails_stays_where_it_is() -> None:
    flight = Flight(seconds=30)
    flight.resources.fails_when = lambda arm: len(arm.commands) > 20
    with pytest.raises(EnvironmentFailure, match="reflex"):
        flight.run()
    assert flight.arm.went_home == 0 and "the arm stays where it is" in flight.said[-1]


def test_a_camera_that_falls_silent_ends_at_home() -> None:
    flight = Flight(seconds=30)

    def newest(camera: str, width: int, height: int, field_of_view: float):
        if len(flight.arm.commands) > 20:
            raise EnvironmentFailure("camera_silent", camera, "no new frame for 1 s")
        return FreshPictures().newest(camera, width, height, field_of_view)

    flight.resources.pictures.newest = newest
    with pytest.raises(EnvironmentFailure, match="no new frame"):
        flight.run()
    assert flight.arm.went_home == 1


@pytest.mark.parametrize(("end", "homes"), [("home", 1), ("hold", 0)])
def test_an_interrupt_ends_as_configured(end: str, homes: int) -> None:
    flight = Flight(seconds=30, end=end)

    def done() -> bool:
        if len(flight.arm.commands) > 10:
            raise KeyboardInterrupt
        return False

    flight.resources.done = done
    with pytest.raises(KeyboardInterrupt):
        flight.run()
    assert flight.arm.went_home == homes and flight.arm.rests >= 1


def test_success_ends_the_run() -> None:
    flight = Flight(seconds=30)
    flight.resources.done = lambda: flight.arm.position[1] < -0.01
    assert flight.run().success and flight.arm.went_home == 1


def test_after_a_restart_of_the_daemon_the_arm_moves_only_when_told() -> None:
    flight = Flight(seconds=60)
    address = flight.daemon.address
    positions: dict[str, float] = {}

    def scene() -> None:
        while not flight.resources.arms or len(flight.arm.commands) < 20:
            time.sleep(0.005)
        flight.daemon.die()
        until(lambda: any(line.startswith("holding: ") for line in flight.said))
        flight.daemon._thread.join()
        with FakeDaemon(sideways, capabilities(), address=address) as second:
            until(lambda: float(np.linalg.norm(flight.arm.state().velocity)) == 0.0)
            positions["rests"] = flight.arm.position[1]
            time.sleep(0.3)
            positions["still rests"] = flight.arm.position[1]
            asked = len(second.observations)
            assert asked == 0
            flight.lines.type("go")
            until(lambda: flight.arm.position[1] < positions["rests"] - 0.005)
            flight.lines.type("quit")
            worker_done.wait(10)

    worker_done = threading.Event()
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            scene()
        except BaseException as failure:
            failures.append(failure)
            flight.lines.type("quit")

    worker = threading.Thread(target=guarded)
    worker.start()
    try:
        assert flight.run() is None
    finally:
        worker_done.set()
        worker.join(20)
    assert not failures and positions["still rests"] == positions["rests"]
    assert flight.arm.went_home == 1


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
