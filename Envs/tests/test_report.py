"""The HTML report, of a run that is made up here."""

from __future__ import annotations

import json
import re
import sqlite3
from html.parser import HTMLParser
from pathlib import Path

import imageio.v2 as imageio
import numpy as np

from uio2_envs.report.__main__ import build
from uio2_envs.report.run import Episode, Run
from uio2_envs.report.sections import film_pairs

NAMES = ["end_effector_x", "end_effector_y", "end_effector_z", "gripper_opening"]
# The tables of Sources/RunDatabase/RunDatabase.swift.
TABLES = """
CREATE TABLE run (configuration TEXT NOT NULL);
CREATE TABLE episode (id INTEGER PRIMARY KEY, place INTEGER, task TEXT, task_group TEXT, seed INTEGER, attempt INTEGER, state TEXT,
  success_at_any_step INTEGER, success_at_end INTEGER, steps INTEGER, steps_to_success INTEGER, record TEXT);
CREATE TABLE step (id INTEGER PRIMARY KEY, episode INTEGER, step INTEGER, latency_ms TEXT, proprioception TEXT, tokens TEXT,
  confidence REAL, commands TEXT, limited INTEGER, reward REAL, success INTEGER);
"""


def make_run(folder: Path, name: str, rate: float, films: bool = False) -> dict:
    """A database with 40 episodes of two tasks, and the summary that belongs to it."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(3)
    path = folder / "run.db"
    database = sqlite3.connect(path)
    database.executescript(TABLES)
    subject = {"suite": "two", "suiteDigest": "cd" * 32, "policy": name, "policyDigest": "ab" * 32, "mode": "lockstep",
               "addedDelay": 0, "weights": "bf16", "stepLimit": 100}  # fmt: skip
    configuration = {"subject": subject, "episodes": [], "versions": {"uio2": "0.1.0"}, "machine": "two cores & <more>",
                     "command": "uio2 evaluate two --policy <P>"}  # fmt: skip
    database.execute("INSERT INTO run VALUES (?)", (json.dumps(configuration),))
    tasks = []
    for task in ("push-v3", "<reach>"):
        successes = 0
        for seed in range(20):
            success = bool(random.random() < rate)
            successes += success
            video = None
            if films and seed < 2:
                video = f"{len(tasks)}-{seed}.mp4"
                shades = np.tile(np.arange(0, 250, 25, dtype=np.uint8)[:, None, None, None], (1, 64, 128, 3))
                imageio.mimwrite(folder / video, list(shades), fps=10)
            record = {"episode": {"task": task, "group": "easy", "seed": seed}, "attempt": 1, "state": "finished",
                      "reason": "", "worker": 0, "successAtAnyStep": success, "successAtEnd": success, "steps": 40,
                      "heldSteps": 30 if seed == 7 else 0, "limitedActions": 2, "wallSeconds": 1, "video": video}  # fmt: skip
            cursor = database.execute(
                "INSERT INTO episode (place, task, task_group, seed, attempt, state, record) VALUES (?,?,?,?,?,?,?)",
                (seed, task, "easy", seed, 1, "finished", json.dumps(record)),
            )
            for step in range(10):
                position = [0.1 * np.sin(step / 3 + seed), 0.6 + 0.02 * step, 0.15, 1.0]
                latency = {"round_trip": float(random.lognormal(2, 0.3))}
                database.execute(
                    "INSERT INTO step (episode, step, latency_ms, proprioception, tokens, confidence, commands, limited, success)"
                    " VALUES (?,?,?,?,'[]',?,'[]',0,0)",
                    (cursor.lastrowid, step, json.dumps(latency), json.dumps(position), float(random.uniform(0.3, 0.9))),
                )
        tasks.append({"name": task, "group": "easy", "successes": successes, "episodes": 20, "rate": successes / 20,
                      "interval": [max(0, successes / 20 - 0.2), min(1, successes / 20 + 0.1)],
                      "median_steps_to_success": 40, "limited_share": 0.02, "median_jerk": 12.3,
                      "successes_at_end": successes - 1})  # fmt: skip
    database.commit()
    total = sum(task["successes"] for task in tasks)
    mean = {"name": "mean over tasks", "rate": total / 40, "interval": [total / 40 - 0.1, min(1, total / 40 + 0.1)],
            "method": "stratified", "is_group": False}  # fmt: skip
    return {"name": name, "description": "two tasks", "database": str(path), "means": [mean], "successes": total,
            "finished": 40, "planned": 42, "lost": 3, "abandoned": 0, "tasks": tasks, "task_method": "Clopper and Pearson",
            "latency": [{"name": "round_trip", "median": 7.4, "p90": 10.0, "p99": 15.5}], "proprioception": NAMES,
            "confidence": {"area_under_curve": 0.71, "bins": [{"mean_score": 0.6, "rate": 0.8, "low": 0.6, "high": 0.92}]},
            "date": "2026-01-02"}  # fmt: skip


class _Reader(HTMLParser):
    """Checks that elements are closed in order, and collects addresses."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attributes) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href") and value]

    def handle_startendtag(self, tag, attributes) -> None:
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href") and value]

    def handle_endtag(self, tag) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data) -> None:
        self.words.append(data)


