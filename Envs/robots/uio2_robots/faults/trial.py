"""One fault of each kind, and what the arm did, in simulated time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from uio2_client import Client, read_token

from ..configuration import Configuration
from ..envelope import stopping_distance
from .rig import Rig, RobotProcess, TrialFailure, speeds, until

_MOVING = 0.1
"""m/s; a fault before the arm is as fast as that says nothing."""
_STILL = 0.003
"""m; what a resting arm may be off after a while."""
_ON = 0.01
"""m; an arm that went on has gone so far."""
_HOME = 0.01
"""rad"""
_ROOM = 0.1
"""m, to every wall, before another fault"""


@dataclass(frozen=True)
class Outcome:
    """What a trial measured, all of it by the simulator's state."""

    fault: str
    seed: int
    failure: str = ""
    """Empty: everything was as it has to be."""
    speed: float = 0.0
    """When the fault began, m/s."""
    greatest_speed: float = 0.0
    """From then on, m/s."""
    distance: float = 0.0
    """From there to where the arm came to rest, m."""
    bound: float = 0.0
    """v²/2a + v·T, m."""
    seconds: float = 0.0
    """Until it rested."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    ``begin`` makes it and returns nothing; ``mend`` ends it; ``go`` is what a person then does so that the arm moves
    on, and ``None`` says that it moves on by itself. ``reaction`` is T beside a chunk and ``command_hold``, seconds.
    """

    name: str
    begin: Callable[[Trial], None]
    mend: Callable[[Trial], None] = lambda trial: None
    go: Callable[[Trial], None] | None = None
    goes_on: bool = True
    code: int = 0
    """The robot's exit code in the end."""
    reaction: float = 0.0
    ends_home: bool = True
    rests_first: bool = True
    """Whether the arm rests where the fault found it; else it goes home at once."""


class Trial:
    """Faults of one kind, one after the other in one run of the robot, as long as there is room to move.

    Args:
        seeds: one a fault, at least one; each draws how long the arm flies before.
    """

    def __init__(self, rig: Rig, configuration: Configuration, fault: Fault, seeds: Sequence[int]) -> None:
        self.rig = rig
        self.fault = fault
        self._configuration = configuration
        self._seeds = list(seeds)
        self._seed = self._seeds[0]
        self.lines_before = 0
        """Lines that the robot had said when the fault came."""
        self.session = f"{fault.name}-{self._seed}"
        self.robot = RobotProcess(rig, self.session, "--yes", "--home", "--seconds", "120")

    def run(self) -> list[Outcome]:
        """An outcome for each of the seeds there was room for, at least one; what goes wrong is in the last one."""
        outcomes: list[Outcome] = []
        try:
            until(lambda: self.robot.count("step") >= 2, 60, "the policy moves the arm")
            for seed in self._seeds if self.fault.goes_on else self._seeds[:1]:
                if outcomes and not self._has_room():
                    break
                self._seed = seed
                outcomes.append(self._make_fault())
            if self.fault.goes_on:
                self.robot.type("quit")
            self._require_end()
        except TrialFailure as failure:
            last = self.robot.said[-1] if self.robot.said else "nothing"
            if len(outcomes) and outcomes[-1].seed == self._seed:
                outcomes.pop()
            outcomes.append(Outcome(self.fault.name, self._seed, f"{failure}; the robot said last: {last}"))
        finally:
            self.robot.end()
            self.rig.proxy.mend()
        return outcomes

    def _make_fault(self) -> Outcome:
        rig, fault = self.rig, self.fault
        time.sleep(np.random.default_rng(self._seed).uniform(0.0, 0.3))
        until(lambda: rig.speed() > _MOVING, 10, f"the arm is faster than {_MOVING:g} m/s")
        self.lines_before = len(self.robot.said)
        speed, began = rig.speed(), rig.trace.count - 1
        fault.begin(self)
        if not fault.rests_first:
            return Outcome(fault.name, self._seed, speed=speed)
        outcome = self._measured(speed, began, rig.rest(began))
        if outcome.distance > outcome.bound:
            raise TrialFailure(f"it went {outcome.distance * 1000:.1f} mm, bound {outcome.bound * 1000:.1f} mm")
        fault.mend(self)
        if fault.go is not None or not fault.goes_on:
            self._require_still(1.5)
        if fault.go is not None:
            fault.go(self)
        if fault.goes_on:
            self._require_motion()
        return outcome

    def _has_room(self) -> bool:
        """Whether the arm has still a way to go before it nears the wall that the policy leads it to."""
        position, box = self.rig.trace.newest["position"], self._configuration.limits.workspace
        return bool((position > box[0] + _ROOM).all() and (position < box[1] - _ROOM).all())

    def _require_end(self) -> None:
        """Waits for the end, which leaves the arm at home."""
        code = self.robot.wait()
        if code != self.fault.code:
            raise TrialFailure(f"the robot ended with {code}, expected {self.fault.code}")
        if self.fault.ends_home:
            self._require_home()

    def _measured(self, speed: float, began: int, at_rest: int) -> Outcome:
        limits, rate = self._configuration.limits, self._configuration.control_rate
        rows = self.rig.trace.since(began)[: at_rest - began + 1]
        greatest = max(speed, float(speeds(rows).max()))
        # A chunk may be executed to its end; the servo and the control step add a round each, and the jerk limit a/2j.
        chunk = 4 / rate
        delay = chunk + limits.command_hold + 2 / rate + 0.01 + limits.acceleration / limits.jerk / 2
        return Outcome(
            self.fault.name,
            self._seed,
            speed=speed,
            greatest_speed=greatest,
            distance=float(np.linalg.norm(rows["position"][-1] - rows["position"][0])),
            bound=stopping_distance(greatest, limits.acceleration, delay + self.fault.reaction),
            seconds=float(rows["time"][-1] - rows["time"][0]),
        )

    def _require_still(self, seconds: float) -> None:
        before = self.rig.trace.newest["position"]
        start = self.rig.trace.count
        self.rig.wait(seconds)
        off = float(np.linalg.norm(self.rig.trace.since(start)["position"] - before, axis=1).max())
        if off > _STILL:
            raise TrialFailure(f"it moved by itself, {off * 1000:.1f} mm")

    def _require_motion(self) -> None:
        before = self.rig.trace.newest["position"]
        until(lambda: float(np.linalg.norm(self.rig.trace.newest["position"] - before)) > _ON, 20, "the arm moves on")

    def _require_home(self) -> None:
        # Gone back to where the run began is where the simulator says that the joints of the configuration are.
        joints = self.rig.trace.newest["joints"][:7]
        off = float(np.abs(joints - self._configuration.home).max())
        if off > _HOME:
            raise TrialFailure(f"the arm was left {off:.3f} rad away from its home pose")


