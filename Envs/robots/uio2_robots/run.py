"""One run of an arm: agree, show, ask a person, move, and leave the arm as the configuration says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from uio2_client import uio2_pb2 as pb
from uio2_envs import interruption
from uio2_envs.agreement import Agreement
from uio2_envs.environment import EnvironmentFailure, Transition
from uio2_envs.events import EventStream
from uio2_envs.patience import Patience, RobotFailure
from uio2_envs.realtime import PacedWallClock, RealtimeRobot, ThreadAsker
from uio2_envs.robot import EpisodeResult, PolicyStep
from uio2_envs.rollout import greet, step_fields

from .arm import Arm, ArmFailure, ArmState
from .body import ArmBody, Cameras, Step
from .configuration import Configuration
from .guard import Guard, GuardedLink, Operator
from .showing import described, said
from .trajectory import Trajectory
from .watchdog import Watchdog, WatchdogLost


class NotConfirmed(Exception):
    """Nobody said yes; nothing has moved."""

    def __init__(self) -> None:
        self.code, self.subject, self.message = "not_confirmed", "operator", "not confirmed; nothing has moved"
        super().__init__(self.message)


class _Quit(Exception):
    """The operator wants the run to end."""


class Daemon(Protocol):
    """What a run needs of ``uio2_client.Client``."""

    @property
    def address(self) -> str: ...

    @property
    def connections(self) -> int: ...

    def hello(self, name: str, version: str, timeout: float | None = None) -> pb.Capabilities: ...

    def reset(self) -> bool: ...

    def act(self, observation: pb.Observation) -> pb.ActionChunk: ...


class Control(Protocol):
    """What a person may do to a run from elsewhere than its terminal; from any thread."""

    def stop(self, reason: str) -> None:
        """Brakes the arm and keeps it still until it is resumed."""
        ...

    def resume(self) -> bool:
        """Lets it move on, as ``go`` does; whether it was kept still."""
        ...

    def instruct(self, text: str) -> None:
        """Says from now on what is to be done; a sentence that the policy does not know changes nothing."""
        ...

    def interrupt(self) -> None:
        """Executes nothing more of the present chunk: somebody else leads."""
        ...

    def end(self) -> None:
        """Ends the run, as ``quit`` does."""
        ...


class Resources(Protocol):
    """Where the arm, its cameras and its judge come from."""

    def attend(self, control: Control) -> None:
        """Told before anything else how the run can be stopped."""
        ...

    def arm(self) -> Arm:
        """Connects. Moves nothing."""
        ...

    def cameras(self, agreement: Agreement, closing: ExitStack) -> Cameras:
        """Those that the policy wants; closed by ``closing``."""
        ...

    def is_done(self) -> bool:
        """Whether the task is done now."""
        ...


@dataclass(frozen=True)
class Plan:
    """What to run."""

    configuration: Configuration
    instruction: str
    seconds: float
    """Of one run, at most."""
    dry_run: bool = False
    confirmed: bool = False
    """Whether a person has said yes beforehand."""
    home: bool = False
    """Whether to go to the home pose first."""
    encoding: str = "jpeg"
    connect_seconds: float = 30.0
    patience: Patience = Patience(refused_seconds=600.0)
    trajectory: Path | None = None
    """A file for where the arm was told to go and where it was."""


class ReadOnly:
    """An arm that is looked at and never moved: for a dry run."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def state(self) -> ArmState:
        return self._arm.state()

    def command(self, linear: np.ndarray, angular: np.ndarray, hold: float) -> None:
        pass

    def grip(self, opening: float) -> None:
        pass

    def rest(self, beat: Callable[[], None]) -> None:
        pass

    def move_joints(self, joints: np.ndarray, beat: Callable[[], None]) -> None:
        pass

    def close(self) -> None:
        self._arm.close()


