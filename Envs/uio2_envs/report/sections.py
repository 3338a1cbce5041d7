"""The parts of the page, from what ``uio2 report`` has computed and what the runs' databases hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from . import figures, page
from .media import film_strip
from .run import POSITION, Episode, Run

_STRIPS = 6
_TRAJECTORIES = 40
_FOLDED_ROWS = 60
"""A longer table is folded."""
_SHOWN_GROUPS = 6
"""More groups than these are shown as curves or rows, not as cards."""


def headline(run: Run, episodes: list[Episode], entry: dict[str, Any]) -> str:
    """A run's figures in large, and what a reader must know of them."""
    groups = [mean for mean in entry["means"] if mean.get("is_group")]
    cards = []
    for mean in entry["means"]:
        if mean.get("is_group") and len(groups) > _SHOWN_GROUPS:
            continue
        low, high = mean["interval"]
        cards.append((page.percent(mean["rate"]), f"{mean['name']} ({page.percent(low)} to {page.percent(high)})"))
    cards.append((f"{entry['successes']} of {entry['finished']}", "episodes succeeded"))
    notes = [f"{entry['name']}: {entry['description']}"]
    settled = entry["finished"] + entry["abandoned"]
    if settled < entry["planned"]:
        notes.append(f"The run is not complete: {settled} of {entry['planned']} episodes have an outcome.")
    if entry["lost"]:
        notes.append(f"The simulator lost {entry['lost']} attempts, which were repeated; {entry['abandoned']} were given up.")
    if entry.get("untried_groups"):
        notes.append(f"No mean counts these groups, of which no episode finished: {', '.join(entry['untried_groups'])}.")
    if run.is_realtime and run.deadline is not None:
        notes.append(f"The world did not wait. An answer was valid for {run.deadline:g} ms after the robot had looked.")
    steps, late = sum(episode.steps for episode in episodes), sum(episode.late_steps for episode in episodes)
    if late:
        notes.append(f"{page.percent(late / steps)} of the control steps began late, because the simulator could not keep up.")
    return "".join(page.paragraph(note) for note in notes) + page.headline(cards)


def comparison(found: dict[str, Any] | None, note: str | None) -> str:
    """Two runs on the same episodes, or why they are not compared."""
    if not found:
        return page.section("Comparison", page.paragraph(f"The runs are not compared: {note}")) if note else ""
    low, high = found["interval"]
    text = (
        f"On {found['pairs']} episodes with the same task and seed the second run solves "
        f"{100 * found['difference']:+.1f} points (95 % interval {100 * low:+.1f} to {100 * high:+.1f}, {found['method']}). "
        f"{found['only_first']} episodes only the first run solved, {found['only_second']} only the second; "
        f"McNemar's exact test gives p = {found['p']:.3g}."
    )
    return page.section("Comparison", page.paragraph(text))


def _methods(entries: Sequence[dict[str, Any]]) -> list[str]:
    """How intervals were made; where means have several methods, each with the means that it made."""
    means: dict[str, dict[str, None]] = {}
    for entry in entries:
        for mean in entry["means"]:
            # The mean over one task has the task's own interval.
            if not entry["task_method"].startswith(mean["method"]):
                means.setdefault(mean["method"], {})[mean["name"]] = None
    own = list(dict.fromkeys(entry["task_method"] for entry in entries))
    return own + [f"for {'means' if len(means) == 1 else ', '.join(names)}: {method}" for method, names in means.items()]


def tasks(entries: Sequence[dict[str, Any]]) -> str:
    """A row a task and run; the runs' rows of one task stand together, found by its name."""
    names = list(dict.fromkeys(task["name"] for entry in entries for task in entry["tasks"]))
    by_name = [{task["name"]: task for task in entry["tasks"]} for entry in entries]
    rows: list[tuple[list[str], bool]] = []
    for name in names:
        for place, found in enumerate(by_name):
            if name in found:
                rows.append((_row(found[name], place), False))
    totals: list[tuple[list[str], bool]] = []
    for place, entry in enumerate(entries):
        for mean in entry["means"]:
            low, high = mean["interval"]
            bar = page.interval_bar(mean["rate"], low, high, place)
            totals.append(([escape(mean["name"]), "", "", page.percent(mean["rate"]), bar, "", "", "", "", ""], True))
    header = ["task", "group", "solved", "rate", "95 % interval", "at the end", "steps", "path (m)", "jerk (m/s³)",
              "limited"]  # fmt: skip
    numbers = (2, 3, 5, 6, 7, 8, 9)
    if len(rows) > _FOLDED_ROWS:
        table = page.table(header, totals, numbers) + page.folded(f"{len(rows)} rows of tasks", page.table(header, rows, numbers))
    else:
        table = page.table(header, rows + totals, numbers)
    words = (
        "Steps (to success), path and jerk of the end effector are medians over episodes, of an even number the lower of the two in"
        " the middle. At the end: solved in the last state. Limited: actions that the safety envelope changed. Intervals: "
        + "; ".join(_methods(entries)) + "."
    )
    return page.section("Tasks", page.legend([e["name"] for e in entries]), table, page.paragraph(words, faint=True))