def _kill(trial: Trial) -> None:
    trial.rig.signal_daemon(signal.SIGKILL)


def _stall(trial: Trial) -> None:
    trial.rig.signal_daemon(signal.SIGSTOP)


def _continue(trial: Trial) -> None:
    trial.rig.signal_daemon(signal.SIGCONT)


def _continue_late(trial: Trial) -> None:
    noticed = "holding: the daemon does not answer"
    until(lambda: trial.robot.has_said(noticed, trial.lines_before), 10, "the robot notices")
    trial.rig.signal_daemon(signal.SIGCONT)


def _stop(trial: Trial) -> None:
    with Client(trial.rig.proxy.address, trial.session) as client:
        client.stop("a trial")


def _resume(trial: Trial) -> None:
    with Client(trial.rig.proxy.address, trial.session, token=read_token(trial.rig.operator_token)) as client:
        client.resume()


def _delay(trial: Trial) -> None:
    trial.rig.proxy.delay = 0.45


def _say_go(trial: Trial) -> None:
    trial.robot.type("go")


def _mend(trial: Trial) -> None:
    trial.rig.proxy.mend()


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("daemon-killed", _kill, lambda trial: trial.rig.start_daemon(), _say_go),
        Fault("daemon-stalled", _stall, _continue_late, _say_go),
        Fault("stop-and-resume", _stop, go=_resume),
        Fault("stop-at-the-robot", lambda trial: trial.robot.type(""), go=_say_go),
        Fault("late-chunks", _delay, _mend),
        Fault("connection-cut", lambda trial: trial.rig.proxy.cut(), _mend, _say_go),
        Fault("interrupt", lambda trial: trial.robot.signal(signal.SIGINT), goes_on=False, code=130, rests_first=False),
        Fault(
            "driver-hangs",
            lambda trial: trial.robot.signal(signal.SIGSTOP),
            goes_on=False,
            code=-signal.SIGKILL,
            reaction=0.3,
            ends_home=False,
        ),
    )
}
