"""What ``uio2 runs export`` writes, read by PyPI's robostats: the same episodes, and the same figures."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import robostats

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / ".build" / "release" / "uio2"
FIELDS = {"success_field": "success", "policy_id_field": "policy_id", "task_id_field": "task", "seed_field": "seed",
          "scenario_fields": ("scenario_id",), "protocol": robostats.Protocol(max_steps=14)}  # fmt: skip


def uio2(*arguments: str | Path) -> str:
    done = subprocess.run([TOOL, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of the toy with so few steps that some episodes fail, and more of them in the second."""
    folder = tmp_path_factory.mktemp("runs")
    suite = folder / "short.yaml"
    toy = (ROOT / "Envs" / "suites" / "toy.yaml").read_text()
    suite.write_text(toy.replace("name: toy", "name: short").replace("step_limit: 100", "step_limit: 14"))
    # The second run's robot waits 60 ms for each command, three of the fourteen steps.
    later = ("--mode", "realtime", "--added-delay", "60")
    for name, options in (("first", ()), ("second", later)):
        uio2("evaluate", suite, "--policy", "expert", "--episodes", "6", "--run", folder / name, *options)
    return folder / "first", folder / "second"


def exported(run: Path, form: str) -> robostats.RecordSet:
    file = run.with_suffix(f".{form}")
    uio2("runs", "export", run, "--format", form, "-o", file)
    load: Callable[..., robostats.RecordSet] = robostats.load_csv if form == "csv" else robostats.load_jsonl
    return load(file, **FIELDS)


def percentages(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"([-+]?\d+\.\d+)", text)]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_rates_and_intervals_are_those_of_robostats(runs: tuple[Path, Path], form: str) -> None:
    records = exported(runs[0], form)
    assert records.n() == 12 and records.policies == ("expert",)
    rows = {line.split("|")[1].strip(): line for line in uio2("runs", "export", runs[0], "--format", "markdown").splitlines()
            if line.startswith("| reach")}  # fmt: skip
    assert set(rows) == set(records.tasks) == {"reach-red", "reach-green"}
    for task, line in rows.items():
        found = records.filter(task_id=task)
        interval = robostats.clopper_pearson(found.success_count(), found.n())
        rate, low, high = percentages(line)[:3]
        assert f"{found.success_count()} of {found.n()}" in line
        expected = [100 * found.success_count() / found.n(), 100 * interval.lower, 100 * interval.upper]
        assert [rate, low, high] == pytest.approx(expected, abs=0.0501)


def test_a_comparison_is_that_of_robostats(runs: tuple[Path, Path]) -> None:
    first, second = (exported(run, "csv") for run in runs)
    # Policies are told apart by their names there; here both are the expert.
    second = robostats.RecordSet(
        [robostats.EpisodeRecord("later", r.task_id, r.success, r.scenario_id, r.protocol, seed=r.seed) for r in second],
        scenario_spec=second.scenario_spec,
    )
    paired = robostats.pair(second, first)
    interval, test = robostats.paired_difference(paired), robostats.mcnemar(paired)
    line = next(line for line in uio2("compare", *runs).splitlines() if line.startswith("all"))
    pairs, both, only_first, only_second = map(int, re.findall(r"\d+", line)[:4])
    assert (pairs, both, only_first, only_second) == (
        paired.n_pairs, paired.n_both_success, paired.n_b_success_a_failure, paired.n_a_success_b_failure)  # fmt: skip
    assert only_first > 0
    difference, low, high = percentages(line)[:3]
    expected = [100 * (only_second - only_first) / pairs, 100 * interval.lower, 100 * interval.upper]
    assert [difference, low, high] == pytest.approx(expected, abs=0.0501)
    assert float(line.split()[-1]) == pytest.approx(test.p_value, rel=0.005)
