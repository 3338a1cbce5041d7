"""What is made when, and how failures decide what is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import curve
from dagger import update_sampling
from spec import MT10, MT50
from state import Progress
from supervise import EARLY_ROUNDS, FIRST_ROUNDS, next_work, numbers


def test_demonstrations_come_first_then_follow_the_training() -> None:
    start = Progress()
    assert next_work(MT50, start, 0, 0) == "demonstrations"
    assert next_work(MT50, start, FIRST_ROUNDS, 0) == "nothing"
    early = Progress(samples=10_000, seconds=60.0)
    assert next_work(MT50, early, FIRST_ROUNDS + 3, 0) == "demonstrations"
    assert next_work(MT50, early, FIRST_ROUNDS + 4, 0) == "nothing"
    later = Progress(samples=140_000, seconds=60.0)
    assert next_work(MT50, later, EARLY_ROUNDS + 19, 0) == "demonstrations"
    assert next_work(MT50, later, EARLY_ROUNDS + 20, 0) == "nothing"


def test_dagger_waits_for_minutes_and_samples_then_keeps_up() -> None:
    early = Progress(samples=MT50.samples_a_flight, seconds=60.0 * 5)
    assert next_work(MT50, early, FIRST_ROUNDS, 0) == "demonstrations"
    ready = Progress(samples=MT50.samples_a_flight, seconds=60.0 * 60)
    assert next_work(MT50, ready, FIRST_ROUNDS, 0) == "dagger"
    assert next_work(MT50, ready, FIRST_ROUNDS, 1) == "demonstrations"
    assert next_work(MT50, ready, 2, 0) == "demonstrations"  # a new machine needs demonstrations first

    assert next_work(MT10, Progress(samples=MT10.samples_a_flight, seconds=60.0 * 20), 9, 0) == "dagger"


def test_rounds_are_read_from_names(tmp_path: Path) -> None:
    for name in ("demonstrations-00012.npz", "dagger-003-reach-v3.npz", "dagger-003-push-v3.npz", "held-out.npz"):
        (tmp_path / name).touch()
    assert numbers(tmp_path, "demonstrations") == {12} and numbers(tmp_path, "dagger") == {3}


def test_tasks_that_fail_are_drawn_more(tmp_path: Path) -> None:
    path = tmp_path / "sampling.json"
    update_sampling(path, {"reach-v3": 1.0, "push-v3": 0.0})
    weights = json.loads(path.read_text())["weights"]
    assert weights == {"reach-v3": 0.25, "push-v3": 1.25}
    rates = update_sampling(path, {"push-v3": 1.0})
    assert rates["reach-v3"] == 1.0 and 0.3 < rates["push-v3"] < 0.5


def test_the_curve_is_lines_of_json(tmp_path: Path) -> None:
    curve.append(tmp_path, "training", step=1, held_out_by_task={"reach-v3": 0.123456})
    curve.append(tmp_path, "closed-loop", successes=3)
    first, second = curve.read(tmp_path)
    assert first["kind"] == "training" and first["held_out_by_task"] == {"reach-v3": 0.1235} and "time" in first
    assert second["successes"] == 3