def _row(task: dict[str, Any], place: int) -> list[str]:
    low, high = task["interval"]
    return [
        escape(task["name"]),
        escape(task["group"]),
        f"{task['successes']} of {task['episodes']}",
        page.percent(task.get("rate"), 0),
        page.interval_bar(task.get("rate"), low, high, place),
        f"{task['successes_at_end']} of {task['episodes']}",
        _number(task.get("median_steps_to_success"), 0),
        _number(task.get("median_path_length"), 2),
        _number(task.get("median_jerk"), 1),
        _number(_hundredfold(task.get("limited_share")), 1, " %"),
    ]


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "–" if value is None else f"{value:.{digits}f}{unit}"


def strips(run: Run, episodes: list[Episode], entry: dict[str, Any]) -> str:
    """Failures and successes beside each other, of the same task where both were filmed."""
    shown = [
        page.pair(*[_strip(run, episode) for episode in pair], *[""] * (2 - len(pair)))
        for pair in film_pairs([episode for episode in episodes if episode.video is not None], _STRIPS)
    ]
    return page.section(f"Film strips: {entry['name']}", *shown)


def film_pairs(filmed: Sequence[Episode], rows: int) -> list[list[Episode]]:
    """Episodes for ``rows`` rows of two: a failure and a success of its task, then what is left, a task once before it comes again."""
    waiting = {outcome: [e for e in filmed if e.success is outcome] for outcome in (False, True)}

    seen: set[str] = set()

    def take(outcome: bool, task: str | None = None) -> Episode | None:
        """One that waits: of the task, or of one that has been shown no more often than others."""
        rest = waiting[outcome]
        if task is None and rest and all(episode.task in seen for episode in rest):
            seen.clear()
        fitting = (e for e in rest if (e.task not in seen if task is None else e.task == task))
        found = next(fitting, None)
        if found is not None:
            rest.remove(found)
            seen.add(found.task)
        return found

    pairs: list[list[Episode]] = []
    while len(pairs) < rows and (waiting[False] or waiting[True]):
        left = take(False) or take(True)
        right = (take(True, left.task) if not left.success else None) or take(True)
        pairs.append([episode for episode in (left, right) if episode is not None])
    return pairs


def _strip(run: Run, episode: Episode) -> str:
    address = film_strip(run.path.parent / episode.video)
    caption = f"{episode.task}, seed {episode.seed}, {episode.steps} steps, {episode.ending}"
    return page.paragraph(f"{caption}: the film cannot be read", faint=True) if address is None else (
        page.strip(address, caption, episode.success)
    )


def endings(episodes: list[Episode], entry: dict[str, Any]) -> str:
    """Failures grouped by how they end."""
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


def latency(runs: Sequence[Run], episodes: Sequence[list[Episode]], entries: Sequence[dict[str, Any]]) -> str:
    """Round trips as a histogram, and every stage as percentiles."""
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
        page.figure(plot, "Round trips as the robot sees them.", wide=True),
        page.table(["run", "stage", "median (ms)", "p90", "p99"], rows, numbers=(2, 3, 4)) if rows else "",
    )


def trajectories(run: Run, episodes: list[Episode], entry: dict[str, Any]) -> str:
    """Ways of the end effector."""
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
    return page.section(f"Trajectories: {entry['name']}", page.figure(figures.trajectories(paths, axes), caption, wide=True))


def confidence(run: Run, episodes: list[Episode], entry: dict[str, Any]) -> str:
    """Whether confidence tells successes from failures; nothing where the policy gives none."""
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
    words = "There are no failures to tell from successes, or the other way round." if area is None else (
        f"A successful episode has a higher mean confidence than a failed one with probability {area:.2f} (AUROC; 0.5 is chance)."
    )
    parts = [page.figure(figures.calibration(facts["bins"]), "Success rate by mean confidence, with 95 % intervals.")]
    if medians:
        parts.append(page.figure(figures.confidence_over_time(medians), "Does confidence fall before a failure?"))
    return page.section(f"Confidence: {entry['name']}", page.paragraph(words), page.pair(*parts))


def origin(run: Run, entry: dict[str, Any]) -> str:
    """What made the run: the exact commands and every version."""
    subject = run.subject
    mode = subject["mode"]
    if run.is_realtime:
        mode += f", {subject['addedDelay']:g} ms added"
        if run.deadline is not None:
            mode += f", answers valid for {run.deadline:g} ms"
    values = {
        "suite": f"{subject['suite']} ({subject['suiteDigest'][:12]})",
        "policy": f"{subject['policy']} ({subject['policyDigest'][:12]})" if subject["policyDigest"] else subject["policy"],
        "mode": mode,
        "weights": subject["weights"],
        "activations": subject.get("activations"),
        "step limit": subject.get("stepLimit"),
        "success": {"end": "in the last state", "any": "at any step"}.get(subject.get("success", "")),
        "machine": run.configuration["machine"],
        "date": entry["date"],
        **run.versions(),
    }
    return page.section(f"Made by: {entry['name']}", page.facts(values), page.preformatted("\n".join(run.commands())))
