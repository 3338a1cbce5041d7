"""Keeps a run of days going in the background: the trainer, and beside it one process that makes data.

    python supervise.py --recipe metaworld-mt50 --root DIR [--state FILE] [--threads 2]

``scripts/train.sh`` starts, pauses and stops it. ``DIR/NAME/shards`` holds the samples, ``DIR/NAME/run`` the run. What
is made next follows from how many samples the trainer has seen (``next_work``), so that a machine with other work keeps
the same recipe, only slower. On a new machine without data the rounds go on where they ended: fresh resets.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from spec import RECIPES, Recipe
from state import Progress, read_progress

HERE = Path(__file__).resolve().parent
FIRST_ROUNDS = 7
"""Rounds of demonstrations made as fast as possible."""
EARLY_ROUNDS, EARLY_SAMPLES_A_ROUND = 18, 2_500
"""Up to so many rounds, a further one is made each time the trainer has seen this many more samples."""
SAMPLES_A_ROUND = 7_000
"""Later a round is made each time the trainer has seen this many more samples: each is seen about four times."""
DAGGER_EPISODES = 4
DAGGER_LIMIT = 200
"""Control steps of an episode: the slowest experts need as many."""
ROUNDS_TO_START = 2
ROUNDS_TO_CONTINUE = 4
"""Rounds that a new machine needs before a run that has learnt something goes on."""
POLL_SECONDS = 20.0
RESTARTS = 5


@dataclass(frozen=True)
class Folders:
    """Where a run's files are."""

    root: Path
    recipe: Recipe
    state: Path

    @property
    def shards(self) -> Path:
        return self.root / self.recipe.name / "shards"

    @property
    def run(self) -> Path:
        return self.root / self.recipe.name / "run"

    def progress(self) -> Progress:
        """The counters as of the last checkpoint."""
        return read_progress(self.state) if self.state.exists() else Progress()


def numbers(shards: Path, kind: str) -> set[int]:
    """The rounds of ``kind`` ("demonstrations" or "dagger") that have shards."""
    return {int(path.stem.split("-")[1]) for path in shards.glob(f"{kind}-*.npz")}


def next_work(recipe: Recipe, progress: Progress, rounds: int, dagger_rounds: int) -> str:
    """What to make now, given how many rounds there are: "demonstrations", "dagger" or "nothing"."""
    flies = progress.seconds >= 60 * recipe.first_flight_minutes
    dagger_due = progress.samples // recipe.samples_a_flight if flies else 0
    if rounds >= ROUNDS_TO_CONTINUE and dagger_rounds < dagger_due:
        return "dagger"
    early = FIRST_ROUNDS + progress.samples // EARLY_SAMPLES_A_ROUND
    if rounds < min(early, EARLY_ROUNDS + progress.samples // SAMPLES_A_ROUND):
        return "demonstrations"
    return "nothing"


class Supervisor:
    """Starts the trainer and the makers of data, one of them at a time."""

    def __init__(self, folders: Folders, threads: int) -> None:
        self._folders, self._threads = folders, threads
        self._trainer: subprocess.Popen | None = None
        self._maker: subprocess.Popen | None = None
        self._stopping = Event()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, *_: object) -> None:
        self._stopping.set()
        for process in (self._maker, self._trainer):
            if process is not None and process.poll() is None:
                process.terminate()

    def _python(self, script: str, *arguments: object) -> list[str]:
        return [sys.executable, "-W", "ignore", str(HERE / script), *map(str, arguments)]

    def _make(self, script: str, *arguments: object) -> bool:
        """Runs a script to its end; returns whether it succeeded."""
        if self._stopping.is_set():
            return False
        self._maker = subprocess.Popen(self._python(script, *arguments))
        return self._maker.wait() == 0

    def _demonstrations(self) -> bool:
        folders = self._folders
        first = max([folders.progress().next_round, *(n + 1 for n in numbers(folders.shards, "demonstrations"))])
        common = ("--recipe", folders.recipe.name, "--data", folders.shards)
        return self._make("generate.py", *common, "--first-round", first, "--rounds", 1, "--workers", 1)

    def _dagger(self) -> bool:
        folders = self._folders
        number = max([folders.progress().next_dagger_round, *(n + 1 for n in numbers(folders.shards, "dagger"))])
        bundle = folders.run / "bundle"
        return self._make(
            "export.py", "--recipe", folders.recipe.name, "--run", folders.run, "--output", bundle
        ) and self._make(
            "dagger.py", "--bundle", bundle, "--data", folders.shards, "--run", folders.run, "--round", number,
            "--episodes", DAGGER_EPISODES, "--limit", DAGGER_LIMIT,
        )  # fmt: skip

    def _start_trainer(self) -> None:
        folders = self._folders
        arguments = ("--data", folders.shards, "--run", folders.run, "--state", folders.state)
        self._trainer = subprocess.Popen(
            self._python("train.py", "--recipe", folders.recipe.name, *arguments, "--threads", self._threads)
        )

    def run(self) -> int:
        """Goes on until the schedule's end or a signal; returns the exit status."""
        folders = self._folders
        held_out = ("--recipe", folders.recipe.name, "--data", folders.shards, "--held-out", 4)
        self._make("generate.py", *held_out)
        needed = ROUNDS_TO_CONTINUE if folders.progress().samples else ROUNDS_TO_START
        while not self._stopping.is_set() and len(numbers(folders.shards, "demonstrations")) < needed:
            if not self._demonstrations():
                return 1
        restarts = 0
        while not self._stopping.is_set():
            if self._trainer is None:
                self._start_trainer()
            elif self._trainer.poll() is not None:
                if self._trainer.returncode == 0:
                    return 0
                restarts += 1
                print(f"the trainer ended with {self._trainer.returncode}", flush=True)
                if restarts > RESTARTS:
                    return 1
                self._start_trainer()
            progress = folders.progress()
            dagger_rounds = max([progress.next_dagger_round, *(n + 1 for n in numbers(folders.shards, "dagger"))])
            work = next_work(folders.recipe, progress, len(numbers(folders.shards, "demonstrations")), dagger_rounds)
            made = {"demonstrations": self._demonstrations, "dagger": self._dagger}.get(work, lambda: False)()
            if not made:
                self._stopping.wait(POLL_SECONDS)
        return self._trainer.wait() if self._trainer else 0


def yield_to_others(niceness: int) -> None:
    """A low priority, for this process and all that it starts.

    Linux groups the processes of a session ("autogroup") and shares the processor among groups before niceness counts:
    the group must be nice too. On a machine that builds on all cores 19 leaves it about a hundredth of a core, 10 a
    twentieth, 0 a quarter.
    """
    os.nice(19)
    autogroup = Path("/proc/self/autogroup")
    if autogroup.exists():
        try:
            autogroup.write_text(f"{niceness}")
        except OSError as error:
            print(f"the session's priority could not be lowered: {error}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=RECIPES, default="metaworld-mt50")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--state", type=Path, help="the portable state; default: state.safetensors of the run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--niceness", type=int, default=10, help="of the session among others, 0 to 19")
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.recipe]
    root = arguments.root.resolve()
    folders = Folders(root, recipe, arguments.state or root / recipe.name / "run" / "state.safetensors")
    folders.run.mkdir(parents=True, exist_ok=True)
    folders.shards.mkdir(parents=True, exist_ok=True)
    yield_to_others(arguments.niceness)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    process_file = root / recipe.name / "supervisor.pid"
    process_file.write_text(f"{os.getpid()}\n")
    try:
        raise SystemExit(Supervisor(folders, arguments.threads).run())
    finally:
        process_file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
