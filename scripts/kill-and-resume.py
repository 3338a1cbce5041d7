#!/usr/bin/env python3
"""Kills an evaluation of the toy again and again, and goes on with it: no episode may be lost, repeated, or end otherwise.

    .venv/bin/python scripts/kill-and-resume.py --kills 20

Each time a worker, the command, or the command's process group gets SIGKILL at a random moment. Afterwards the run must hold exactly the
episodes and outcomes of one that nobody disturbed.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
VICTIMS = ("worker", "command", "group")
# What an outcome does not follow from: how often it took, and how long.
UNLIKE = {"attempt", "wall_s"}


def arguments(program: str, run: Path, episodes: int) -> list[str]:
    words = ["evaluate", "toy", "--policy", "expert", "--episodes", str(episodes), "--workers", "2", "--run", str(run)]
    return [program, *words, "--resume"]


def children(parent: int) -> list[int]:
    """The processes that ``parent`` has started and that run."""
    try:
        tasks = os.listdir(f"/proc/{parent}/task")
        return [int(n) for t in tasks for n in Path(f"/proc/{parent}/task/{t}/children").read_text().split()]
    except OSError:
        return []


def kill(victim: str, process: subprocess.Popen, generator: random.Random) -> bool:
    """Sends SIGKILL; returns whether there was still somebody to get it."""
    if process.poll() is not None:
        return False
    try:
        if victim == "worker":
            workers = children(process.pid)
            if not workers:
                return False
            os.kill(generator.choice(workers), signal.SIGKILL)
        elif victim == "command":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def disturbed(program: str, run: Path, episodes: int, kills: int, longest: float, generator: random.Random) -> dict[str, int]:
    """Runs the episodes to their end with so many kills on the way; returns how often each victim was hit."""
    hits = dict.fromkeys(VICTIMS, 0)
    retried: list[str] = []
    while True:
        process = subprocess.Popen(
            [*arguments(program, run, episodes), *retried],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while process.poll() is None and sum(hits.values()) < kills:
            time.sleep(generator.uniform(0, longest / 2))
            victim = generator.choice(VICTIMS)
            hits[victim] += kill(victim, process, generator)
        _, errors = process.communicate(timeout=300)
        if process.returncode == 0:
            return hits
        # The kills may happen to meet one episode at each of its attempts; then it is given up until somebody asks for it again.
        retried = ["--retry-abandoned"] if "--retry-abandoned" in errors else []
        if process.returncode != -signal.SIGKILL and not retried:
            raise SystemExit(f"{program} ended with {process.returncode}: {errors.strip()}")


def outcomes(program: str, run: Path) -> list[dict[str, str]]:
    """What the run came to, an episode after the other."""
    exported = subprocess.run([program, "runs", "export", str(run)], capture_output=True, text=True, check=True)
    rows = csv.DictReader(io.StringIO(exported.stdout, newline=""))
    return [{key: value for key, value in row.items() if key not in UNLIKE} for row in rows]


def check(run: Path, planned: int) -> None:
    """Every episode is settled once, and has its steps."""
    database = sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True)
    finished, places = database.execute(
        "SELECT count(*), count(DISTINCT place) FROM episode WHERE state = 'finished'"
    ).fetchone()
    if (finished, places) != (planned, planned):
        raise SystemExit(f"{finished} finished rows of {places} episodes, expected {planned}")
    bare = database.execute(
        "SELECT count(*) FROM episode WHERE state = 'finished' AND steps <> (SELECT count(*) FROM step WHERE episode = episode.id)"
    ).fetchone()[0]
    if bare:
        raise SystemExit(f"{bare} episodes have not all of their steps")
    database.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--episodes", type=int, default=150, help="of each of two tasks (150)")
    parser.add_argument("--program", default=str(REPOSITORY / ".build" / "release" / "uio2"))
    parser.add_argument("--random-seed", type=int, default=None, help="of the moments (the time of day)")
    options = parser.parse_args()
    seed = time.time_ns() % 2**32 if options.random_seed is None else options.random_seed
    generator = random.Random(seed)
    hits = dict.fromkeys(VICTIMS, 0)
    with tempfile.TemporaryDirectory(prefix="uio2-kill-") as folder:
        quiet = Path(folder) / "quiet"
        began = time.monotonic()
        subprocess.run(
            arguments(options.program, quiet, options.episodes), check=True, stdout=subprocess.DEVNULL, timeout=300
        )
        longest = time.monotonic() - began
        expected = outcomes(options.program, quiet)
        rounds = 0
        while sum(hits.values()) < options.kills:
            rounds += 1
            run = Path(folder) / f"run-{rounds}"
            left = min(5, options.kills - sum(hits.values()))
            found = disturbed(options.program, run, options.episodes, left, longest, generator)
            hits = {victim: hits[victim] + found[victim] for victim in VICTIMS}
            check(run, 2 * options.episodes)
            if outcomes(options.program, run) != expected:
                raise SystemExit(f"outcomes differ from those of a quiet run; --random-seed {seed} repeats the moments")
    words = ", ".join(f"{name} {count}" for name, count in hits.items())
    print(f"kill-and-resume: {sum(hits.values())} kills ({words}) in {rounds} runs: every episode once, every outcome the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
