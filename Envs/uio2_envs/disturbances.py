"""``python -m uio2_envs.disturbances --film FILE``: an episode in one take, with everything that goes wrong in it.

A camera freezes until the daemon refuses to go on by it; the sentence changes; the object is pushed away; the daemon is killed
and started again. Each has to be held for or recovered from, and the task to be finished, by the state of the simulator. Time is
the simulator's, so the machine's load changes nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from uio2_client import Client, ClientError, Disconnected, Timeout
from uio2_client import uio2_pb2 as pb

from . import adapters, command_line, interruption
from .agreement import Agreement
from .clock import SimulatedClock
from .environment import Environment, Transition
from .episode import EpisodeResult
from .events import EventStream
from .latency import wilson
from .output import Output
from .patience import Patience
from .robot import Link, Robot
from .rollout import greet
from .video import EpisodeVideo

_REPOSITORY = Path(__file__).resolve().parents[2]
FROZEN_LOOKS = 120
"""Looks at a frozen camera after which it is mended whether or not anyone has noticed."""
HELD_LOOKS = 15
"""Looks for which the robot has to hold; one is a control step long."""
_TIMEOUT = 0.5
"""Seconds that the robot waits for an answer; as long does each look take while no daemon is there."""
_START_SECONDS = 60.0
_BRAKING_LOOKS = 10
"""Looks after which it has to rest."""
_BRAKING, _RESTING = 0.06, 0.01
"""m; how far it may go until it rests: a chunk of 50 ms at 1.2 m/s, the greatest speed of the policies; and from then on, while
Meta-World's hand settles on the soft weld that it hangs on."""
PUSH = 0.04
"""m"""
DISTURBANCES = ("camera", "sentence", "push", "daemon")


