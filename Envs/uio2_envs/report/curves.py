"""Success against something that is made harder step by step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from . import figures, page
from .figures import RatePoint
from .run import Run

# Groups of a suite with variants, as Envs/suites/README.md names them.
_VARIANT = re.compile(r"(?P<kind>[a-z][a-z_]*)-(?P<severity>[1-9])")
_PLAIN = "unperturbed"


def severity(entries: Sequence[dict[str, Any]]) -> str:
    """Success against severity, a figure a perturbation; nothing for runs of plain suites."""
    kinds: dict[str, list[tuple[int, list[RatePoint]]]] = {}
    for place, entry in enumerate(entries):
        for kind, points in _severities(entry).items():
            kinds.setdefault(kind, []).append((place, points))
    if not kinds:
        return ""
    return page.section(
        "Success against severity",
        page.legend([entry["name"] for entry in entries]),
        page.pair(
            *[figures.rates(curve, "severity", kind.replace("_", " ")) for kind, curve in kinds.items()],
            small=True,
        ),
        page.paragraph("Means over tasks with 95 % intervals; severity 0 is the unperturbed task.", faint=True),
    )


def _severities(entry: dict[str, Any]) -> dict[str, list[RatePoint]]:
    """The points of each perturbation, the unperturbed one first."""
    groups = {mean["name"]: mean for mean in entry["means"] if mean.get("is_group")}
    plain = [_point(0, groups[_PLAIN])] if _PLAIN in groups else []
    kinds: dict[str, list[RatePoint]] = {}
    for name, mean in groups.items():
        if match := _VARIANT.fullmatch(name):
            kinds.setdefault(match["kind"], []).append(_point(int(match["severity"]), mean))
    return {kind: plain + sorted(points, key=lambda point: point.x) for kind, points in kinds.items()}


def delay(runs: Sequence[Run], entries: Sequence[dict[str, Any]]) -> str:
    """Success against the delay that was added, a line a policy and suite; nothing unless runs in real time differ in it."""
    lines: dict[tuple[str, str, str], list[RatePoint]] = {}
    colours: dict[tuple[str, str, str], int] = {}
    deadlines: set[float] = set()
    for place, (run, entry) in enumerate(zip(runs, entries, strict=True)):
        if not run.is_realtime or not entry["means"]:
            continue
        key = (run.subject["policy"], run.subject["policyDigest"], run.subject["suite"])
        lines.setdefault(key, []).append(_point(run.subject["addedDelay"], entry["means"][0]))
        colours.setdefault(key, place)
        if run.deadline is not None:
            deadlines.add(run.deadline)
    lines = {key: points for key, points in lines.items() if len({point.x for point in points}) > 1}
    if not lines:
        return ""
    deadline = deadlines.pop() if len(deadlines) == 1 else None
    words = "Mean over episodes with 95 % intervals. The robot sees an answer so much later than the policy gives it."
    if deadline is not None:
        words += (
            f" An answer is valid for {deadline:g} ms (dashed): with more delay than that less the policy's own time every answer"
            " comes too late, and the robot holds still."
        )
    curve = [(colours[key], sorted(points, key=lambda point: point.x)) for key, points in lines.items()]
    title = "; ".join(f"{policy} on {suite}" for policy, _, suite in lines)
    return page.section(
        "Success against delay",
        page.figure(figures.rates(curve, "added delay (ms)", title, wide=True, mark=deadline), words, wide=True),
    )


def _point(x: float, mean: dict[str, Any]) -> RatePoint:
    low, high = mean["interval"]
    return RatePoint(float(x), mean["rate"], low, high)
