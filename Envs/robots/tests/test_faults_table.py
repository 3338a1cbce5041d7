"""The table of faults, from parts that were measured one after the other."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from uio2_robots.faults.__main__ import main
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
