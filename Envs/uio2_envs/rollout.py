"""Runs the episodes that were asked for, one task after the other, and reports them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from uio2_client import Client, ClientError, Disconnected, Timeout, write_token
from uio2_client import uio2_pb2 as pb

from . import adapters, interruption, provenance
from .agreement import Agreement
from .clock import Clock, SimulatedClock, WallClock
from .environment import Environment, Transition
from .episode import EpisodeResult, Execution, PolicyStep
from .events import EventStream
from .film import Hearing, film_of
from .patience import Patience, RobotFailure
from .robot import Robot
from .speech import SpokenFiles


@dataclass(frozen=True)
class Plan:
    """What to run."""

    environment: str
    tasks: tuple[str, ...]
    episodes: int
    """Of each task; episode e uses seed ``seed + e``."""
    seed: int
    step_limit: int
    encoding: str = "jpeg"
    video_folder: Path | None = None
    simulated_clock: bool = False
    connect_seconds: float = 30.0
    python_path: tuple[str, ...] = ()
    """Folders that modules may come from beside those where they are installed."""
    token_file: Path | None = None
    """Where the session's token is kept."""
    speech: Path | None = None
    """A sound, or a folder of sounds for each task, that says the instruction; ``None``: words alone."""
    loop: str = "chunk"
    """How much of an answer is executed before the robot looks again, one of ``episode.LOOPS``."""
    patience: Patience = Patience()


def run(plan: Plan, client: Client, events: EventStream, log: Callable[[str], None]) -> list[EpisodeResult]:
    """Runs the plan; the environments are closed whatever happens.

    Raises:
        Disagreed: the body and the daemon's policy do not fit; nothing has moved.
        RobotFailure: the daemon refused for good or stayed silent.
        EnvironmentFailure: the simulator is missing, does not know a task, or failed.
    """
    module = adapters.adapter(plan.environment, list(plan.tasks))
    simulator = provenance.describe(plan.environment, module.PACKAGES, plan.python_path)
    results: list[EpisodeResult] = []
    speech = None if plan.speech is None else SpokenFiles(plan.speech)
    capabilities: pb.Capabilities | None = None
    for task in plan.tasks:
        environment: Environment = module.make(task)
        try:
            first = capabilities is None
            if capabilities is None:
                # Before the greeting, so that not even a robot that is killed over it loses its session.
                _keep(client.token, plan.token_file)
                capabilities = greet(client, plan.connect_seconds)
                _keep(client.token, plan.token_file)
            agreement = Agreement(
                environment.specification, capabilities, environment.instruction, speaks=speech is not None
            )
            if first:
                events.emit(
                    "ready",
                    policy=capabilities.policy_name,
                    policy_digest=capabilities.policy_digest,
                    tasks=list(plan.tasks),
                    episodes=plan.episodes,
                    seed=plan.seed,
                    goal_protocol=environment.goal_protocol,
                    step_limit=min(plan.step_limit, environment.specification.step_limit),
                    simulator=simulator,
                )
                log(f"policy {capabilities.policy_name} of {client.address}")
                if capabilities.unlimited:
                    log("warning: the policy declares no limits; nothing but the range of its actions bounds them")
                elif capabilities.unlimited_dimensions:
                    names = ", ".join(capabilities.unlimited_dimensions)
                    log(f"warning: the policy declares no limits for {names}; nothing but their range bounds them")
            results += _run_task(plan, environment, capabilities, agreement, client, events, log, len(results), speech)
        finally:
            environment.close()
    events.emit("done")
    return results


def _run_task(
    plan: Plan,
    environment: Environment,
    capabilities: pb.Capabilities,
    agreement: Agreement,
    client: Client,
    events: EventStream,
    log: Callable[[str], None],
    index: int,
    speech: SpokenFiles | None,
) -> list[EpisodeResult]:
    """The episodes of one task; ``index`` is that of the first among all."""
    task = environment.task
    rate = environment.specification.control_rate
    clock: Clock = SimulatedClock(rate) if plan.simulated_clock else WallClock()
    seed, film, episode = plan.seed, None, 0

    def begin() -> None:
        # Not before: the sentence may be the episode's own.
        events.emit(
            "episode_start",
            task=task,
            seed=seed,
            episode=episode,
            index=index + episode,
            total=plan.episodes * len(plan.tasks),
            instruction=environment.instruction,
        )
        if film is not None:
            film.begin()

    def take(execution: Execution, place: int) -> None:
        if film is not None:
            film.take(execution, place)

    def advance(transition: Transition) -> None:
        if film is not None:
            film.advance(transition)

    def report(step: PolicyStep) -> None:
        events.emit("step", task=task, seed=seed, **step_fields(step))

    def record(frames, result: EpisodeResult) -> None:
        interruption.check()
        if film is not None:
            film.add(frames, result)

    robot = Robot(
        environment,
        agreement,
        client,
        clock,
        encoding=plan.encoding,
        step_limit=plan.step_limit,
        patience=plan.patience,
        speech=None if speech is None else lambda seed: speech(task, seed),
        loop=plan.loop,
        on_begin=begin,
        on_take=take,
        on_advance=advance,
        on_step=report,
        on_frames=record,
        final_frames=plan.video_folder is not None,
        log=log,
    )
    results = []
    for episode in range(plan.episodes):
        seed = plan.seed + episode
        if plan.video_folder is not None:
            path = plan.video_folder / f"{task}-seed{seed}.mp4"
            hearing = None if speech is None else Hearing(speech(task, seed), capabilities, client, log)
            film = film_of(environment, path, seed, rate / agreement.chunk_length, hearing)
        result = robot.run_episode(seed)
        results.append(result)
        video = str(film.write()) if film is not None else None
        events.emit("episode_end", task=task, episode=episode, **asdict(result), video=video)
        outcome = "success" if result.success else "failure"
        log(f"{task} seed {seed}: {outcome} after {result.steps} steps, {result.wall_s:.1f} s")
    return results


def step_fields(step: PolicyStep) -> dict[str, object]:
    """A policy step as events carry it; what is not known is left out."""
    return {key: value for key, value in asdict(step).items() if value is not None}


def greet(client: Client, seconds: float) -> pb.Capabilities:
    """The daemon's Capabilities, waiting for it to appear."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return client.hello("uio2-envs", _version(), timeout=min(seconds, 1.0))
        except ClientError as error:
            # While the policy warms up only so many can wait for it.
            passing = isinstance(error, (Disconnected, Timeout)) or error.code in ("overloaded", "superseded")
            if not passing or time.monotonic() >= deadline:
                raise RobotFailure(error.code, error.field, error.message) from error
            if not isinstance(error, (Disconnected, Timeout)):
                time.sleep(0.1)


def _keep(token: bytes, file: Path | None) -> None:
    if file is not None:
        write_token(file, token)


def _version() -> str:
    try:
        return metadata.version("uio2-envs")
    except metadata.PackageNotFoundError:
        return "0"
