"""``python -m uio2_robots.reach --rounds 20``: how many of five balls a simulated Franka reaches, each asked for in words.

A round scatters the balls anew and asks for them one after the other, in an order of its own. The simulator judges.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from uio2_envs import interruption
from uio2_envs.command_line import EXIT_ENVIRONMENT
from uio2_envs.latency import wilson

from .configuration import CONFIGURATIONS
from .faults.rig import Rig, RobotProcess
from .goals import COLOURS, scattered

_REPOSITORY = Path(__file__).resolve().parents[3]


class RoundFailure(Exception):
    """The robot of a round has failed: what it has not reached it has not missed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Flies the rounds; 1 when fewer balls were reached than ``--least`` says, 5 when a robot failed."""
    parser = argparse.ArgumentParser(prog="uio2_robots.reach", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of five balls each (20)")
    parser.add_argument("--seed", type=int, default=1000, help="of the first round (1000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for the five balls of a round (60)")
    parser.add_argument("--least", type=int, default=0, help="balls that have to be reached (0)")
    parser.add_argument("--uio2", type=Path, default=_REPOSITORY / ".build" / "release" / "uio2")
    parser.add_argument("--policy", type=Path, default=_REPOSITORY / "Policies" / "franka-goals")
    parser.add_argument("--host", default="127.0.9.2", help="loopback address of the simulated arm (127.0.9.2)")
    options = parser.parse_args(arguments)
    interruption.install()
    reached: dict[str, list[bool]] = {colour: [] for colour in COLOURS}
    with tempfile.TemporaryDirectory(prefix="uio2-reach-") as folder:
        rig = Rig(Path(folder), options.uio2, options.policy, CONFIGURATIONS / "franka-goals.toml", options.host)
        try:
            for seed in range(options.seed, options.seed + options.rounds):
                random = np.random.default_rng(seed)
                rig.trace.goals = scattered(random)
                order = [str(colour) for colour in random.permutation(list(COLOURS))]
                found = _round(rig, order, seed, options.seconds)
                # A ball that was not reached keeps those after it from being asked for.
                for place, colour in enumerate(order):
                    if place <= found:
                        reached[colour].append(place < found)
                print(f"seed {seed}: {found} of {len(order)}: {', '.join(order[:found])}", file=sys.stderr, flush=True)
        except RoundFailure as failure:
            print(table(reached))
            print(f"seed {seed}: {failure}", file=sys.stderr)
            return EXIT_ENVIRONMENT
        finally:
            rig.close()
    print(table(reached))
    return 0 if sum(sum(values) for values in reached.values()) >= options.least else 1


def _round(rig: Rig, order: Sequence[str], seed: int, seconds: float) -> int:
    """Asks for the balls in this order; how many were reached.

    Raises:
        RoundFailure: the robot ended for another reason than that all are reached or the time is over.
    """
    asked = ("--goals", ",".join(order))
    robot = RobotProcess(rig, f"round-{seed}", "--yes", "--home", "--seconds", f"{seconds:g}", asked=asked)
    try:
        code = robot.wait(seconds + 120)
    except subprocess.TimeoutExpired as error:
        raise RoundFailure("the robot does not end") from error
    finally:
        robot.end()
    if code != 0:
        raise RoundFailure(f"the robot ended with {code}: {(robot.said or ['without a word'])[-1]}")
    return sum(line.startswith("reached ") for line in robot.said)


def table(reached: dict[str, list[bool]]) -> str:
    """A row a colour and one for all, Markdown, with Wilson's 95 % intervals."""
    lines = ["| ball | reached | 95 % interval |", "| --- | --- | --- |"]
    rows = {**reached, "all": [value for values in reached.values() for value in values]}
    for name, values in rows.items():
        if values:
            low, high = wilson(sum(values), len(values))
            lines.append(f"| {name} | {sum(values)} of {len(values)} | {low * 100:.0f} % - {high * 100:.0f} % |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