class Daemon:
    """``uio2 serve``, to be killed and started again at the same address."""

    def __init__(self, uio2: Path, policy: Path, folder: Path) -> None:
        self.address = f"ipc://{folder}/daemon"
        self._command = [str(uio2), "serve", "--policy", str(policy), "--bind", self.address, "--log-level", "error"]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts it, and does not wait until it answers."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=sys.stderr)

    def restart(self) -> None:
        """Starts it, and waits until it answers: how long a machine takes for that is no part of a trial in simulated time."""
        self.start()
        with Client(self.address, timeout=_TIMEOUT) as client:
            greet(client, _START_SECONDS)

    def kill(self) -> None:
        """Kills it at once, as a machine that fails does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@dataclass
class Outcome:
    """What a trial showed."""

    seed: int
    success: bool = False
    steps: int = 0
    noticed: bool = False
    """Whether the frozen camera was refused."""
    braking: float = 0.0
    """How far the hand went, at most, from a setback until it had to rest, m."""
    moved_frozen: float = 0.0
    """How far it went then, until the camera showed something new, m."""
    moved_dead: float = 0.0
    """How far it went then, while no daemon answered, m."""
    failure: str = ""

    @property
    def held(self) -> bool:
        """Whether the robot stood still each time that it had to."""
        return self.noticed and self.braking < _BRAKING and max(self.moved_frozen, self.moved_dead) < _RESTING


class Take:
    """One episode: the robot's link and its world, with what goes wrong in them.

    Args:
        environment: reset by the robot; its picture, sentence and object are disturbed.
        link: the daemon's client.
        kill, start: of the daemon.
        first: the sentence that is said first; that of the environment is the one that counts.
        seed: draws when things happen, and where the object is pushed to.
        note: told in words what happens.
        held_looks: for which the robot has to hold.
    """

    def __init__(
        self,
        environment: Environment,
        link: Link,
        kill: Callable[[], None],
        start: Callable[[], None],
        first: str,
        seed: int,
        note: Callable[[str], None] = lambda text: None,
        held_looks: int = HELD_LOOKS,
    ) -> None:
        self._held_looks = held_looks
        self._environment, self._link = environment, link
        self._kill, self._start = kill, start
        self._note = note
        self._sentence, self._first = environment.instruction, first
        random = np.random.default_rng(seed)
        self._freeze_at, self._calm = int(random.integers(2, 5)), [int(random.integers(2, 5)) for _ in range(3)]
        angle = random.uniform(0, 2 * np.pi)
        self._push = PUSH * np.array([np.cos(angle), np.sin(angle)])
        self._phase = 0
        self._looks = 0
        self._since = 0
        self._frames: dict[str, np.ndarray] = {}
        self._is_frozen = False
        self._plain_render = environment.render
        self._held = 0
        """Looks since the robot began to hold."""
        self._rest = np.zeros(0)
        self.outcome = Outcome(seed)
        environment.render = self._render  # type: ignore[method-assign]
        environment.instruction = first

    def undo(self) -> None:
        """Leaves the environment as it was."""
        self._environment.render = self._plain_render  # type: ignore[method-assign]
        self._environment.instruction = self._sentence

    def reset(self) -> bool:
        return self._link.reset()

    def act(self, observation: pb.Observation) -> pb.ActionChunk:
        """The daemon's answer, after whatever is to go wrong before it."""
        self._looks += 1
        self._since += 1
        self._disturb()
        try:
            chunk = self._link.act(observation)
        except ClientError as error:
            self._holds(error)
            raise
        self._held = 0
        return chunk

    def _disturb(self) -> None:
        phase, since = self._phase, self._since
        if phase == 0 and since >= self._freeze_at:
            self._is_frozen = True
            self._go_on("the camera freezes")
        elif phase == 1 and (since >= FROZEN_LOOKS):
            self._mend_camera()
        elif phase == 2 and since >= self._calm[0]:
            self._environment.instruction = self._sentence
            self._go_on("the sentence changes")
        elif phase == 3 and since >= self._calm[1]:
            self._environment.move_object(self._push)
            self._go_on("the object is pushed away")
        elif phase == 4 and since >= self._calm[2]:
            self._kill()
            self._go_on("the daemon is killed")

    def _holds(self, error: ClientError) -> None:
        """The robot is going to hold: measures whether it stands."""
        hand = _hand(self._environment)
        if self._held in (0, _BRAKING_LOOKS):
            self._rest, before = hand, self._rest
            if self._held:
                self.outcome.braking = max(self.outcome.braking, float(np.linalg.norm(hand - before)))
        moved = float(np.linalg.norm(hand - self._rest)) if self._held >= _BRAKING_LOOKS else 0.0
        self._held += 1
        if error.code == "frozen_camera" and self._phase == 1:
            if not self.outcome.noticed:
                self.outcome.noticed, self._since = True, 0
                self._note("the robot holds")
            self.outcome.moved_frozen = max(self.outcome.moved_frozen, moved)
            if self._since >= self._held_looks:
                self._mend_camera()
        elif isinstance(error, (Disconnected, Timeout)):
            self.outcome.moved_dead = max(self.outcome.moved_dead, moved)
            if self._phase == 5 and self._since >= self._held_looks:
                self._go_on("the daemon is started again")
                self._start()

    def _mend_camera(self) -> None:
        self._is_frozen = False
        self._go_on("the camera shows the scene again")

    def _go_on(self, words: str) -> None:
        self._phase, self._since = self._phase + 1, 0
        self._note(words)

    @property
    def is_over(self) -> bool:
        """Whether everything has gone wrong that was to."""
        return self._phase >= 6

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float = 0.0) -> np.ndarray:
        if not (self._is_frozen and camera in self._frames):
            self._frames[camera] = self._plain_render(camera, width, height, vertical_field_of_view)
        return self._frames[camera]


def _hand(environment: Environment) -> np.ndarray:
    observed = environment.observe()
    return np.array([value for name, value in observed.items() if name.startswith(("end_effector", "position"))])


class _Film:
    """What the cameras saw, with what happened written below."""

    def __init__(self, path: Path, title: str) -> None:
        self._video = EpisodeVideo(path, 20)
        self._title, self.words = title, ""

    def add(self, frames: dict[str, np.ndarray], result: EpisodeResult) -> None:
        caption = f"{self._title} step {result.steps} {'success' if result.success else self.words}"
        self._video.add(frames, caption, result.success)

    def write(self) -> Path:
        return self._video.write()


def trial(
    environment: Environment,
    client: Client,
    capabilities: pb.Capabilities,
    daemon: Daemon,
    first: str,
    seed: int,
    film: Path | None = None,
    log: Callable[[str], None] = lambda line: None,
    held_looks: int = HELD_LOOKS,
) -> Outcome:
    """One take; the outcome says what went wrong with it."""
    video = None if film is None else _Film(film, f"{environment.task} seed {seed}")

    def note(words: str) -> None:
        log(words)
        if video is not None:
            video.words = words

    take = Take(environment, client, daemon.kill, daemon.restart, first, seed, note, held_looks)

    def show(frames: dict[str, np.ndarray], result: EpisodeResult) -> None:
        interruption.check()
        if video is not None:
            video.add(frames, result)

    def advance(transition: Transition) -> None:
        take.outcome.steps += 1
        take.outcome.success = transition.success and take.is_over

    clock = SimulatedClock(environment.specification.control_rate)
    robot = _UntilDone(
        take, environment, Agreement(environment.specification, capabilities, first), take, clock,
        # A daemon takes a moment to load its policy again.
        patience=Patience(timeouts=600, pause_seconds=0.05), stops_at_success=False, on_frames=show, on_advance=advance,
        final_frames=video is not None, log=log,
    )  # fmt: skip
    try:
        robot.run_episode(seed)
    except Exception as failure:
        take.outcome.failure = f"{type(failure).__name__}: {failure}"
    finally:
        take.undo()
    if video is not None:
        video.write()
    return take.outcome


