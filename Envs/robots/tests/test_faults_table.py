"""The table of faults, from parts that were measured one after the other."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from uio2_robots.faults import __main__ as command
from uio2_robots.faults.__main__ import main
from uio2_robots.faults.rig import TrialFailure
from uio2_robots.faults.trial import Outcome


def test_parts_make_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [
        [
            Outcome("daemon-killed", 0, speed=0.2, distance=0.02, bound=0.05, seconds=0.2),
            Outcome("interrupt", 0, speed=0.1),
        ],
        [
            Outcome("daemon-killed", 1, speed=0.1, distance=0.03, bound=0.04, seconds=0.1),
            Outcome("daemon-killed", 2, "no"),
        ],
    ]
    files = []
    for place, outcomes in enumerate(parts):
        files.append(tmp_path / f"{place}.json")
        files[-1].write_text(json.dumps([asdict(outcome) for outcome in outcomes]))
    assert main(["--tabulate", *map(str, files)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[2] == "| daemon-killed | 2 of 3 | 0.10 to 0.20 m/s | 0.20 s | 30.0 mm | 40.0 mm | 75 % |"
    assert rows[3].startswith("| interrupt | 1 of 1 |") and len(rows) == 4


def test_a_place_for_the_trials_that_is_none_is_refused_before_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--json", str(tmp_path), "--only", "interrupt"])
    assert caught.value.code == 2 and "is a folder" in capsys.readouterr().err


class NoRig:
    def __init__(self, *_: object) -> None:
        pass

    def recover(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_run_without_a_trial_leaves_the_last_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> list[Outcome]:
        raise TrialFailure("the daemon does not start")

    (tmp_path / "trials.json").write_text("[1]")
    monkeypatch.setattr(command, "Rig", NoRig)
    monkeypatch.setattr(command, "Trial", lambda *_: SimpleNamespace(run=run))
    with pytest.raises(TrialFailure):
        main(["--json", str(tmp_path / "trials.json")])
    assert (tmp_path / "trials.json").read_text() == "[1]"


def test_trials_that_cannot_be_kept_are_still_tabled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "Rig", NoRig)
    run = SimpleNamespace(run=lambda: [Outcome("interrupt", 0, speed=0.1)])
    monkeypatch.setattr(command, "Trial", lambda *_: run)
    assert main(["--only", "interrupt", "--trials", "1", "--json", "/dev/full"]) == 5
    said = capsys.readouterr()
    assert "| interrupt | 1 of 1 |" in said.out and "/dev/full: cannot be written" in said.err
