"""``python -m uio2_envs.ray metaworld-mt10 --run runs/mt10 --shards 8 -- --policy POLICY``: one evaluation on many machines.

Ray starts shards as tasks wherever a node has room. A task runs ``uio2 evaluate SUITE --shard i/n --run FOLDER …`` as a
process and returns the files of its run as an object. A shard whose machine or process is lost is run again as a whole, on
another node; nothing of a lost attempt is kept. When all are there, ``uio2 runs merge`` joins them into one run, films included.

Every node needs ``uio2``, the policy and the simulator under the same paths.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

_PR_SET_PDEATHSIG = 1

_FINAL = frozenset({2, 64, 65, 70})
"""Exit statuses of ``uio2`` that another attempt would repeat: wrong usage, a policy or suite that is missing or broken, and faults of the
program. A daemon that is not there (69), a full disk (74) and a killed process may be another node's trouble alone."""

_PLAN = "plan.json"


class PlanMismatch(Exception):
    """There are shards of another evaluation beside the run."""


class ShardFailure(Exception):
    """A shard ended without a run. ``is_final`` when another attempt would end in the same way."""

    def __init__(self, shard: str, message: str, is_final: bool = False) -> None:
        super().__init__(shard, message, is_final)
        self.shard = shard
        self.message = message
        self.is_final = is_final

    def __str__(self) -> str:
        return f"shard {self.shard}: {self.message}"


@dataclass(frozen=True)
class Plan:
    """What to run, and how it is cut."""

    suite: str
    shards: int
    program: str
    """The ``uio2`` of every node."""
    arguments: tuple[str, ...] = ()
    """Given to ``uio2 evaluate`` as they are."""

    def description(self) -> dict[str, Any]:
        """What the outcomes of a shard follow from, for comparison with shards that are there already."""
        file = Path(self.suite)
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
        return {"suite": self.suite, "suite_digest": digest, "shards": self.shards, "arguments": list(self.arguments)}

    def command(self, shard: int, folder: Path) -> list[str]:
        """The evaluation of one shard, from 1."""
        return [
            *(self.program, "evaluate", self.suite, "--shard", f"{shard}/{self.shards}", "--run", str(folder)),
            *self.arguments,
        ]


