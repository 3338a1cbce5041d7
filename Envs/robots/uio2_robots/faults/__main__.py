"""``python -m uio2_robots.faults --trials 100``: the table fault by fault, measured in simulated time."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from uio2_envs import interruption
from uio2_envs.command_line import EXIT_ENVIRONMENT
from uio2_envs.output import Output, Unwritable

from ..configuration import CONFIGURATIONS, load
from .rig import Rig
from .trial import FAULTS, Outcome, Trial

_REPOSITORY = Path(__file__).resolve().parents[4]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the trials; 1 when one was not as it has to be."""
    parser = argparse.ArgumentParser(prog="uio2_robots.faults", description="Faults, and what a simulated Franka does.")
    parser.add_argument("--trials", type=_count, default=10, help="of each fault (10)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(FAULTS), help="faults, with commas")
    parser.add_argument("--seed", type=int, default=0, help="of the first trial (0)")
    parser.add_argument("--uio2", type=Path, default=_REPOSITORY / ".build" / "release" / "uio2")
    parser.add_argument("--policy", type=Path, default=_REPOSITORY / "Policies" / "metaworld-mt5")
    parser.add_argument("--config", type=Path, default=CONFIGURATIONS / "franka.toml")
    parser.add_argument("--host", default="127.0.9.1", help="loopback address of the simulated arm (127.0.9.1)")
    parser.add_argument("--json", type=Output.argument, metavar="FILE", help="write every trial there")
    parser.add_argument(
        "--tabulate", type=Path, nargs="+", metavar="FILE", help="the table of what --json wrote; no trials"
    )
    options = parser.parse_args(arguments)
    if options.tabulate:
        print(
            table([Outcome(**row) for file in options.tabulate for row in json.loads(file.read_text(encoding="utf-8"))])
        )
        return 0
    unknown = set(options.only) - set(FAULTS)
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}; there are: {', '.join(FAULTS)}")
    configuration = load(options.config)
    # A signal ends what was started, too.
    interruption.install()
    outcomes: list[Outcome] = []
    is_written = True
    with tempfile.TemporaryDirectory(prefix="uio2-faults-") as folder:
        rig = Rig(Path(folder), options.uio2, options.policy, options.config, options.host)
        try:
            for name in options.only:
                seeds = list(range(options.seed, options.seed + options.trials))
                while seeds:
                    found = Trial(rig, configuration, FAULTS[name], seeds).run()
                    seeds = seeds[len(found) :]
                    outcomes += found
                    for outcome in found:
                        print(_line(outcome), file=sys.stderr, flush=True)
                    rig.recover()
        finally:
            rig.close()
            # A run without a single trial leaves the last one's result.
            if options.json is not None and outcomes:
                is_written = _write(options.json, outcomes)
    print(table(outcomes))
    if not is_written:
        return EXIT_ENVIRONMENT
    return 1 if any(outcome.failure for outcome in outcomes) else 0


def _write(output: Output, outcomes: Sequence[Outcome]) -> bool:
    try:
        output.write(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n")
    except Unwritable as error:
        print(error, file=sys.stderr)
        return False
    return True


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, found {value}")
    return value


def table(outcomes: Sequence[Outcome]) -> str:
    """A row a fault, Markdown."""
    lines = [
        "| fault | as it has to be | speed at the fault | rested within | farthest | its bound | nearest to a bound |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in dict.fromkeys(outcome.fault for outcome in outcomes):
        all_of_it = [outcome for outcome in outcomes if outcome.fault == name]
        good = [outcome for outcome in all_of_it if not outcome.failure]
        if not good:
            lines.append(f"| {name} | 0 of {len(all_of_it)} | | | | | |")
            continue
        farthest = max(good, key=lambda outcome: outcome.distance)
        speed = np.array([outcome.speed for outcome in good])
        if not farthest.bound:
            lines.append(f"| {name} | {len(good)} of {len(all_of_it)} | {_range(speed)} | goes home | | | |")
            continue
        nearest = max(outcome.distance / outcome.bound for outcome in good)
        lines.append(
            f"| {name} | {len(good)} of {len(all_of_it)} | {_range(speed)} "
            f"| {max(outcome.seconds for outcome in good):.2f} s | {farthest.distance * 1000:.1f} mm "
            f"| {farthest.bound * 1000:.1f} mm | {nearest * 100:.0f} % |"
        )
    return "\n".join(lines)


def _range(speed: np.ndarray) -> str:
    return f"{speed.min():.2f} to {speed.max():.2f} m/s"


def _line(outcome: Outcome) -> str:
    if outcome.failure:
        return f"{outcome.fault} {outcome.seed}: FAILED: {outcome.failure}"
    return (
        f"{outcome.fault} {outcome.seed}: {outcome.speed:.3f} m/s, rested after {outcome.seconds:.3f} s and "
        f"{outcome.distance * 1000:.1f} mm (bound {outcome.bound * 1000:.1f} mm)"
    )


if __name__ == "__main__":
    sys.exit(main())
