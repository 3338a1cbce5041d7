"""Episodes that are run one after the other, each reported as it goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from uio2_client import Client
from uio2_client import uio2_pb2 as pb

from . import adapters, expert, interruption, provenance
from .agreement import Agreement, Disagreed, unknown_sentences
from .clock import Clock, SimulatedClock, WallClock
from .command_line import say
from .environment import Environment, EnvironmentFailure, Transition
from .episode import EpisodeResult, Execution, PolicyStep
from .events import EventStream
from .film import Hearing, film_of
from .memory import peak_memory_mib
from .motion import MotionMeter
from .realtime import InlineAsker, PacedClock, PacedSimulatedClock, PacedWallClock, RealtimeRobot, ThreadAsker
from .robot import Link, Robot
from .rollout import greet, step_fields
from .speech import VOICES, SpokenFiles
from .variant import Variant


@dataclass(frozen=True)
class Job:
    """One episode to run."""

    id: int
    task: str
    seed: int
    step_limit: int | None = None
    stops_at_success: bool = True
    video: str | None = None
    options: Variant = Variant()

    @classmethod
    def parse(cls, line: str) -> Job:
        """A job from a line of JSON.

        Raises:
            ValueError: it is not one.
        """
        fields = json.loads(line)
        if not isinstance(fields, dict) or set(fields) - set(cls.__dataclass_fields__):
            raise ValueError(f"expected an object with id, task and seed, found {line.strip()[:200]}")
        kinds = {"id": int, "task": str, "seed": int, "step_limit": int, "stops_at_success": bool, "video": str}
        kinds["options"] = dict
        for name, value in fields.items():
            if not (isinstance(value, kinds[name]) and (kinds[name] is not int or not isinstance(value, bool))):
                raise ValueError(f"{name}: expected {kinds[name].__name__}, found {value!r}")
        try:
            return cls(**{**fields, "options": Variant.parse(fields.get("options", {}))})
        except TypeError as error:
            raise ValueError(str(error)) from error


class Worker:
    """Runs jobs one after the other, with one environment at a time.

    Args:
        simulator: the name of an adapter.
        link: the daemon; ``None`` stands for the scripted expert.
        events: where reports go.
        mode: ``"lockstep"``, in which the world waits for the policy, or ``"realtime"``.
        loop: how much of an answer is executed before the robot looks again, one of ``episode.LOOPS``; in lockstep.
        added_delay: seconds by which each answer is held back, in real time.
        simulated_clock: whether time passes only when the simulator steps; in real time an answer then takes ``added_delay`` and no more.
        encoding: of the frames.
        connect_seconds: how long to wait for the daemon.
        speech: a sound, or a folder of sounds for each task, that says the instruction; ``None``: words alone.
        python_path: folders that modules may come from beside those where they are installed.
        required: tasks that will be run, with their variants; one that there is not is refused before a daemon is waited for, and one
            whose sentence the policy does not know before the first episode.

    Raises:
        Disagreed, RobotFailure, EnvironmentFailure: as the robot does.
    """

    def __init__(
        self,
        simulator: str,
        link: Client | None,
        events: EventStream,
        *,
        mode: str = "lockstep",
        loop: str = "chunk",
        added_delay: float = 0.0,
        simulated_clock: bool = True,
        encoding: str = "jpeg",
        connect_seconds: float = 30.0,
        speech: Path | None = None,
        python_path: Sequence[str] = (),
        required: Sequence[tuple[str, Variant]] = (),
    ) -> None:
        self._module: ModuleType = adapters.adapter(simulator, [])
        for task, variant in required:
            adapters.check(simulator, task, variant)
            if link is not None and variant.speech is not None:
                files = SpokenFiles(VOICES / variant.speech)
                if not getattr(self._module, "EPISODES_HAVE_SENTENCES", False):
                    files.file(variant.instruction_from or task, 0)
        self._simulator = simulator
        self._link = link
        self._events = events
        self._mode = mode
        self._loop = loop
        self._added_delay = round(added_delay * 1e9)
        self._simulated_clock = simulated_clock
        self._encoding = encoding
        self._voices: dict[str, SpokenFiles] = {}
        self._speech = None if speech is None or link is None else SpokenFiles(speech)
        self._capabilities = None if link is None else greet(link, connect_seconds)
        if self._capabilities is not None:
            sentences = [
                variant.words or self._module.TASKS[variant.instruction_from or task] for task, variant in required
            ]
            if points := unknown_sentences(self._capabilities, sentences):
                raise Disagreed(points)
        self._environment: Environment | None = None
        self._made: tuple[str, Variant] | None = None
        # An expert has neither name nor precision of its own.
        policy = self._capabilities or pb.Capabilities(policy_name=expert.NAME)
        events.emit(
            "ready",
            policy=policy.policy_name,
            policy_digest=policy.policy_digest,
            weights=policy.weights,
            activations=policy.activations,
            simulator=provenance.describe(
                simulator, self._module.PACKAGES, python_path, getattr(self._module, "CHECKOUTS", {})
            ),
        )

    def run(self, job: Job) -> None:
        """Runs one episode and reports it.

        Raises:
            Disagreed, RobotFailure, EnvironmentFailure: as the robot does.
        """
        environment = self._environment_of(job.task, job.options)
        if self._mode == "realtime" and environment.specification.primitives:
            message = "a primitive takes as long as it takes, so there is no control rate; leave --mode realtime out"
            raise EnvironmentFailure("unsupported_mode", job.task, message)
        capabilities = self._capabilities or expert.capabilities(environment.specification, films=job.video is not None)
        speech = self._speech_of(job)
        agreement = Agreement(
            environment.specification, capabilities, environment.instruction, speaks=speech is not None
        )
        link: Link = self._link or expert.ExpertLink(environment)
        rate = environment.specification.control_rate
        motion = MotionMeter(rate)

        def said(seed: int) -> pb.AudioClip:
            assert speech is not None
            return speech(job.options.instruction_from or environment.recording, seed)

        film = None
        if job.video:
            hearing = None
            # What a body with primitives is told may be known only when the episode has begun; its film shows the prompt.
            is_heard = speech is not None and not environment.specification.primitives
            if is_heard and isinstance(self._link, Client):
                hearing = Hearing(said(job.seed), capabilities, self._link, say)
            film = film_of(environment, Path(job.video), job.seed, rate / agreement.chunk_length, hearing)
        own_limit = environment.specification.step_limit

        rewards: list[float] = []

        def begin() -> None:
            # Not before: the sentence may be the episode's own.
            self._events.emit(
                "episode_start",
                id=job.id,
                task=job.task,
                seed=job.seed,
                instruction=environment.instruction,
                goal_protocol=environment.goal_protocol,
                step_limit=own_limit if job.step_limit is None else min(own_limit, job.step_limit),
            )
            if film is not None:
                film.begin()

        def take(execution: Execution, place: int) -> None:
            if film is not None:
                film.take(execution, place)

        def advance(transition: Transition) -> None:
            if film is not None:
                film.advance(transition)
            motion.add(environment.observe())
            if transition.reward is not None:
                rewards.append(transition.reward)

        def report(step: PolicyStep) -> None:
            fields = step_fields(step)
            if rewards:
                fields["reward"] = sum(rewards)
                rewards.clear()
            self._events.emit("step", id=job.id, **fields)

        def record(frames: dict[str, Any], result: EpisodeResult) -> None:
            interruption.check()
            if film is not None:
                film.add(frames, result)

        options = {
            "encoding": self._encoding,
            "step_limit": job.step_limit,
            # What is said is another task's sentence where the job asks for it.
            "speech": None if speech is None else said,
            "on_begin": begin,
            "on_take": take,
            "on_step": report,
            "on_frames": record,
            "on_advance": advance,
            "final_frames": film is not None,
            "stops_at_success": job.stops_at_success,
            "log": say,
        }
        if self._mode == "realtime":
            result = self._run_in_real_time(job.seed, environment, agreement, link, options)
        else:
            clock: Clock = SimulatedClock(rate) if self._simulated_clock else WallClock()
            result = Robot(environment, agreement, link, clock, loop=self._loop, **options).run_episode(job.seed)
        self._events.emit(
            "episode_end",
            id=job.id,
            task=job.task,
            **asdict(result),
            proprioception=[quantity.name for quantity in capabilities.proprioception],
            path_length=motion.path_length,
            mean_jerk=motion.mean_jerk,
            control_rate=rate,
            video=str(film.write()) if film is not None else None,
            peak_memory_mib=peak_memory_mib(),
        )

    def _run_in_real_time(
        self, seed: int, environment: Environment, agreement: Agreement, link: Link, options: dict[str, Any]
    ) -> EpisodeResult:
        clock: PacedClock = PacedWallClock()
        if self._simulated_clock:
            clock = PacedSimulatedClock(environment.specification.control_rate)
        # An expert looks into the simulator, which must stand still meanwhile.
        kind = InlineAsker if self._link is None or self._simulated_clock else ThreadAsker
        asker = kind(link, clock, self._added_delay)
        try:
            return RealtimeRobot(environment, agreement, link, asker, clock, **options).run_episode(seed)
        finally:
            asker.close()

    def _speech_of(self, job: Job) -> SpokenFiles | None:
        """What says the instruction of a job; ``None``: words. The expert hears nothing and need not hear anything."""
        if self._link is None or job.options.speech is None:
            return self._speech
        name = job.options.speech
        if name not in self._voices:
            self._voices[name] = SpokenFiles(VOICES / name)
        return self._voices[name]

    def close(self) -> None:
        """Frees the simulator."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def _environment_of(self, task: str, options: Variant) -> Environment:
        if self._environment is None or self._made != (task, options):
            self.close()
            self._environment, self._made = adapters.make(self._simulator, task, options), (task, options)
        return self._environment
