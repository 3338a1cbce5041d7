"""What happens to a run from outside: a person elsewhere, another sentence, pictures that are not of now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from test_arm_run import TASK, Flight, FreshPictures, capabilities, until
from uio2_envs.environment import EnvironmentFailure

from uio2_robots.plan import Control


class Person(threading.Thread):
    """Does something to a flight that has begun, and ends it."""

    def __init__(self, flight: Flight, scene: Callable[[Control], None]) -> None:
        super().__init__()
        self._flight, self._scene = flight, scene
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            until(lambda: bool(self._flight.resources.arms) and len(self._flight.arm.commands) > 20)
            self._scene(self._flight.resources.controls[0])
        except BaseException as failure:
            self.failure = failure
        self._flight.lines.type("quit")


def attended(flight: Flight, scene: Callable[[Control], None]) -> None:
    person = Person(flight, scene)
    person.start()
    assert flight.run() is None
    person.join(20)
    if person.failure is not None:
        raise person.failure


def test_a_person_elsewhere_stops_and_resumes() -> None:
    flight = Flight(seconds=60)

    def scene(control: Control) -> None:
        control.stop("by another way")
        until(lambda: float(np.linalg.norm(flight.arm.state().velocity)) == 0.0)
        here = flight.arm.position[1]
        time.sleep(0.2)
        assert flight.arm.position[1] == here and any("by another way" in line for line in flight.said)
        assert control.resume() and not control.resume()
        until(lambda: flight.arm.position[1] < here - 0.005)

    attended(flight, scene)


def test_a_sentence_is_changed_to_one_that_the_policy_knows() -> None:
    flight = Flight(seconds=60, given=capabilities(instructions=[TASK, "Push the button."]))

    def scene(control: Control) -> None:
        for unknown in ("Make coffee.", "", "  "):
            control.instruct(unknown)
        control.instruct("PUSH the button")
        until(lambda: flight.daemon.observations[-1].instruction == "PUSH the button")
        assert sum("does not know" in line for line in flight.said) == 3

    attended(flight, scene)
    assert {seen.instruction for seen in flight.daemon.observations} == {TASK, "PUSH the button"}


def test_a_camera_that_shows_the_same_while_the_arm_moves_keeps_it_still() -> None:
    flight = Flight(seconds=60)
    still = np.zeros((16, 16, 3), np.uint8)
    flight.resources.pictures.newest = lambda *_: (still.copy(), time.monotonic_ns())

    def scene(control: Control) -> None:
        until(lambda: any(line.startswith("holding: topview has shown the same") for line in flight.said))
        until(lambda: float(np.linalg.norm(flight.arm.state().velocity)) == 0.0)
        assert control.resume()

    attended(flight, scene)


def test_a_camera_that_is_late_holds_the_arm_until_it_is_in_time() -> None:
    flight = Flight(seconds=60)
    late = [0]
    fresh = FreshPictures()

    def newest(*request) -> tuple[np.ndarray, int]:
        frame, taken_at = fresh.newest(*request)
        return frame, taken_at - late[0]

    flight.resources.pictures.newest = newest

    def scene(control: Control) -> None:
        late[0] = 8 * 10**8
        until(lambda: any("stale_observation: the newest picture of topview" in line for line in flight.said))
        until(lambda: float(np.linalg.norm(flight.arm.state().velocity)) == 0.0)
        here = flight.arm.position[1]
        late[0] = 0
        until(lambda: flight.arm.position[1] < here - 0.005)

    attended(flight, scene)


def test_an_arm_that_is_kept_still_stays_when_its_camera_falls_silent() -> None:
    flight = Flight(seconds=60)
    gone = [False]

    def newest(*request) -> tuple[np.ndarray, int]:
        if gone[0]:
            raise EnvironmentFailure("camera_silent", "topview", "no new frame for 1 s")
        return FreshPictures().newest(*request)

    flight.resources.pictures.newest = newest

    def scene(control: Control) -> None:
        control.stop("by a person")
        until(lambda: float(np.linalg.norm(flight.arm.state().velocity)) == 0.0)
        gone[0] = True
        until(lambda: any(line.startswith("stopped: camera_silent: topview") for line in flight.said))

    with pytest.raises(EnvironmentFailure, match="no new frame"):
        attended(flight, scene)
    assert flight.arm.went_home == 0