def summary(folder: Path) -> dict:
    runs = [make_run(folder / "a", "mt5", 0.9, films=True), make_run(folder / "b", "other & co $\\x$", 0.6, films=True)]
    comparison = {"pairs": 40, "difference": -0.2, "interval": [-0.3, -0.05], "only_first": 9, "only_second": 1,
                  "p": 0.0215, "method": "Tango's score interval"}  # fmt: skip
    return {"title": "mt5 beside <other>", "runs": runs, "comparison": comparison}


def words_of(text: str) -> str:
    """The words of a page, whose elements are closed in order and which asks no one for anything."""
    reader = _Reader()
    reader.feed(text)
    assert reader.open == []
    assert all(address.startswith(("data:", "#")) for address in reader.addresses)
    assert not re.search(r"url\((?!#)|@import|<script", text)
    return " ".join(reader.words)


def test_the_page_is_whole_and_asks_no_one_for_anything(tmp_path: Path) -> None:
    text = build(summary(tmp_path))
    words = words_of(text)
    for part in ("<reach>", "other & co $\\x$", "40 of 42", "McNemar", "0.71", "held still", "uio2 evaluate two --policy <P>",
                 "at the end", "jerk (m/s³)", "12.3"):  # fmt: skip
        assert part in words, part
    assert text.count("data:image/jpeg;base64,") >= 4
    assert len(text) < 3_000_000


def test_a_run_without_episodes_has_a_page_too(tmp_path: Path) -> None:
    entry = make_run(tmp_path / "a", "mt5", 1.0)
    database = sqlite3.connect(entry["database"])
    database.executescript("DELETE FROM step; DELETE FROM episode;")
    database.commit()
    entry.update(tasks=[], means=[], successes=0, finished=0, latency=[], confidence=None)
    assert "0 of 42" in build({"title": "nothing yet", "runs": [entry]})


def table_rows(text: str) -> list[list[str]]:
    """The cells of the table of tasks, without markup."""
    body = re.search(r"<h2>Tasks</h2>.*?<tbody>(.*?)</tbody>", text, re.DOTALL)[1]
    rows = re.findall(r"<tr.*?>(.*?)</tr>", body, re.DOTALL)
    return [[re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)] for row in rows]


def test_rows_of_two_runs_are_matched_by_the_task_s_name(tmp_path: Path) -> None:
    """Whatever order the runs have their tasks in, and where one has a task that the other has not."""
    found = summary(tmp_path)
    found["runs"][1]["tasks"].reverse()
    found["runs"][1]["tasks"].append({**found["runs"][1]["tasks"][0], "name": "only-here"})
    rows = table_rows(build(found))
    names = [row[0] for row in rows[:5]]
    assert names == ["push-v3", "push-v3", "&lt;reach&gt;", "&lt;reach&gt;", "only-here"]
    by_name = {task["name"]: task for task in found["runs"][1]["tasks"]}
    assert rows[1][2] == f"{by_name['push-v3']['successes']} of 20"


def test_what_is_not_known_is_not_shown(tmp_path: Path) -> None:
    """An expert has no confidence and no digest; nothing is said of a deadline in lockstep."""
    entry = make_run(tmp_path / "a", "expert", 0.9)
    entry.update(confidence=None)
    words = words_of(build({"title": "expert", "runs": [entry]}))
    for part in ("AUROC", "Confidence", "valid for", "Success against"):
        assert part not in words, part


def change_configuration(entry: dict, **subject) -> None:
    """Changes what the subject of a run is."""
    with sqlite3.connect(entry["database"]) as database:
        (text,) = database.execute("SELECT configuration FROM run").fetchone()
        configuration = json.loads(text)
        configuration["subject"] |= subject
        database.execute("UPDATE run SET configuration = ?", (json.dumps(configuration),))


def test_runs_with_different_delays_have_a_curve_and_state_the_deadline(tmp_path: Path) -> None:
    entries = []
    for delay, rate in ((0, 0.9), (50, 0.8), (200, 0.2)):
        entry = make_run(tmp_path / f"{delay}", "mt5", rate)
        change_configuration(entry, mode="realtime", addedDelay=delay, deadline=120, policy="a $\\b$")
        entries.append({**entry, "name": f"mt5, {delay} ms added"})
    text = build({"title": "delays", "runs": entries})
    words = words_of(text)
    assert "Success against delay" in words and "valid for 120 ms" in words and "added delay (ms)" in text
    assert 'aria-label="success: a $\\b$ on two"' in text
    # Two runs with the same delay are no curve.
    assert "Success against delay" not in build({"title": "one", "runs": entries[:1] * 2})


