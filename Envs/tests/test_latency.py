"""Success and jerk against added latency: what is measured, and that it depends on nothing but the seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon, chunk_for, toy_capabilities
from test_robot import expert
from uio2_client import Client

from uio2_envs.latency import main, measure, patient, table, wilson


def test_rows_of_an_expert_are_the_same_every_time() -> None:
    first, second = (measure("toy", ["reach-red", "reach-green"], [0, 40, 100], range(5), None) for _ in range(2))
    assert first == second
    without, some, more = first
    assert without.successes == without.episodes == 10 and without.held == 0
    # One action an answer, and two or five control steps for each answer.
    assert some.held == pytest.approx(2 / 3, abs=0.02) and more.held > some.held
    assert some.steps_to_success > 2 * without.steps_to_success
    assert some.jerk > without.jerk, "the point stops after each action"


def test_a_delay_within_a_chunk_costs_no_stop() -> None:
    with FakeDaemon(expert, toy_capabilities()) as daemon, Client(daemon.address) as client:
        plain, delayed, long = measure("toy", ["reach-green"], [0, 40, 200], range(4), client)
    assert plain.successes == delayed.successes > 0
    # Only the first answer of an episode is waited for.
    assert plain.held == 0 and delayed.skipped > 0 and delayed.held < 0.2
    assert long.held > 0.5 and long.skipped == 0


def test_answers_beyond_their_deadline_are_not_executed() -> None:
    def answer(index, seen):
        return chunk_for(seen, [[0.01, 0.0]] * 4, valid_ns=50_000_000)

    with FakeDaemon(answer, toy_capabilities()) as daemon, Client(daemon.address) as client:
        (row,) = measure("toy", ["reach-green"], [60], range(2), client, step_limit=30)
    assert row.successes == 0 and row.held == 1


def test_intervals_and_words() -> None:
    assert wilson(0, 0) == (0, 1) and wilson(10, 10) == pytest.approx((0.722, 1), abs=1e-3)
    assert wilson(5, 10) == pytest.approx((0.237, 0.763), abs=1e-3)
    (row,) = measure("toy", ["reach-red"], [0], range(2), None)
    assert "| 0 ms | 2 of 2 | 34% to 100% |" in table([row])


def test_a_patient_policy_differs_in_its_deadline_alone(tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "policy.json").write_text(json.dumps({"name": "a", "control": {"rate_hz": 20, "deadline_ms": 200}}))
    (tmp_path / "policy" / "weights").write_text("w")
    copy = patient(tmp_path / "policy", 900, tmp_path / "copy")
    assert json.loads((copy / "policy.json").read_text()) == {"name": "a", "control": {"rate_hz": 20, "deadline_ms": 900}}
    assert (copy / "weights").read_text() == "w"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.json"
    assert main(["toy", "--task", "reach-red", "--policy", "expert", "--delays", "0,20", "--episodes", "1", "--json", str(file)]) == 0
    assert capsys.readouterr().out.count("| 1 of 1 |") == 2
    assert [row["delay_ms"] for row in json.loads(file.read_text())] == [0, 20]
    assert main(["toy", "--task", "reach-red", "--policy", str(tmp_path)]) == 5
    assert "policy.json" in capsys.readouterr().err
