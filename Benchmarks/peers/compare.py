"""Compares uio2 with its peers in one run and prints one Markdown table.

    python compare.py --size large --json comparison.json
    python compare.py --size tiny --rounds 1 --only torch,ctranslate2,onnx

Every turn is a process of its own, so that only one model is in memory; contestants take turns round by round, in
opposite order every other round, and ratios are made within a round. Slow drift of the machine so falls out of them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import SIZES
from report import Result, as_json, choose_reference, table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "Envs"))

from uio2_envs.output import Output, Unwritable  # noqa: E402


@dataclass(frozen=True)
class Contestant:
    """A script, its options, and what it needs."""

    name: str
    title: str
    weights: str
    script: str
    options: tuple[str, ...] = ()
    package: str | None = None
    has_model: bool = False
    """Whether it keeps a converted model in the cache."""


CONTESTANTS = (
    Contestant("uio2-int8", "uio2 int8", "int8", "peer_uio2.py", ("--weights", "int8")),
    Contestant("uio2-bf16", "uio2 bf16", "bf16", "peer_uio2.py", ("--weights", "bf16")),
    Contestant("uio2-f32", "uio2 f32", "f32", "peer_uio2.py", ("--weights", "f32")),
    Contestant("official-f32", "official port, f32", "f32", "peer_official.py", package="torch"),
    Contestant(
        "torch-f32-recompute", "PyTorch f32, in the official manner", "f32", "peer_torch.py",
        ("--recompute-cross", "on"), "torch",
    ),
    Contestant("torch-f32", "PyTorch f32, caches", "f32", "peer_torch.py", package="torch"),
    Contestant(
        "torch-f32-onednn", "PyTorch f32, caches, oneDNN", "f32", "peer_torch.py", ("--products", "onednn"), "torch"
    ),
    Contestant(
        "torch-bf16-onednn", "PyTorch bf16, caches, oneDNN", "bf16", "peer_torch.py",
        ("--products", "onednn", "--dtype", "bf16"), "torch",
    ),
    Contestant("ctranslate2-int8", "CTranslate2 int8", "int8", "peer_ctranslate2.py", (), "ctranslate2", True),
    Contestant("onnxruntime-int8", "ONNX Runtime int8", "int8", "peer_onnx.py", (), "onnxruntime", True),
)  # fmt: skip


class TurnFailed(Exception):
    """A contestant gave no figures; says why."""


def run_process(command: list[str], environment: dict[str, str], limit: float) -> tuple[str, float, float]:
    """Standard output, peak memory in MiB and CPU seconds of a process and its children."""
    process = subprocess.Popen(
        command, env=environment, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    watch = threading.Timer(limit, process.kill)
    watch.start()
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
    reader.start()
    try:
        output = process.stdout.read()
        reader.join()
    except BaseException:  # an interrupted run leaves no model behind that goes on counting
        process.kill()
        watch.cancel()
        raise
    # Not process.wait(): only wait4 says how much memory this one child took.
    _, status, usage = os.wait4(process.pid, 0)
    watch.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        lines = errors[0].strip().splitlines()
        raise TurnFailed(lines[-1] if lines else f"ended with code {process.returncode}")
    return output, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def busy_seconds() -> float:
    """CPU seconds that all processes of the machine have used so far."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, interrupts, soft, *_ = (int(field) for field in fields)
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


