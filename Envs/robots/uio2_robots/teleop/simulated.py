"""A person leads a simulated robot, through the loop that policies fly it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from uio2_client import uio2_pb2 as pb
from uio2_envs import interruption
from uio2_envs.agreement import Agreement
from uio2_envs.clock import SimulatedClock
from uio2_envs.environment import Environment, EnvironmentFailure, Transition
from uio2_envs.episode import EpisodeResult
from uio2_envs.events import EventStream
from uio2_envs.expert import capabilities as own_capabilities
from uio2_envs.patience import Patience
from uio2_envs.realtime import PacedWallClock, RealtimeRobot, ThreadAsker
from uio2_envs.robot import Robot
from uio2_envs.rollout import greet

from ..guard import Guard, GuardedLink
from ..recording import Recording
from .operated import NAME, Operated
from .person import Person

_CHUNK_SECONDS = 0.05
_PATIENCE = Patience(refused_seconds=600.0)


@dataclass(frozen=True)
class CameraWish:
    """A camera whose pictures are wanted."""

    name: str
    width: int = 128
    """Pixels."""
    height: int = 128
    """Pixels."""
    field_of_view: float = 0.0
    """Vertical, degrees; 0: the camera's own."""


def alone(environment: Environment, cameras: Sequence[CameraWish], length: int | None = None) -> pb.Capabilities:
    """What a person drives who drives alone: all that the body has, in answers of a twentieth of a second."""
    specification = environment.specification
    if specification.primitives:
        message = "its commands are sentences; keys say displacements"
        raise EnvironmentFailure("unsupported_actions", environment.task, message)
    found = own_capabilities(specification)
    found.policy_name = NAME
    found.chunk_length = length or max(1, round(_CHUNK_SECONDS * specification.control_rate))
    del found.cameras[:]
    for place, camera in enumerate(cameras):
        found.cameras.add(
            name=camera.name, width=camera.width, height=camera.height, vertical_field_of_view=camera.field_of_view,
            input="image" if place == 0 else "image_history",
        )  # fmt: skip
    return found


class _Ended(Exception):
    """The person has ended the episode."""


class Simulated:
    """Episodes of one task.

    Args:
        environment: the body; the caller closes it.
        operated: the policy's place, and the person's.
        person: who leads; a program that demonstrates has no device.
        recording: where episodes are marked.
        is_program: whether a program answers and not a person's hand: time is the simulator's then.
        show: given the pictures of every observation.
    """

    def __init__(
        self,
        environment: Environment,
        operated: Operated,
        person: Person,
        events: EventStream,
        log: Callable[[str], None],
        recording: Recording | None = None,
        is_program: bool = False,
        show: Callable[[Mapping[str, np.ndarray]], None] = lambda frames: None,
        encoding: str = "jpeg",
        step_limit: int | None = None,
    ) -> None:
        self._environment, self._operated, self._person = environment, operated, person
        self._events, self._log, self._recording = events, log, recording
        self._is_program, self._show = is_program, show
        self._encoding, self._step_limit = encoding, step_limit

    def run(self, seeds: Sequence[int], connect_seconds: float = 30.0) -> list[dict[str, Any]]:
        """What came of each episode, until the person has quit.

        Raises:
            Disagreed, RobotFailure, EnvironmentFailure: as the robot does.
            InputFailure: the device cannot be opened.
        """
        capabilities = greet(self._operated, connect_seconds)
        agreement = Agreement(self._environment.specification, capabilities, self._environment.instruction)
        self._events.emit("ready", policy=capabilities.policy_name, policy_digest=capabilities.policy_digest)
        guard = Guard(log=self._log)
        results = []
        for seed in seeds:
            if self._person.has_quit:
                break
            results.append(self._episode(seed, agreement, guard))
        return results

    def _episode(self, seed: int, agreement: Agreement, guard: Guard) -> dict[str, Any]:
        environment, person, operated = self._environment, self._person, self._operated
        person.begin_episode()
        result = EpisodeResult(seed)

        def note(frames: dict[str, np.ndarray], running: EpisodeResult) -> None:
            nonlocal result
            result = running
            interruption.check()
            self._show(frames)

        def check(transition: Transition) -> None:
            if person.has_quit or person.outcome is not None:
                raise _Ended

        options: dict[str, Any] = {
            "encoding": self._encoding,
            "step_limit": self._step_limit,
            "patience": _PATIENCE,
            "on_begin": lambda: self._mark("began", seed),
            "on_frames": note,
            "on_advance": check,
            "log": self._log,
        }
        try:
            if self._is_program:
                clock = SimulatedClock(environment.specification.control_rate)
                result = Robot(environment, agreement, operated, clock, **options).run_episode(seed)
            else:
                result = self._in_real_time(seed, agreement, guard, options)
        except _Ended:
            pass
        success = person.outcome if person.outcome is not None else bool(result.success)
        said = None if person.has_quit and person.outcome is None and not result.success else success
        self._mark("ended", seed, success=said, success_at_end=bool(result.success_at_end))
        outcome = {True: "success", False: "failure", None: "given up"}[said]
        self._log(
            f"{environment.task} seed {seed}: {outcome} after {result.steps} steps, {operated.driven} answers by hand"
        )
        row = {**asdict(result), "success": said, "driven": operated.driven, "task": environment.task}
        self._events.emit("episode_end", **row)
        return row

    def _in_real_time(self, seed: int, agreement: Agreement, guard: Guard, options: dict[str, Any]) -> EpisodeResult:
        clock = PacedWallClock()
        link = GuardedLink(self._operated, guard)
        asker = ThreadAsker(link, clock)
        robot = RealtimeRobot(self._environment, agreement, link, asker, clock, **options)
        self._person.control = _Latch(guard, robot)
        guard.freeze = robot.interrupt
        try:
            return robot.run_episode(seed)
        finally:
            asker.close()

    def _mark(self, event: str, seed: int, **fields: Any) -> None:
        if self._recording is not None:
            self._recording.mark(event, self._operated.session, task=self._environment.task, seed=seed, **fields)


class _Latch:
    """A person's words, done to a simulated robot."""

    def __init__(self, guard: Guard, robot: RealtimeRobot) -> None:
        self._guard, self._robot = guard, robot

    def stop(self, reason: str) -> None:
        self._guard.latch(reason)

    def resume(self) -> bool:
        return self._guard.clear()

    def interrupt(self) -> None:
        self._robot.interrupt()

    def end(self) -> None:
        """The loop looks for itself."""
