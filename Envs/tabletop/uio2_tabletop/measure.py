"""Figures of the table: the oracles' success, primitives a second, and what drawing costs.

Primitives are counted by the second of processor time: one thread does it all, so that is what one core does, whatever
else the machine is busy with. Drawing is counted by the clock on the wall.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from uio2_envs.run_figures import Figure

from . import tasks
from .sentence import say
from .trial import Trial

BACKENDS = ("egl", "osmesa")


@dataclass
class Row:
    """What came of the oracle on one task."""

    task: str
    loop: str
    episodes: int = 0
    successes: int = 0
    primitives: int = 0
    simulated_s: float = 0.0
    execute_s: float = 0.0
    """Seconds of processor time that the primitives took."""
    build_s: float = 0.0
    """Seconds of processor time that the episodes took to begin."""
    outcomes: Counter[str] = field(default_factory=Counter)
    failed_seeds: list[int] = field(default_factory=list)


def oracle(task: str, seeds: Sequence[int], loop: str) -> Row:
    """Runs the oracle of a task.

    Args:
        task: a name of ``tasks.TASKS``.
        seeds: the episodes.
        loop: ``"open"``: its whole plan as one sentence, said and read before it is executed, as a policy's answer is;
            ``"closed"``: a new plan after each primitive.
    """
    row = Row(task, loop)
    limit = 2 * tasks.parse(task)[0].moves
    for seed in seeds:
        began = time.process_time()
        trial = Trial(task, seed)
        row.build_s += time.process_time() - began
        began = time.process_time()
        if loop == "open":
            reports = trial.obey(say(trial.plan()), limit)
        else:
            reports = []
            while not trial.success and len(reports) < limit and (plan := trial.plan()):
                reports += trial.obey(say(plan[:1]))
        row.execute_s += time.process_time() - began
        row.episodes += 1
        row.successes += trial.success
        row.primitives += len(reports)
        row.simulated_s += sum(report.seconds for report in reports)
        row.outcomes.update(str(report.outcome) for report in reports)
        if not trial.success:
            row.failed_seeds.append(seed)
        trial.close()
    return row


def wilson(successes: int, episodes: int) -> tuple[float, float]:
    """The 95 % interval of a rate, from 0 to 1."""
    z = 1.959964
    rate, share = successes / episodes, z * z / episodes
    middle = (rate + share / 2) / (1 + share)
    half = z * math.sqrt(rate * (1 - rate) / episodes + share / (4 * episodes)) / (1 + share)
    return max(0.0, middle - half), min(1.0, middle + half)


def drawing(seconds: float = 3.0) -> dict[str, Any]:
    """What drawing costs in this process, with the backend that ``MUJOCO_GL`` names."""
    trial = Trial("new-noun-l1", 0)
    painter = trial.painter
    began = time.perf_counter()
    painter.scene("top", 256, 128)
    first = time.perf_counter() - began

    def rate(draw: Callable[[], object]) -> float:
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds / 3:
            draw()
            count += 1
        return count / (time.perf_counter() - began)

    figures = {
        "backend": os.environ.get("MUJOCO_GL", ""),
        "first_frame_ms": first * 1000,
        "top_frames_per_s": rate(lambda: painter.scene("top", 256, 128)),
        "front_frames_per_s": rate(lambda: painter.scene("front", 256, 128)),
    }
    trial.close()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds / 3:
        other = Trial("new-noun-l1", count)
        _ = other.prompt, other.painter.scene("top", 256, 128), other.painter.scene("front", 256, 128)
        other.close()
        count += 1
    figures["new_scene_ms"] = (time.perf_counter() - began) / count * 1000
    return figures


def measure(
    names: Sequence[str], episodes: int, seed: int, loop: str, *, draws: bool, say_line: Callable[[str], None]
) -> dict[str, Any]:
    """Measures and prints; returns all figures."""
    say_line(f"{'task':24}{'success':>10}{'95 % interval':>17}{'primitives':>12}{'a second':>10}  other outcomes")
    rows = []
    for name in names:
        row = oracle(name, range(seed, seed + episodes), loop)
        rows.append(row)
        low, high = wilson(row.successes, row.episodes)
        odd = ", ".join(f"{count} {outcome}" for outcome, count in row.outcomes.items() if outcome != "done")
        say_line(
            f"{row.task:24}{f'{row.successes}/{row.episodes}':>10}{f'{100 * low:.1f} to {100 * high:.1f} %':>17}"
            f"{row.primitives:>12}{row.primitives / row.execute_s:>10.0f}  {odd}"
        )
    primitives, seconds = sum(row.primitives for row in rows), sum(row.execute_s for row in rows)
    everything = seconds + sum(row.build_s for row in rows)
    count = sum(row.episodes for row in rows)
    say_line(
        f"\n{primitives} primitives of {count} episodes: {primitives / seconds:.0f} a second of one core without "
        f"drawing, {primitives / everything:.0f} with the beginnings of the episodes "
        f"({1000 * sum(row.build_s for row in rows) / count:.1f} ms each); "
        f"{sum(row.simulated_s for row in rows) / primitives:.2f} s of simulated time a primitive"
    )
    figures: dict[str, Any] = {
        "rows": [vars(row) for row in rows],
        "primitives_per_s": primitives / seconds,
        "slowest_task_primitives_per_s": min(row.primitives / row.execute_s for row in rows),
    }
    if draws:
        figures["drawing"] = [_drawing_elsewhere(backend) for backend in BACKENDS]
        for found in figures["drawing"]:
            if "error" in found:
                say_line(f"{found['backend']}: {found['error']}")
                continue
            say_line(
                f"{found['backend']}: {found['top_frames_per_s']:.0f} frames a second from above, "
                f"{found['front_frames_per_s']:.0f} from the front (256x128); {found['new_scene_ms']:.0f} ms for a new "
                f"scene with its two prompt pictures and both cameras; {found['first_frame_ms']:.0f} ms for the first "
                "frame of a process"
            )
    return figures


def for_run(figures: dict[str, Any]) -> list[Figure]:
    """What ``measure`` returns, as the figures of a run."""
    rows: list[dict[str, Any]] = figures["rows"]
    loops = {"open": "one answer", "closed": "an answer a primitive"}
    found = [Figure("primitives", "all tasks, without drawing", figures["primitives_per_s"], "a second of one core")]
    for row in rows:
        subject = f"{row['task']}, {loops[row['loop']]}"
        found.append(Figure("primitives", subject, row["primitives"] / row["execute_s"], "a second of one core"))
    began, count = sum(row["build_s"] for row in rows), sum(row["episodes"] for row in rows)
    found.append(Figure("an episode begins", "all tasks", 1000 * began / count, "ms of one core"))
    simulated, primitives = sum(row["simulated_s"] for row in rows), sum(row["primitives"] for row in rows)
    found.append(Figure("a primitive takes", "all tasks", simulated / primitives, "s of simulated time"))
    for drawn in figures.get("drawing", []):
        if "error" not in drawn:
            backend = f"{drawn['backend']}, 256x128"
            found.append(Figure("frames from above", backend, drawn["top_frames_per_s"], "a second"))
            found.append(Figure("frames from the front", backend, drawn["front_frames_per_s"], "a second"))
            found.append(Figure("a new scene, two prompt pictures, both cameras", drawn["backend"], drawn["new_scene_ms"], "ms"))
            found.append(Figure("the first frame of a process", drawn["backend"], drawn["first_frame_ms"], "ms"))
    return found


def _drawing_elsewhere(backend: str) -> dict[str, Any]:
    """``drawing`` in a process of its own: MuJoCo chooses its backend once."""
    code = (
        f"import json, sys; sys.path[:] = {sys.path!r}; "
        "from uio2_tabletop.measure import drawing; print(json.dumps(drawing()))"
    )
    environment = {**os.environ, "MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend, "LP_NUM_THREADS": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"backend": backend, "error": f"does not draw here ({reason})"}
