"""``python -m uio2_envs.latency metaworld --task drawer-close-v3 --policy DIR``: success and jerk against added latency.

The next chunk is asked for while this one is executed, and each answer is held back by the added delay. Time is that of the
simulator, so the figures do not depend on how busy the machine is: an answer takes the added delay and nothing else.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from uio2_client import Client

from . import adapters, command_line, interruption
from .environment import EnvironmentFailure
from .events import EventStream
from .jobs import Job, Worker
from .output import Output

_UIO2 = Path(__file__).resolve().parents[2] / ".build" / "release" / "uio2"
_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Row:
    """What came of all episodes with one delay."""

    delay_ms: float
    episodes: int
    successes: int
    interval: tuple[float, float]
    """Of the rate, 95 %, by Wilson."""
    steps_to_success: float | None
    """Median, control steps."""
    held: float
    """Share of the control steps."""
    skipped: int
    """Actions that lay in the past when their chunk came."""
    jerk: float | None
    """Median over the episodes of the mean jerk, m/s³."""


def measure(
    simulator: str,
    tasks: Sequence[str],
    delays_ms: Sequence[float],
    seeds: Sequence[int],
    link: Client | None,
    told: Callable[[Row], None] = lambda row: None,
    step_limit: int | None = None,
) -> list[Row]:
    """A row for each delay.

    Args:
        link: the daemon; ``None``: the scripted expert.
        told: given each row when it is known.

    Raises:
        Disagreed, RobotFailure, EnvironmentFailure: as the robot does.
    """
    rows = []
    for delay in delays_ms:
        stream = StringIO()
        worker = Worker(simulator, link, EventStream(stream), mode="realtime", added_delay=delay / 1000)
        try:
            jobs = [(task, seed) for task in tasks for seed in seeds]
            for number, (task, seed) in enumerate(jobs):
                worker.run(Job(number, task, seed, step_limit=step_limit))
        finally:
            worker.close()
        events = [json.loads(line) for line in stream.getvalue().splitlines()]
        rows.append(summary(delay, [event for event in events if event["event"] == "episode_end"]))
        told(rows[-1])
    return rows


def summary(delay_ms: float, ends: Sequence[dict[str, Any]]) -> Row:
    """The row of episodes, by their events ``episode_end``."""
    took = [end["steps_to_success"] for end in ends if end["success"]]
    jerks = [end["mean_jerk"] for end in ends if end["mean_jerk"] is not None]
    return Row(
        delay_ms,
        len(ends),
        len(took),
        wilson(len(took), len(ends)),
        statistics.median(took) if took else None,
        sum(end["held_steps"] for end in ends) / max(1, sum(end["steps"] for end in ends)),
        sum(end["skipped_actions"] for end in ends),
        statistics.median(jerks) if jerks else None,
    )


def wilson(successes: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a rate."""
    if count == 0:
        return 0.0, 1.0
    rate, square = successes / count, _NORMAL_95**2
    middle = (rate + square / (2 * count)) / (1 + square / count)
    half = _NORMAL_95 / (1 + square / count) * math.sqrt(rate * (1 - rate) / count + square / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [
        "| added delay | success | 95 % interval | steps to success | held | skipped actions | jerk |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        low, high = row.interval
        steps = "" if row.steps_to_success is None else f"{row.steps_to_success:g}"
        jerk = "" if row.jerk is None else f"{row.jerk:.0f} m/s³"
        lines.append(
            f"| {row.delay_ms:g} ms | {row.successes} of {row.episodes} | {low:.0%} to {high:.0%} | {steps} "
            f"| {row.held:.0%} | {row.skipped} | {jerk} |"
        )
    return "\n".join(lines)


def patient(policy: Path, deadline_ms: int, copy: Path) -> Path:
    """A copy of a policy whose answers are valid for longer: otherwise a long delay makes all of them late."""
    shutil.copytree(policy, copy)
    document = json.loads((copy / "policy.json").read_text(encoding="utf-8"))
    document["control"]["deadline_ms"] = deadline_ms
    (copy / "policy.json").write_text(json.dumps(document), encoding="utf-8")
    return copy


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table."""
    options = _parser().parse_args(arguments)
    events = EventStream(None)
    interruption.install()
    rows: list[Row] = []

    def run() -> None:
        with ExitStack() as closing:
            link = None if options.policy == "expert" else closing.enter_context(_served(options, closing))
            seeds = range(options.seed, options.seed + options.episodes)
            rows.extend(
                measure(
                    options.simulator,
                    options.task,
                    options.delays,
                    seeds,
                    link,
                    lambda row: command_line.say(table([row]).splitlines()[-1]),
                    options.max_steps,
                )
            )
        print(table(rows))
        if options.json is not None:
            options.json.write(json.dumps([asdict(row) for row in rows], indent=1) + "\n")

    return command_line.exit_code(run, events, options.simulator, {OSError: command_line.EXIT_ENVIRONMENT})


def _served(options: argparse.Namespace, closing: ExitStack) -> Client:
    """A client of a daemon that this starts, and ends with ``closing``."""
    folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="uio2-latency-")))
    policy = Path(options.policy)
    if not (policy / "policy.json").is_file():
        raise EnvironmentFailure("no_policy", str(policy), "no folder with a policy.json")
    if options.deadline is not None:
        policy = patient(policy, options.deadline, folder / policy.name)
    address = f"ipc://{folder}/daemon"
    command = [str(options.uio2), "serve", "--policy", str(policy), "--bind", address, "--log-level", "warning"]
    daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)

    def end() -> None:
        daemon.terminate()
        daemon.wait()

    closing.callback(end)
    return Client(address, timeout=30.0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uio2_envs.latency", description="Success and jerk of a policy against added latency, in simulated time."
    )
    parser.add_argument("simulator", help=f"one of {', '.join(adapters.names())}")
    parser.add_argument("--task", type=_names, required=True, help="task, or several with commas between")
    parser.add_argument("--policy", required=True, metavar="DIR", help="of the daemon that is started; or expert")
    parser.add_argument("--delays", type=_delays, default=[0.0, 50.0, 100.0, 200.0], metavar="MS,…", help="(0,50,100,200)")
    parser.add_argument("--episodes", type=command_line.positive, default=10, help="of each task and delay (10)")
    parser.add_argument("--seed", type=command_line.not_negative, default=1000, help="of the first episode (1000)")
    parser.add_argument("--max-steps", type=command_line.positive, help="control steps of an episode (the simulator's)")
    parser.add_argument(
        "--deadline", type=command_line.positive, metavar="MS", help="serve a copy of the policy whose answers are valid so long"
    )
    parser.add_argument("--uio2", type=Path, default=_UIO2, help="the program (that of the release build)")
    parser.add_argument("--json", type=Output.argument, metavar="FILE", help="write the rows there")
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("expected a task")
    return names


def _delays(text: str) -> list[float]:
    values = [float(part) for part in text.split(",")]
    if not all(0 <= value < float("inf") for value in values):
        raise argparse.ArgumentTypeError(f"expected milliseconds, none below 0, found {text}")
    return values


if __name__ == "__main__":
    sys.exit(main())