class Run:
    """Runs a plan once.

    Args:
        client: the daemon, or what stands in its place; not greeted yet.
        lines: what a person types, one line a call; an empty string at the end.
        log: for people, a sentence a call.
        watchdog: starts a watchdog that stops the arm after this many seconds of silence.
        on_frames: given the pictures of every observation.
    """

    def __init__(
        self,
        plan: Plan,
        client: Daemon,
        resources: Resources,
        lines: Callable[[], str],
        events: EventStream,
        log: Callable[[str], None],
        watchdog: Callable[[float], Watchdog] = Watchdog,
        on_frames: Callable[[Mapping[str, np.ndarray]], None] = lambda frames: None,
    ) -> None:
        self._on_frames = on_frames
        self._plan = plan
        self._client = client
        self._resources = resources
        self._lines = lines
        self._events = events
        self._log = log
        self._start_watchdog = watchdog
        self._watchdog: Watchdog | None = None
        self._guard = Guard(log=log)
        self._quits = False
        self._last: Step | None = None
        self._body: ArmBody | None = None
        self._agreement: Agreement | None = None
        self._trajectory = Trajectory(plan.trajectory) if plan.trajectory is not None else None
        self._policy_steps = 0
        self._robot: RealtimeRobot | None = None

    def run(self) -> EpisodeResult | None:
        """The whole of it. ``None``: the operator ended it.

        Raises:
            Disagreed: robot and policy do not fit; nothing has moved.
            NotConfirmed: nobody said yes; nothing has moved.
            RobotFailure: the daemon refused for good or stayed silent.
            EnvironmentFailure: a camera or the arm failed.
            ArmFailure: the arm failed.
        """
        configuration = self._plan.configuration
        self._resources.attend(self)
        capabilities = greet(self._client, self._plan.connect_seconds)
        agreement = Agreement(configuration.specification, capabilities, self._plan.instruction)
        self._agreement = agreement
        with ExitStack() as closing:
            arm = self._resources.arm()
            closing.callback(arm.close)
            cameras = self._resources.cameras(agreement, closing)
            for line in described(configuration, capabilities, self._plan.instruction, arm.state(), self._plan.home):
                self._log(line)
            self._events.emit("ready", policy=capabilities.policy_name, policy_digest=capabilities.policy_digest)
            if self._plan.dry_run:
                self._log("dry run: nothing is sent to the arm")
                return self._moved(ReadOnly(arm), cameras, agreement)
            self._confirm()
            with self._start_watchdog(configuration.limits.watchdog) as self._watchdog:
                return self._led(arm, cameras, agreement)

    def stop(self, reason: str) -> None:
        """As ``Control``."""
        self._guard.latch(reason)

    def resume(self) -> bool:
        """As ``Control``."""
        return self._guard.clear()

    def instruct(self, text: str) -> None:
        """As ``Control``."""
        body, agreement = self._body, self._agreement
        if body is None or agreement is None:
            self._log(f"not yet: {text!r} came before the arm was ready")
        elif not text.strip() or not agreement.knows(text):
            self._log(f"the policy does not know the sentence {text!r}; going on with {body.instruction!r}")
        else:
            body.instruction = text
            self._log(f"task      {text}")

    def interrupt(self) -> None:
        """As ``Control``."""
        robot = self._robot
        if robot is not None:
            robot.interrupt()

    def end(self) -> None:
        """As ``Control``."""
        self._quit()

    def _confirm(self) -> None:
        if self._plan.confirmed:
            return
        self._log("type yes and Enter to let the arm move:")
        if self._lines().strip().lower() != "yes":
            raise NotConfirmed

    def _led(self, arm: Arm, cameras: Cameras, agreement: Agreement) -> EpisodeResult | None:
        """Moves, and leaves the arm where the configuration says, whatever ends the run."""
        if self._plan.home:
            self._go_home(arm)
        is_well = False
        try:
            result = self._moved(arm, cameras, agreement)
            is_well = True
            return result
        except (EnvironmentFailure, ArmFailure) as failure:
            self._log(f"stopped: {failure}")
            # A camera that fails says nothing of the arm; the arm's own failure does, and so does a latch.
            is_well = failure.code.startswith("camera_") and self._guard.reason is None
            raise
        except RobotFailure:
            # Kept still until a person says go: nobody did, so it does not go home either.
            is_well = self._guard.reason is None
            raise
        except BaseException:
            is_well = True
            raise
        finally:
            self._end(arm, is_well)

    def _end(self, arm: Arm, is_well: bool) -> None:
        """The end pose. An arm that has failed, or is kept still, stays where it is: a person has to look at it."""
        goes_home = is_well and self._plan.configuration.end == "home"
        self._log("end: going home" if goes_home else "end: the arm stays where it is")
        if goes_home:
            self._go_home(arm)
        self._events.emit("ended", home=goes_home)

    def _go_home(self, arm: Arm) -> None:
        arm.move_joints(self._plan.configuration.home, self._beat)
        arm.rest(self._beat)
        self._rest()

    def _moved(self, arm: Arm, cameras: Cameras, agreement: Agreement) -> EpisodeResult | None:
        """The episode, from where the arm is to where it comes to rest."""
        plan = self._plan
        guard = self._guard
        body = ArmBody(
            plan.configuration,
            arm,
            cameras,
            plan.instruction,
            judge=self._resources.is_done,
            on_step=self._note_step,
            beat=self._beat,
            stays=lambda: guard.reason is not None,
        )
        guard.freeze = body.freeze
        self._body = body
        clock = PacedWallClock()
        link = GuardedLink(self._client, guard, lambda: body.oldest_frame_at, body.trouble)
        asker = ThreadAsker(link, clock)
        robot = RealtimeRobot(
            body,
            agreement,
            link,
            asker,
            clock,
            encoding=plan.encoding,
            step_limit=max(1, round(plan.seconds * plan.configuration.control_rate)),
            patience=plan.patience,
            on_step=self._note_policy_step,
            on_frames=self._look,
            on_advance=self._check_quit,
            log=self._log,
        )
        self._robot = robot
        if not plan.dry_run:
            Operator(self._lines, guard, self._quit).start()
        try:
            result = robot.run_episode(0)
            self._events.emit("episode_end", **asdict(result))
            outcome = "success" if result.success else "time is up"
            self._log(f"{outcome} after {result.steps} control steps, {result.held_steps} of them held")
            return result
        except _Quit:
            self._log("the operator ended the run")
            return None
        finally:
            body.freeze()
            # Whatever interrupts one of these, the servo ends before anything else moves the arm.
            try:
                asker.close()
            finally:
                body.close()
            self._rest()
            if self._trajectory is not None:
                self._trajectory.close()

    def _look(self, frames: Mapping[str, np.ndarray], result: EpisodeResult) -> None:
        interruption.check()
        self._on_frames(frames)

    def _note_step(self, step: Step) -> None:
        self._last = step
        if self._trajectory is not None:
            self._trajectory.add(step, self._policy_steps)

    def _note_policy_step(self, step: PolicyStep) -> None:
        self._policy_steps = step.policy_steps
        self._events.emit("step", at=time.monotonic(), **step_fields(step))
        if self._plan.dry_run:
            self._log(said(self._plan.configuration, step, self._last))

    def _check_quit(self, transition: Transition) -> None:
        if self._quits:
            raise _Quit

    def _quit(self) -> None:
        self._quits = True

    def _beat(self) -> None:
        self._told(lambda watchdog: watchdog.beat())

    def _rest(self) -> None:
        self._told(lambda watchdog: watchdog.rest())

    def _told(self, tell: Callable[[Watchdog], None]) -> None:
        if self._watchdog is None:
            return
        try:
            tell(self._watchdog)
        except WatchdogLost as lost:
            raise ArmFailure("watchdog_lost", "watchdog", str(lost)) from lost