def run_shard(plan: Plan, shard: int) -> bytes:
    """Runs a shard in a folder of its own, which is gone afterwards; returns the files of its run as a tar archive.

    Raises:
        ShardFailure: the evaluation did not end well.
    """
    name = f"{shard}/{plan.shards}"
    with tempfile.TemporaryDirectory(prefix="uio2-shard-") as temporary:
        folder = Path(temporary) / "run"
        try:
            done = subprocess.run(
                plan.command(shard, folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        except OSError as error:
            raise ShardFailure(name, f"cannot start {plan.program}: {error}", is_final=True) from error
        if done.returncode:
            said = done.stderr.strip().splitlines()
            message = f"{plan.program} ended with {done.returncode}{': ' + said[-1] if said else ''}"
            raise ShardFailure(name, message, is_final=done.returncode in _FINAL)
        if not folder.is_dir():
            raise ShardFailure(name, f"{plan.program} ended well and left no run", is_final=True)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(folder, arcname=".")
        return packed.getvalue()


def _end_with_parent() -> None:
    """In the child: a worker of Ray that is killed leaves no evaluation behind, which nobody would read."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def unpack(packed: bytes, folder: Path) -> None:
    """Writes the files of a run into ``folder``; none can land outside of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def evaluate(plan: Plan, run: Path, attempts: int = 3, address: str | None = None) -> None:
    """Runs all shards and merges them into ``run``.

    Args:
        run: a folder that does not exist yet.
        attempts: at one shard, at least 1.
        address: of a Ray cluster; ``None``: the one that Ray finds, or this machine alone.

    Raises:
        PlanMismatch: the shards beside ``run`` are those of another evaluation.
        ShardFailure: a shard was lost as often as allowed, or for a reason that stays. The shards that were finished are kept
            beside ``run``.
        subprocess.CalledProcessError: the merge failed; the shards are kept.
    """
    import ray

    shards = shards_of(run)
    _claim(shards, plan)
    owns = not ray.is_initialized()
    if owns:
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    try:
        _collect(ray, plan, shards, attempts)
    finally:
        if owns:
            ray.shutdown()
    merge(plan, shards, run)
    shutil.rmtree(shards)


def shards_of(run: Path) -> Path:
    """The folder of the shards that are finished while the run is not."""
    return run.with_name(run.name + ".shards")


def _claim(shards: Path, plan: Plan) -> None:
    """Makes the folder of the shards, or makes sure that those in it are of this plan."""
    wanted = plan.description()
    file = shards / _PLAN
    if file.exists():
        try:
            found = json.loads(file.read_text())
        except ValueError:
            found = None
        if found != wanted:
            raise PlanMismatch(
                f"{shards} has shards of another evaluation ({json.dumps(found)}); name another run, or remove that folder"
            )
        return
    if shards.exists() and any(shards.iterdir()):
        raise PlanMismatch(f"{shards} does not say which evaluation its files are of; name another run, or remove that folder")
    shards.mkdir(parents=True, exist_ok=True)
    draft = shards.with_name(shards.name + ".plan")
    draft.write_text(json.dumps(wanted))
    draft.rename(file)


def merge(plan: Plan, shards: Path, run: Path) -> None:
    """Joins finished shards into ``run``, whole or not at all; the shards stay.

    Raises:
        subprocess.CalledProcessError: ``uio2 runs merge`` refused them.
    """
    folders = [shards / str(shard) for shard in range(1, plan.shards + 1)]
    draft = run.with_name(run.name + ".partial")
    shutil.rmtree(draft, ignore_errors=True)
    subprocess.run([plan.program, "runs", "merge", *map(str, folders), "--output", str(draft)], check=True)
    draft.rename(run)


def _collect(ray, plan: Plan, shards: Path, attempts: int) -> None:
    """Runs the shards that are not in the folder ``shards`` yet, each until it ends well."""
    # Ray's own retries would not say that they happen; here each attempt is a task.
    task = ray.remote(max_retries=0, num_cpus=1, scheduling_strategy="SPREAD")(run_shard)
    used = dict.fromkeys(range(1, plan.shards + 1), 1)
    waiting = {task.remote(plan, shard): shard for shard in used if not (shards / str(shard)).is_dir()}
    finished = plan.shards - len(waiting)
    while waiting:
        (reference,), _ = ray.wait(list(waiting), num_returns=1)
        shard = waiting.pop(reference)
        try:
            packed = ray.get(reference)
        except ray.exceptions.RayError as error:
            reason = _cause(error)
            if isinstance(reason, ShardFailure) and reason.is_final or used[shard] >= attempts:
                raise _as_failure(reason, f"{shard}/{plan.shards}") from error
            used[shard] += 1
            _say(f"{_as_failure(reason, f'{shard}/{plan.shards}')}; attempt {used[shard]} of {attempts}")
            waiting[task.remote(plan, shard)] = shard
            continue
        # Whole or not at all: a name without the shard's number does not count.
        partial = shards / f"{shard}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        unpack(packed, partial)
        partial.rename(shards / str(shard))
        finished += 1
        _say(f"shard {shard}/{plan.shards} is done, {finished} of {plan.shards}")


def _cause(error: BaseException) -> BaseException:
    """What a task raised, or what Ray says of its loss."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, BaseException) else error


def _as_failure(reason: BaseException, shard: str) -> ShardFailure:
    if isinstance(reason, ShardFailure):
        return reason
    return ShardFailure(shard, f"{type(reason).__name__}: {str(reason).strip().splitlines()[0] if str(reason) else ''}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the evaluation and returns its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    own, passed = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    options = _parser().parse_args(own)
    if options.run.exists():
        _say(f"{options.run} exists; name a new run")
        return EXIT_USAGE
    program = shutil.which(options.program)
    if program is None:
        _say(f"there is no program {options.program}; build uio2 and put it on PATH, or give --program")
        return EXIT_USAGE
    signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    plan = Plan(options.suite, options.shards, program, tuple(passed))
    try:
        evaluate(plan, options.run.absolute(), options.attempts, options.address)
        return 0
    except ImportError:
        _say("Ray is not installed; run: pip install 'uio2-envs[ray]'")
        return EXIT_USAGE
    except PlanMismatch as error:
        _say(str(error))
        return EXIT_USAGE
    except subprocess.CalledProcessError:
        _say(f"the shards cannot be joined; they are kept in {options.run}.shards: remove that folder to begin anew")
        return EXIT_FAILED
    except ShardFailure as error:
        _say(f"{error}; finished shards are kept in {options.run}.shards, the same command goes on with them")
        return EXIT_FAILED
    except KeyboardInterrupt:
        _say(f"interrupted; finished shards are kept in {options.run}.shards, the same command goes on with them")
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uio2_envs.ray",
        description="Evaluates a policy on the machines of a Ray cluster.",
        epilog="What follows -- is given to `uio2 evaluate` as it is.",
    )
    parser.add_argument("suite", help="a suite's name or file")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="the folder of the merged run, a new one")
    parser.add_argument("--shards", type=_positive, default=2, metavar="N", help="parts that the episodes are cut into (2)")
    parser.add_argument("--attempts", type=_positive, default=3, metavar="N", help="at one shard (3)")
    parser.add_argument("--address", help="of the Ray cluster (the one that Ray finds, or this machine)")
    parser.add_argument("--program", default="uio2", help="the same on every node (uio2)")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, found {value}")
    return value


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
