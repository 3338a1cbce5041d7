"""``python -m uio2_envs.report SUMMARY.json OUT.html``: the report of one run, or of two beside each other.

``uio2 report`` computes the statistics and starts this. SUMMARY.json names the runs' databases and carries every rate, interval and
test; nothing is estimated here.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from . import figures, page
from .media import film_strip
from .run import POSITION, Episode, Run

_STRIPS = 6
_TRAJECTORIES = 40


def build(summary: dict[str, Any]) -> str:
    """The page.

    Args:
        summary: as ``uio2 report`` writes it.
    """
    runs = [Run(Path(entry["database"])) for entry in summary["runs"]]
    episodes = [run.episodes() for run in runs]
    return page.document(
        summary["title"],
        [
            f"<h1>{escape(summary['title'])}</h1>",
            *[_headline(entry) for entry in summary["runs"]],
            _comparison(summary.get("comparison")),
            _tasks(summary["runs"]),
            *[_strips(run, found, entry) for run, found, entry in zip(runs, episodes, summary["runs"], strict=True)],
            *[_endings(found, entry) for found, entry in zip(episodes, summary["runs"], strict=True)],
            _latency(runs, episodes, summary["runs"]),
            *[_ways(run, found, entry) for run, found, entry in zip(runs, episodes, summary["runs"], strict=True)],
            *[_confidence(run, found, entry) for run, found, entry in zip(runs, episodes, summary["runs"], strict=True)],
            *[_origin(run, entry) for run, entry in zip(runs, summary["runs"], strict=True)],
        ],
    )


def _headline(entry: dict[str, Any]) -> str:
    cards = []
    for mean in entry["means"]:
        low, high = mean["interval"]
        cards.append((page.percent(mean["rate"]), f"{mean['name']} ({page.percent(low)} to {page.percent(high)})"))
    cards.append((f"{entry['successes']} of {entry['finished']}", "episodes succeeded"))
    notes = [f"{entry['name']}: {entry['description']}"]
    if entry["finished"] < entry["planned"]:
        notes.append(f"The run is not complete: {entry['finished']} of {entry['planned']} episodes have an outcome.")
    if entry["lost"]:
        notes.append(f"The simulator lost {entry['lost']} attempts, which were repeated; {entry['abandoned']} were given up.")
    return "".join(page.paragraph(note) for note in notes) + page.headline(cards)


def _comparison(comparison: dict[str, Any] | None) -> str:
    if not comparison:
        return ""
    low, high = comparison["interval"]
    text = (
        f"On {comparison['pairs']} episodes with the same task and seed the second run solves "
        f"{100 * comparison['difference']:+.1f} points (95 % interval {100 * low:+.1f} to {100 * high:+.1f}, {comparison['method']}). "
        f"{comparison['only_first']} episodes only the first run solved, {comparison['only_second']} only the second; "
        f"McNemar's exact test gives p = {comparison['p']:.3g}."
    )
    return page.section("Comparison", page.paragraph(text))


def _tasks(entries: list[dict[str, Any]]) -> str:
    rows: list[tuple[list[str], bool]] = []
    second = entries[1]["tasks"] if len(entries) > 1 else None
    for place, task in enumerate(entries[0]["tasks"]):
        rows.append((_row(task, False), False))
        if second is not None and place < len(second):
            rows.append((_row(second[place], True), False))
    for number, entry in enumerate(entries):
        for mean in entry["means"]:
            low, high = mean["interval"]
            bar = page.interval_bar(mean["rate"], low, high, number > 0)
            rows.append(([escape(mean["name"]), "", "", page.percent(mean["rate"]), bar, "", "", ""], True))
    header = ["task", "group", "solved", "rate", "95 % interval", "steps to success", "path (m)", "limited"]
    methods = sorted({entry["task_method"] for entry in entries} | {m["method"] for e in entries for m in e["means"]})
    return page.section(
        "Tasks",
        page.table(header, rows, numbers=(2, 3, 5, 6, 7)),
        page.paragraph("Intervals: " + "; ".join(methods) + ".", faint=True),
    )


def _row(task: dict[str, Any], second: bool) -> list[str]:
    low, high = task["interval"]
    return [
        escape(task["name"]),
        escape(task["group"]),
        f"{task['successes']} of {task['episodes']}",
        page.percent(task.get("rate"), 0),
        page.interval_bar(task.get("rate"), low, high, second),
        _number(task.get("median_steps_to_success"), 0),
        _number(task.get("median_path_length"), 2),
        _number(_hundredfold(task.get("limited_share")), 1, " %"),
    ]


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "–" if value is None else f"{value:.{digits}f}{unit}"


def _strips(run: Run, episodes: list[Episode], entry: dict[str, Any]) -> str:
    shown: list[str] = []
    for success in (False, True):
        count = 0
        for episode in episodes:
            if episode.video is None or episode.success != success or count >= _STRIPS:
                continue
            address = film_strip(run.path.parent / episode.video)
            if address is not None:
                caption = f"{episode.task}, seed {episode.seed}, {episode.steps} steps, {episode.ending}"
                shown.append(page.strip(address, caption, success))
                count += 1
    return page.section(f"Film strips: {entry['name']}", *shown)


def _endings(episodes: list[Episode], entry: dict[str, Any]) -> str:
    failures = [episode for episode in episodes if not episode.success]
    if not failures:
        return ""
    rows = []
    for ending, count in Counter(episode.ending for episode in failures).most_common():
        tasks = Counter(episode.task for episode in failures if episode.ending == ending)
        seeds = [f"{task} ({number})" for task, number in tasks.most_common(8)]
        rows.append(([escape(ending), str(count), escape(", ".join(seeds))], False))
    return page.section(
        f"How failures ended: {entry['name']}", page.table(["ending", "episodes", "tasks"], rows, numbers=(1,))
    )


def _latency(runs: list[Run], episodes: list[list[Episode]], entries: list[dict[str, Any]]) -> str:
    values: dict[str, list[float]] = {}
    for run, found, entry in zip(runs, episodes, entries, strict=True):
        row = [step.latency["round_trip"] for episode in found for step in run.steps(episode) if "round_trip" in step.latency]
        if row:
            values[entry["name"]] = row
    rows = []
    for entry in entries:
        for stage in entry["latency"]:
            cells = [escape(entry["name"]), escape(stage["name"])]
            rows.append((cells + [f"{stage[key]:.2f}" for key in ("median", "p90", "p99")], False))
    plot = figures.histogram(values, "round trip of a policy step (ms)") if values else ""
    return page.section(
        "Latency",
        page.figure(plot, "Round trips as the robot sees them."),
        page.table(["run", "stage", "median (ms)", "p90", "p99"], rows, numbers=(2, 3, 4)) if rows else "",
    )


def _ways(run: Run, episodes: list[Episode], entry: dict[str, Any]) -> str:
    names = entry["proprioception"]
    paths = []
    for episode in sorted(episodes, key=lambda episode: episode.success):
        positions = run.positions(episode, names) if len(paths) < _TRAJECTORIES else None
        if positions is not None and len(positions) > 1:
            paths.append((episode.success, positions))
    if not paths:
        return ""
    axes = tuple(name.removeprefix("end_effector_") for name in POSITION)
    caption = f"{len(paths)} episodes from above and from the side, failures first; a dot marks the end."
    return page.section(f"Trajectories: {entry['name']}", page.figure(figures.trajectories(paths, axes), caption))


def _confidence(run: Run, episodes: list[Episode], entry: dict[str, Any]) -> str:
    facts = entry.get("confidence")
    if not facts:
        return ""
    curves: dict[str, list[np.ndarray]] = {"success": [], "failure": []}
    grid = np.linspace(0, 1, 40)
    for episode in episodes:
        row = [step.confidence for step in run.steps(episode) if step.confidence is not None]
        if len(row) > 1:
            curves["success" if episode.success else "failure"].append(np.interp(grid, np.linspace(0, 1, len(row)), row))
    medians = {name: np.median(rows, axis=0) for name, rows in curves.items() if rows}
    area = facts.get("area_under_curve")
    words = "There are no failures to tell from successes." if area is None else (
        f"A successful episode has a higher mean confidence than a failed one with probability {area:.2f} (AUROC; 0.5 is chance)."
    )
    return page.section(
        f"Confidence: {entry['name']}",
        page.paragraph(words),
        page.pair(
            page.figure(figures.calibration(facts["bins"]), "Success rate by mean confidence, with 95 % intervals."),
            page.figure(figures.confidence_over_time(medians), "Does confidence fall before a failure?") if medians else "",
        ),
    )


def _origin(run: Run, entry: dict[str, Any]) -> str:
    configuration = run.configuration
    subject = configuration["subject"]
    values = {
        "suite": f"{subject['suite']} ({subject['suiteDigest'][:12]})",
        "policy": f"{subject['policy']} ({subject['policyDigest'][:12]})" if subject["policyDigest"] else subject["policy"],
        "mode": subject["mode"] + (f", {subject['addedDelay']:g} ms added" if subject["addedDelay"] else ""),
        "weights": subject["weights"],
        "step limit": subject.get("stepLimit"),
        "machine": configuration["machine"],
        "date": entry["date"],
        **configuration["versions"],
    }
    return page.section(f"Made by: {entry['name']}", page.facts(values), page.preformatted(configuration["command"]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="uio2_envs.report", description="The HTML report of evaluation runs.")
    parser.add_argument("summary", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    text = build(json.loads(options.summary.read_text()))
    draft = options.output.with_name(options.output.name + ".part")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, options.output)


if __name__ == "__main__":
    main()
