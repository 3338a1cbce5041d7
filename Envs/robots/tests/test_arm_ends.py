"""How a run ends, with the values that it has by default: a stopped arm stays, wherever the stop was and whatever came
after it, and a stop on the way home ends the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from fake_daemon import error
from test_arm_run import Flight, TimedArm, sideways, until
from uio2_client import uio2_pb2 as pb
from uio2_envs.environment import EnvironmentFailure
from uio2_envs.patience import Patience, RobotFailure

from uio2_robots.__main__ import RUN_SECONDS
from uio2_robots.arm import ArmFailure
from uio2_robots.plan import Plan

SHORT = 1.5
"""Seconds of a run that ends by its time: as it is by default, long before patience does."""


@dataclass
class Stop:
    """A stop that is latched at the daemon."""

    is_latched: bool = False
    refusals: int = 0
    is_told: bool = True
    """Whether observations are refused for it; else only an acknowledgement says so, as when the run ends first."""
    asked: list[str] = field(default_factory=list)

    def answer(self, index: int, seen: pb.Observation):
        if self.is_latched and self.is_told:
            self.refusals += 1
            return error("stopped")
        return sideways(index, seen)

    def acknowledge(self, request: pb.Request) -> pb.Acknowledgement:
        self.asked.append(request.WhichOneof("body") or "")
        return pb.Acknowledgement(stopped=self.is_latched)


def flown(
    act: Callable[[Flight, Stop], None], quits: bool = False, seconds: float = 60.0, **options
) -> tuple[Flight, BaseException | None]:
    """A flight to which ``act`` happens when it moves, and how it ended."""
    stop = Stop()
    flight = Flight(stop.answer, seconds=seconds, **options)
    flight.daemon._on_other = stop.acknowledge
    failures: list[BaseException] = []

    def person() -> None:
        try:
            until(lambda: bool(flight.resources.arms) and len(flight.arm.commands) > 20)
            act(flight, stop)
            if quits:
                flight.lines.type("quit")
        except BaseException as failure:
            failures.append(failure)
            flight.lines.type("quit")

    worker = threading.Thread(target=person)
    worker.start()
    ended: BaseException | None = None
    try:
        flight.run()
    except BaseException as failure:
        ended = failure
    worker.join(20)
    assert not failures, failures
    return flight, ended


def rests(flight: Flight) -> None:
    until(lambda: any(line.startswith("holding: ") for line in flight.said))
    until(lambda: float(np.linalg.norm(flight.arm.state().velocity)) == 0.0)


def enter(flight: Flight, _: Stop) -> None:
    flight.lines.type("")
    rests(flight)


def elsewhere(flight: Flight, _: Stop) -> None:
    flight.resources.controls[0].stop("the door is open")
    rests(flight)


def at_daemon(_: Flight, stop: Stop) -> None:
    stop.is_latched = True
    until(lambda: stop.refusals > 1)


def untold(_: Flight, stop: Stop) -> None:
    stop.is_told, stop.is_latched = False, True


STOPS = {"enter": enter, "elsewhere": elsewhere, "daemon": at_daemon, "daemon, not heard of yet": untold}


def test_by_default_a_run_ends_by_its_time_before_patience_does() -> None:
    assert RUN_SECONDS < Plan.patience.refused_seconds


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("end", ["time", "quit"])
def test_a_stopped_arm_stays_where_it_is(stop: str, end: str) -> None:
    seconds = SHORT if end == "time" else 60.0
    flight, ended = flown(STOPS[stop], quits=end == "quit", seconds=seconds)
    assert flight.arm.went_home == 0 and any("the arm stays where it is" in line for line in flight.said)
    # Only who is not heard of before is found out on the way.
    assert (ended is None) == (stop != "daemon, not heard of yet")


@pytest.mark.parametrize("stop", ["enter", "elsewhere", "daemon"])
@pytest.mark.parametrize("trouble", [KeyboardInterrupt, EnvironmentFailure("camera_silent", "topview", "is gone")])
def test_a_stopped_arm_stays_whatever_ends_the_run_then(stop: str, trouble) -> None:
    gone = [False]

    def act(flight: Flight, latch: Stop) -> None:
        STOPS[stop](flight, latch)
        gone[0] = True

    def fails() -> bool:
        if gone[0]:
            raise trouble
        return False

    stopped = Stop()
    flight = Flight(stopped.answer, seconds=60)
    flight.daemon._on_other = stopped.acknowledge
    flight.resources.done = fails
    worker = threading.Thread(
        target=lambda: (
            until(lambda: len(flight.resources.arms) == 1 and len(flight.arm.commands) > 20),
            act(flight, stopped),
        )
    )
    worker.start()
    with pytest.raises((KeyboardInterrupt, EnvironmentFailure)):
        flight.run()
    worker.join(20)
    assert flight.arm.went_home == 0


def test_a_stop_at_the_daemon_that_outlasts_patience_ends_where_the_arm_is() -> None:
    flight, ended = flown(at_daemon, patience=Patience(refused_seconds=0.3))
    assert isinstance(ended, RobotFailure) and ended.code == "stopped" and flight.arm.went_home == 0


def test_who_is_resumed_goes_home() -> None:
    def act(flight: Flight, stop: Stop) -> None:
        at_daemon(flight, stop)
        stop.is_latched = False
        enter(flight, stop)
        asked = len(flight.daemon.observations)
        flight.lines.type("go")
        until(lambda: len(flight.daemon.observations) > asked + 2)

    flight, ended = flown(act, quits=True)
    assert ended is None and flight.arm.went_home == 1


@pytest.mark.parametrize("failure", [RuntimeError("a mistake"), OSError("no space left"), SystemExit(1)])
def test_a_fault_of_the_program_moves_nothing(failure: BaseException) -> None:
    flight = Flight(seconds=60)

    def done() -> bool:
        if len(flight.arm.commands) > 10:
            raise failure
        return False

    flight.resources.done = done
    with pytest.raises(type(failure)):
        flight.run()
    assert flight.arm.went_home == 0 and flight.arm.rests >= 1


class GoingArm(TimedArm):
    """The way home takes a while: until somebody says that it is over, or beats no more."""

    def __init__(self, on_the_way: Callable[[], None]) -> None:
        super().__init__()
        self._on_the_way = on_the_way
        self.set_out = self.braked = 0

    def move_joints(self, joints: np.ndarray, beat) -> None:
        self.set_out += 1
        ends = threading.Event()
        worker = threading.Thread(target=lambda: (self._on_the_way(), ends.wait(0.5), ends.set()))
        worker.start()
        try:
            while not ends.is_set():
                beat()
                ends.wait(0.002)
        except BaseException:
            self.braked += 1
            raise
        finally:
            ends.set()
            worker.join()
        self.went_home += 1


def going(on_the_way: Callable[[Flight, Stop], None], **options) -> tuple[Flight, Stop]:
    stop = Stop()
    flight = Flight(stop.answer, **options)
    flight.daemon._on_other = stop.acknowledge

    def arm() -> GoingArm:
        made = GoingArm(lambda: on_the_way(flight, stop))
        flight.resources.arms.append(made)
        return made

    flight.resources.arm = arm  # type: ignore[method-assign]
    return flight, stop


def latched(flight: Flight, stop: Stop) -> None:
    stop.is_latched = True


WAYS = {
    "enter": lambda flight, stop: flight.lines.type(""),
    "service": lambda flight, stop: flight.resources.controls[0].stop("stopped by the service stop"),
    "daemon": latched,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stop_on_the_way_to_the_end_pose_ends_the_way(way: str) -> None:
    flight, _ = going(WAYS[way], seconds=0.3)
    with pytest.raises(ArmFailure, match="stopped"):
        flight.run()
    assert flight.arm.braked == 1 and flight.arm.went_home == 0
    assert flight.said[-1].startswith("end: the arm stays where it is")


@pytest.mark.parametrize("way", WAYS)
def test_a_stop_on_the_way_to_the_first_pose_ends_the_run(way: str) -> None:
    flight, _ = going(WAYS[way], seconds=30, home=True)
    with pytest.raises(ArmFailure, match="stopped"):
        flight.run()
    assert (flight.arm.set_out, flight.arm.braked, flight.arm.went_home) == (1, 1, 0)
    assert not flight.arm.commands and not flight.daemon.observations


def test_who_was_stopped_before_does_not_set_out() -> None:
    flight, stop = going(lambda *_: None, seconds=30, home=True)
    stop.is_latched = True
    with pytest.raises(ArmFailure, match="stopped at the daemon"):
        flight.run()
    assert flight.arm.set_out == 0


def test_a_stop_on_the_way_after_a_failure_leaves_that_failure() -> None:
    flight, _ = going(WAYS["service"], seconds=30)
    flight.resources.done = lambda: len(flight.arm.commands) > 10 and _raised(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        flight.run()
    assert flight.arm.braked == 1 and any("stopped by the service stop" in line for line in flight.said)


def _raised(failure: BaseException) -> bool:
    raise failure
