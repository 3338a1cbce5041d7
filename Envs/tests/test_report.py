"""The HTML report, of a run that is made up here."""

from __future__ import annotations

import json
import re
import sqlite3
from html.parser import HTMLParser
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest

pytest.importorskip("matplotlib")

from uio2_envs.report.__main__ import build  # noqa: E402

NAMES = ["end_effector_x", "end_effector_y", "end_effector_z", "gripper_opening"]
# The tables of Sources/RunDatabase/RunDatabase.swift.
TABLES = """
CREATE TABLE run (configuration TEXT NOT NULL);
CREATE TABLE episode (id INTEGER PRIMARY KEY, place INTEGER, task TEXT, task_group TEXT, seed INTEGER, attempt INTEGER, state TEXT,
  success_at_any_step INTEGER, success_at_end INTEGER, steps INTEGER, steps_to_success INTEGER, record TEXT);
CREATE TABLE step (id INTEGER PRIMARY KEY, episode INTEGER, step INTEGER, latency_ms TEXT, proprioception TEXT, tokens TEXT,
  confidence REAL, commands TEXT, limited INTEGER, reward REAL, success INTEGER);
"""


def make_run(folder: Path, name: str, rate: float) -> dict:
    """A database with 40 episodes of two tasks, and the summary that belongs to it."""
    folder.mkdir()
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
            if seed < 2:
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
                      "median_steps_to_success": 40, "limited_share": 0.02})  # fmt: skip
    database.commit()
    total = sum(task["successes"] for task in tasks)
    mean = {"name": "mean over tasks", "rate": total / 40, "interval": [total / 40 - 0.1, min(1, total / 40 + 0.1)],
            "method": "stratified"}  # fmt: skip
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
    runs = [make_run(folder / "a", "mt5", 0.9), make_run(folder / "b", "other & co", 0.6)]
    comparison = {"pairs": 40, "difference": -0.2, "interval": [-0.3, -0.05], "only_first": 9, "only_second": 1,
                  "p": 0.0215, "method": "Tango's score interval"}  # fmt: skip
    return {"title": "mt5 beside <other>", "runs": runs, "comparison": comparison}


def test_the_page_is_whole_and_asks_no_one_for_anything(tmp_path: Path) -> None:
    text = build(summary(tmp_path))
    reader = _Reader()
    reader.feed(text)
    assert reader.open == []
    assert all(address.startswith(("data:", "#")) for address in reader.addresses)
    assert not re.search(r"url\((?!#)|@import|<script", text)
    words = " ".join(reader.words)
    for part in ("<reach>", "other & co", "40 of 42", "McNemar", "0.71", "held still", "uio2 evaluate two --policy <P>"):
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
