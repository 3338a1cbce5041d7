"""One run of an arm: agree, show, ask a person, move, and leave the arm as the configuration says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict

import numpy as np
from uio2_envs import interruption
from uio2_envs.agreement import Agreement
from uio2_envs.environment import EnvironmentFailure, Transition
from uio2_envs.events import EventStream
from uio2_envs.patience import RobotFailure
from uio2_envs.realtime import PacedWallClock, RealtimeRobot, ThreadAsker
from uio2_envs.robot import EpisodeResult, PolicyStep
from uio2_envs.rollout import greet, step_fields

from .arm import Arm, ArmFailure
from .body import ArmBody, Cameras, Step
from .guard import ENDS, MOVES_ON, DaemonListener, Guard, GuardedLink, Operator
from .plan import Daemon, NotConfirmed, Plan, ReadOnly, Resources
from .showing import described, said
from .trajectory import Trajectory
from .watchdog import Watchdog, WatchdogLost


class _Quit(Exception):
    """The operator wants the run to end."""


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
        self._is_led = False
        """Whether a servo may still be telling the arm where to go, or a question be under way."""
        self._trajectory: Trajectory | None = None
        self._policy_steps = 0
        self._robot: RealtimeRobot | None = None

    def run(self) -> EpisodeResult | None:
        """The whole of it. ``None``: the operator ended it.

        Raises:
            Disagreed: robot and policy do not fit; nothing has moved.
            NotConfirmed: nobody said yes; nothing has moved.
            RobotFailure: the daemon refused for good or stayed silent.
            EnvironmentFailure: a camera or the arm failed.
            ArmFailure: the arm failed, or somebody stopped it on the way to a pose.
            TrajectoryFailure: the plan's file cannot be made; nothing has moved.
        """
        configuration = self._plan.configuration
        self._resources.attend(self)
        capabilities = greet(self._client, self._plan.connect_seconds)
        link = self._linked()
        agreement = Agreement(configuration.specification, capabilities, self._plan.instruction)
        self._agreement = agreement
        with ExitStack() as closing:
            if self._plan.trajectory is not None:
                self._trajectory = Trajectory(self._plan.trajectory, self._log)
                closing.callback(self._trajectory.close)
            arm = self._resources.arm()
            closing.callback(arm.close)
            cameras = self._resources.cameras(agreement, closing)
            for line in described(configuration, capabilities, self._plan.instruction, arm.state(), self._plan.home):
                self._log(line)
            self._events.emit("ready", policy=capabilities.policy_name, policy_digest=capabilities.policy_digest)
            if self._plan.dry_run:
                self._log("dry run: nothing is sent to the arm")
                return self._moved(ReadOnly(arm), cameras, agreement, link)
            self._confirm()
            Operator(self._lines, self._guard, self._quit).start()
            with self._start_watchdog(configuration.limits.watchdog) as self._watchdog:
                return self._led(arm, cameras, agreement, link)

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

    def _linked(self) -> GuardedLink:
        """The way to the daemon; made when it has been greeted, since a later connection is a new one."""
        return GuardedLink(
            self._client,
            self._guard,
            lambda: None if self._body is None else self._body.oldest_frame_at,
            lambda: None if self._body is None else self._body.trouble(),
        )

    def _led(self, arm: Arm, cameras: Cameras, agreement: Agreement, link: GuardedLink) -> EpisodeResult | None:
        """Moves, and leaves the arm where the configuration says, whatever ends the run."""
        if self._plan.home:
            self._begin(arm, link)
        try:
            result = self._moved(arm, cameras, agreement, link)
        except BaseException as failure:
            if isinstance(failure, (EnvironmentFailure, ArmFailure)):
                self._log(f"stopped: {failure}")
            try:
                self._end(arm, link, _leaves_the_arm_well(failure))
            except ArmFailure as another:
                # What ended the run is what the caller is told.
                self._log(f"stopped: {another}")
            raise
        self._end(arm, link, True)
        return result

    def _begin(self, arm: Arm, link: GuardedLink) -> None:
        """The home pose, to begin from. Who is stopped on the way there does not begin, nor tries again."""
        try:
            self._go_home(arm, link)
        except BaseException:
            self._log("end: the arm stays where it is")
            self._events.emit("ended", home=False)
            raise

    def _end(self, arm: Arm, link: GuardedLink, is_well: bool) -> None:
        """The end pose. An arm that may have failed, or is kept still, stays where it is: a person has to look at it.

        Raises:
            ArmFailure: the arm failed, or somebody stopped it on the way.
        """
        reason = self._why_it_stays(link, is_well) if self._plan.configuration.end == "home" else ""
        goes_home, is_home = reason is None, False
        try:
            if goes_home:
                self._log("end: going home")
                self._go_home(arm, link)
                is_home = True
        finally:
            if not is_home:
                self._log("end: the arm stays where it is" + (f" ({reason})" if reason else ""))
            self._events.emit("ended", home=is_home)

    def _why_it_stays(self, link: GuardedLink, is_well: bool) -> str | None:
        """Why the arm must not go home by itself; ``None``: it may."""
        if not is_well or self._is_led:
            return "look at it before it moves again"
        if self._guard.reason is None and not link.is_stopped:
            return None
        return self._guard.reason or "stopped at the daemon"

    def _go_home(self, arm: Arm, link: GuardedLink) -> None:
        """Goes to the home pose, unless somebody stops it: at the robot or at the daemon, before or on the way.

        Raises:
            ArmFailure: ``stopped``, and the arm has braked; or the arm failed.
        """
        self._guard.advice = ENDS
        with DaemonListener(link, self._guard) as listener:
            try:
                listener.look()
                self._beat_unless_stopped()
                arm.move_joints(self._plan.configuration.home, self._beat_unless_stopped)
                arm.rest(self._beat)
            finally:
                # Before the listener ends, for which nobody beats.
                self._rest()
        self._guard.advice = MOVES_ON

    def _moved(self, arm: Arm, cameras: Cameras, agreement: Agreement, link: GuardedLink) -> EpisodeResult | None:
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
        self._is_led = True
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
            self._is_led = False
            self._rest()

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

    def _beat_unless_stopped(self) -> None:
        reason = self._guard.reason
        if reason is not None:
            raise ArmFailure("stopped", "arm", reason)
        self._beat()

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


def _leaves_the_arm_well(failure: BaseException) -> bool:
    """Whether an arm may still go home by itself after what ended the run.

    A camera, the daemon and Ctrl-C say nothing against the arm. Its own failures do, and so does whatever nobody has
    thought of: after a fault of the program it moves nothing.
    """
    if isinstance(failure, EnvironmentFailure):
        return failure.code.startswith("camera_")
    if isinstance(failure, RobotFailure):
        return failure.code != "stopped"
    return isinstance(failure, KeyboardInterrupt)