class _UntilDone(Robot):
    """Ends when the task is done after the last disturbance: what was done before counts for nothing."""

    def __init__(self, take: Take, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self._take_of = take

    def _is_over(self, result: EpisodeResult) -> bool:
        return self._take_of.outcome.success or super()._is_over(result)

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown."""
    done = [outcome for outcome in outcomes if outcome.success]
    held = [outcome for outcome in outcomes if outcome.held]
    low, high = wilson(len(done), len(outcomes))
    braking = max((outcome.braking for outcome in outcomes), default=0.0)
    farthest = max((max(o.moved_frozen, o.moved_dead) for o in outcomes), default=0.0)
    return "\n".join(
        [
            "| recovered and finished | 95 % interval | held for camera and daemon | braked within | moved then |",
            "| --- | --- | --- | --- | --- |",
            f"| {len(done)} of {len(outcomes)} | {low:.0%} to {high:.0%} | {len(held)} of {len(outcomes)} "
            f"| {braking * 1000:.1f} mm | {farthest * 1000:.1f} mm |",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the trials; 1 when a robot moved that had to hold."""
    options = _parser().parse_args(arguments)
    interruption.install()
    outcomes: list[Outcome] = []

    def run() -> None:
        module = adapters.adapter(options.simulator, [options.task, options.first])
        with tempfile.TemporaryDirectory(prefix="uio2-disturbances-") as folder:
            daemon = Daemon(options.uio2, options.policy, Path(folder))
            environment = module.make(options.task)
            try:
                for seed in range(options.seed, options.seed + options.trials):
                    # A session of its own: the daemon has forgotten the one before.
                    with Client(daemon.address, timeout=_TIMEOUT) as client:
                        capabilities = greet(client, 30)
                        film = options.film if seed == options.seed else None
                        log = command_line.say if film is not None else _quiet
                        words = module.TASKS[options.first]
                        outcomes.append(trial(environment, client, capabilities, daemon, words, seed, film, log))
                    command_line.say(_line(outcomes[-1]))
            finally:
                environment.close()
                daemon.kill()
                # A run without a single trial leaves the last one's result.
                if options.json is not None and outcomes:
                    options.json.write(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n")
        print(table(outcomes))

    code = command_line.exit_code(run, EventStream(None), options.task, {OSError: command_line.EXIT_ENVIRONMENT})
    return code or int(any(not outcome.held for outcome in outcomes))


def _quiet(line: str) -> None:
    pass


def _line(outcome: Outcome) -> str:
    words = "finished" if outcome.success else f"not finished {outcome.failure}".strip()
    noticed = "" if outcome.noticed else "; nobody noticed the camera"
    moved = f"{outcome.moved_frozen * 1000:.1f} mm and {outcome.moved_dead * 1000:.1f} mm"
    braked = f"braked within {outcome.braking * 1000:.1f} mm, then moved {moved}"
    return f"seed {outcome.seed}: {words} after {outcome.steps} steps; {braked}{noticed}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="uio2_envs.disturbances", description="What goes wrong in one take, and what the robot does.")
    parser.add_argument("--simulator", default="metaworld", help="(metaworld)")
    parser.add_argument("--task", default="door-open-v3", help="(door-open-v3)")
    parser.add_argument("--first", default="reach-v3", help="the task whose sentence is said first (reach-v3)")
    parser.add_argument("--policy", type=Path, default=_REPOSITORY / "Policies" / "metaworld-mt10")
    parser.add_argument("--uio2", type=Path, default=_REPOSITORY / ".build" / "release" / "uio2")
    parser.add_argument("--trials", type=command_line.positive, default=1, help="(1)")
    parser.add_argument("--seed", type=command_line.not_negative, default=1000, help="of the first trial (1000)")
    parser.add_argument("--film", type=Path, metavar="FILE", help="of the first trial, MP4")
    parser.add_argument("--json", type=Output.argument, metavar="FILE", help="write every trial there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
