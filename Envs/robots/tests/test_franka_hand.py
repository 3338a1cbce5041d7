"""What a Franka's hand measures is of now, or nothing."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
from model_arm import franka
from test_arm_run import until

from uio2_robots.arm import ArmFailure
from uio2_robots.franka import _HAND_AGE, _Hand


@dataclass
class Gripper:
    """The driver's gripper, whose word a test changes."""

    now_width: float = 0.04
    failure: Exception | None = None
    asked: int = 0
    opened: int = 0
    grasp_failure: Exception | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def width(self) -> float:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.now_width

    def open_async(self, speed: float) -> Gripper:
        self.opened += 1
        if self.grasp_failure is not None:
            raise self.grasp_failure
        return self

    def wait(self, seconds: float) -> bool:
        return True


class Moment:
    now = 10.0

    def __call__(self) -> float:
        return self.now


def made(gripper: Gripper) -> tuple[_Hand, Moment]:
    moment = Moment()
    return _Hand(gripper, franka(), moment), moment


def asked_again(gripper: Gripper) -> None:
    before = gripper.asked
    until(lambda: gripper.asked > before + 1)


@pytest.mark.parametrize("trouble", [RuntimeError("libfranka: connection lost"), float("nan")])
def test_a_hand_that_is_silent_is_not_measured(trouble) -> None:
    gripper = Gripper()
    hand, moment = made(gripper)
    assert hand.opening == 0.5
    if isinstance(trouble, Exception):
        gripper.failure = trouble
    else:
        gripper.now_width = trouble
    asked_again(gripper)
    assert hand.opening == 0.5, "one measurement that fails is no harm"
    moment.now += _HAND_AGE + 0.1
    with pytest.raises(ArmFailure) as caught:
        _ = hand.opening
    assert caught.value.code == "hand_silent" and ("connection lost" in str(caught.value) or "nan" in str(caught.value))
    gripper.failure, gripper.now_width = None, 0.08
    asked_again(gripper)
    assert hand.opening == 1.0
    hand.close()


def test_what_a_hand_cannot_do_does_not_end_its_measurements() -> None:
    gripper = Gripper(grasp_failure=RuntimeError("command failed"))
    hand, moment = made(gripper)
    hand.want(True)
    until(lambda: gripper.opened == 1)
    moment.now += 5
    gripper.now_width = 0.02
    asked_again(gripper)
    assert hand.opening == 0.25 and gripper.opened == 1
    hand.close()


def test_nothing_begins_with_a_hand_that_tells_no_number() -> None:
    with pytest.raises(ValueError):
        made(Gripper(now_width=float("inf")))