def test_a_perturbed_suite_has_success_against_severity_for_each_kind(tmp_path: Path) -> None:
    entry = make_run(tmp_path / "a", "mt5", 0.9)
    groups = {"unperturbed": 0.95, "camera-1": 0.9, "camera-4": 0.1, "moved_object-2": 0.5}
    entry["means"] += [
        {"name": name, "rate": rate, "interval": [rate - 0.1, min(1, rate + 0.1)], "method": "exact", "is_group": True}
        for name, rate in groups.items()
    ]
    text = build({"title": "perturbed", "runs": [entry]})
    assert "Success against severity" in words_of(text)
    assert re.findall(r'aria-label="success: ([^"]*)"', text) == ["camera", "moved object"]
    assert "Success against severity" not in build(summary(tmp_path / "two"))


def test_versions_of_the_simulator_are_shown(tmp_path: Path) -> None:
    entry = make_run(tmp_path / "a", "mt5", 0.9)
    record = {"worker": 0, "simulator": {"name": "metaworld", "python": "3.11.2", "modules": [
        {"name": "mujoco", "version": "3.3.0"}, {"name": "odd", "version": None}]}}  # fmt: skip
    with sqlite3.connect(entry["database"]) as database:
        database.execute("CREATE TABLE worker (id INTEGER PRIMARY KEY, worker INTEGER, started REAL, record TEXT)")
        database.execute("INSERT INTO worker (worker, started, record) VALUES (0, 0, ?)", (json.dumps(record),))
    words = words_of(build({"title": "versions", "runs": [entry]}))
    assert re.search(r"mujoco\s+3\.3\.0", words) and re.search(r"Python\s+3\.11\.2", words)


def episode(task: str, seed: int, success: bool) -> Episode:
    return Episode(id=seed, task=task, group="", seed=seed, state="finished", reason="", success=success, success_at_end=success,
                   steps=9, held_steps=0, late_steps=0, limited_actions=0, video="film.mp4")  # fmt: skip


def test_a_film_of_a_failure_stands_beside_a_success_of_its_task() -> None:
    filmed = [episode("a", seed, seed != 2) for seed in range(5)] + [episode("b", 5, False), episode("c", 6, True)]
    pairs = [[(one.task, one.seed) for one in pair] for pair in film_pairs(filmed, 6)]
    # Failures first, each beside a success of its task where there is one; tasks take turns.
    assert pairs == [[("a", 2), ("a", 0)], [("b", 5), ("c", 6)], [("a", 1), ("a", 3)], [("a", 4)]]
    assert film_pairs([], 6) == [] and film_pairs(filmed, 1) == film_pairs(filmed, 6)[:1]
    successes = [episode(task, 10 * place + seed, True) for place, task in enumerate("xyz") for seed in range(2)]
    assert [one.task for pair in film_pairs(successes, 3) for one in pair] == ["x", "y", "z", "x", "y", "z"]


def test_each_method_of_intervals_names_its_means_and_untried_groups_are_told(tmp_path: Path) -> None:
    entry = make_run(tmp_path / "a", "mt5", 0.9) | {"untried_groups": ["very hard"]}
    entry["means"].append(entry["means"][0] | {"name": "mean over 2 groups", "method": "conservative"})
    text = build({"title": "one", "runs": [entry], "comparison": None, "comparison_note": None})
    assert "for mean over tasks: stratified; for mean over 2 groups: conservative" in text
    assert "of which no episode finished: very hard" in text


def test_reading_a_run_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "odd %20 ?" / "run.db"
    make_run(path.parent, "mt5", 0.9)
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    database.close()
    Run(path)
    assert [file.name for file in path.parent.iterdir()] == ["run.db"]


def test_every_command_that_worked_on_a_run_is_shown(tmp_path: Path) -> None:
    entry = make_run(tmp_path / "a", "mt5", 0.7)
    path = Path(entry["database"])
    assert Run(path).commands() == ["uio2 evaluate two --policy <P>"], "a run of an earlier program"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE session (id INTEGER PRIMARY KEY, started REAL, record TEXT)")
    for started, command, machine in ((1.0, "uio2 evaluate two", "here"), (90061.0, "uio2 evaluate two --resume", "there")):
        record = {"started": started, "command": command, "machine": machine, "versions": {}}
        database.execute("INSERT INTO session (started, record) VALUES (?, ?)", (started, json.dumps(record)))
    database.commit()
    assert Run(path).commands() == [
        "# 1970-01-01 00:00 UTC, here\nuio2 evaluate two",
        "# 1970-01-02 01:01 UTC, there\nuio2 evaluate two --resume",
    ]
    assert "uio2 evaluate two --resume" in build({"title": "x", "runs": [entry]})