class Comparison:
    """The state of one run."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.environment = dict(os.environ)
        if arguments.passive:
            self.environment["OMP_WAIT_POLICY"] = "passive"
        self.missing: dict[str, str] = {}
        self.failed = False
        self.others: list[float] = []
        """The part of the machine that other processes used during each turn."""

    def available(self) -> list[Contestant]:
        """The wanted contestants that can run here; the reasons of the others go to ``missing``."""
        wanted = self.arguments.only.split(",")
        chosen = [c for c in CONTESTANTS if any(c.name.startswith(prefix) for prefix in wanted)]
        for contestant in chosen:
            reason = self._obstacle(contestant)
            if reason is not None:
                self.missing[contestant.name] = reason
        return [contestant for contestant in chosen if contestant.name not in self.missing]

    def _obstacle(self, contestant: Contestant) -> str | None:
        if contestant.name.startswith("uio2"):
            binary = self.arguments.uio2
            if not binary.is_file():
                return f"{binary.name} is not built"
            asked = subprocess.run([binary, "bench", "--help"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return None if asked.returncode == 0 else "this uio2 has no bench command"
        if contestant.name.startswith("official") and self.arguments.official_checkout is None:
            return "no --official-checkout"
        if contestant.package and importlib.util.find_spec(contestant.package) is None:
            return f"the package {contestant.package} is not installed"
        return None

    def command(self, contestant: Contestant) -> list[str]:
        """A turn's command line."""
        arguments = self.arguments
        command = [
            sys.executable, str(HERE / contestant.script), *contestant.options, "--size", arguments.size,
            "--threads", str(arguments.threads), "--repeats", str(arguments.repeats),
        ]  # fmt: skip
        if contestant.script == "peer_uio2.py":
            command += ["--binary", str(arguments.uio2)]
        if contestant.script == "peer_official.py":
            command += ["--checkout", str(arguments.official_checkout)]
        if contestant.has_model:
            command += ["--model", str(arguments.cache / f"{contestant.name}-{arguments.size}")]
        return command

    def prepare(self, contestants: list[Contestant]) -> None:
        """Converts the models that are not in the cache, before anything is timed."""
        self.arguments.cache.mkdir(parents=True, exist_ok=True)
        for contestant in contestants:
            if contestant.has_model:
                say(f"{contestant.name}: preparing its model")
                self._attempt(contestant, [*self.command(contestant), "--make-only"])

    def turn(self, result: Result, contestant: Contestant) -> None:
        """Adds a turn to ``result``."""
        busy, begin = busy_seconds(), time.monotonic()
        answer = self._attempt(contestant, self.command(contestant))
        if answer is None:
            return
        output, peak, used = answer
        wall = time.monotonic() - begin
        other = max(0.0, busy_seconds() - busy - used) / (wall * (os.cpu_count() or 1))
        self.others.append(other)
        turn = json.loads(output.strip().splitlines()[-1])
        result.turns.append(turn["cases"])
        result.peak_mib = max(peak, result.peak_mib or 0.0)
        result.versions, result.ceilings = turn["versions"], turn.get("ceilings", {})
        say(f"  {contestant.name}: {wall:.0f} s; others used {other:.0%} of the machine")

    def _attempt(self, contestant: Contestant, command: list[str]) -> tuple[str, float, float] | None:
        if contestant.name in self.missing:
            return None
        try:
            return run_process(command, self.environment, self.arguments.limit)
        except TurnFailed as error:
            say(f"  {contestant.name}: {error}")
            self.missing[contestant.name] = str(error)
            self.failed = True
            return None

    def run(self) -> list[Result]:
        """All rounds."""
        contestants = self.available()
        self.prepare(contestants)
        results = {c.name: Result(c.name, c.title, c.weights) for c in contestants}
        for number in range(self.arguments.rounds):
            say(f"round {number + 1} of {self.arguments.rounds}")
            for contestant in contestants if number % 2 == 0 else reversed(contestants):
                self.turn(results[contestant.name], contestant)
        return [result for result in results.values() if result.turns and result.name not in self.missing]


def say(text: str) -> None:
    """Progress, beside the table."""
    print(text, file=sys.stderr, flush=True)


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="large", help="tiny exercises everything in under a minute")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2, help="measured passes of each case in a turn")
    parser.add_argument("--only", default="uio2,official,torch,ctranslate2,onnx", help="prefixes of contestants' names")
    parser.add_argument("--uio2", type=Path, default=ROOT / ".build" / "release" / "uio2")
    parser.add_argument("--official-checkout", type=Path, metavar="DIR", help="a clone of allenai/unified-io-2.pytorch")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-peers", help="where converted models are kept")
    parser.add_argument("--reference", help="whose time the ratios are divided by; uio2-int8 if it runs")
    parser.add_argument(
        "--passive", action="store_true", help="OMP_WAIT_POLICY=passive, for machines that are not quiet"
    )
    parser.add_argument("--limit", type=float, default=1800, metavar="SECONDS", help="for a turn")
    parser.add_argument("--json", type=Output.argument, metavar="FILE")
    arguments = parser.parse_args()
    for name in ("uio2", "official_checkout", "cache"):
        path = getattr(arguments, name)
        if path is not None:
            setattr(arguments, name, path.absolute())
    return arguments


def main() -> int:
    arguments = parse()
    comparison = Comparison(arguments)
    results = comparison.run()
    for name, reason in comparison.missing.items():
        say(f"not measured: {name}: {reason}")
    if not results:
        say("nothing was measured")
        return 1
    reference = choose_reference(results, arguments.reference)
    facts: dict[str, Any] = {
        "size": arguments.size, "threads": arguments.threads, "rounds": arguments.rounds, "repeats": arguments.repeats,
        "processor": processor(), "cores": os.cpu_count(), "passive": arguments.passive,
        "used_by_others": comparison.others, "missing": comparison.missing,
    }  # fmt: skip
    if arguments.json is not None:
        try:
            arguments.json.write(json.dumps(as_json(results, reference, facts), indent=1) + "\n")
        except Unwritable as error:
            say(str(error))
            comparison.failed = True
    print(table(results, reference))
    print()
    print(
        f"{arguments.size}, {arguments.threads} threads, medians of {arguments.rounds} rounds on {processor()}; "
        f"÷ reference: times the time of {reference.title}; other processes used up to {max(comparison.others):.0%} "
        "of the machine."
    )
    return 3 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(main())
