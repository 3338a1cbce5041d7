"""Figures beside a run's episodes: kept in its database, shown in its report, refused where there is no run for them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_report import make_run

from uio2_envs.report.__main__ import build
from uio2_envs.report.run import Run
from uio2_envs.run_figures import Figure, NoRun, RunFigures

REPOSITORY = Path(__file__).resolve().parents[2]
UIO2 = REPOSITORY / ".build/release/uio2"


def marked(folder: Path, version: int = 2) -> dict:
    entry = make_run(folder, "expert", 0.9)
    with sqlite3.connect(entry["database"]) as database:
        database.execute(f"PRAGMA application_id = {0x55494F32}")
        database.execute(f"PRAGMA user_version = {version}")
    return entry


def test_figures_are_kept_in_the_run_and_shown_in_its_report(tmp_path: Path) -> None:
    entry = marked(tmp_path / "run")
    summary = {"title": "t", "runs": [entry], "comparison": None}
    assert "Measured beside" not in build(summary) and Run(Path(entry["database"])).figures() == []
    run = RunFigures(tmp_path / "run", "two")
    run.add([Figure("frames <from> above", "egl", 322.4, "a second")], "measure --run r", {"mujoco": "3.3.0"})
    RunFigures(Path(entry["database"]), "two").add([Figure("primitives", "", 12345.6, "a second")], "again", {})
    (_, origin, first), (_, _, second) = Run(Path(entry["database"])).figures()
    assert first == [Figure("frames <from> above", "egl", 322.4, "a second")] and second[0].value == 12345.6
    assert origin["command"] == "measure --run r" and "processors" in origin["machine"]
    page = build(summary)
    for words in ("Measured beside: expert", "frames &lt;from&gt; above", "322.4", "12,346", "measure --run r", "3.3.0"):
        assert words in page
    assert not Path(f"{entry['database']}-wal").exists() and not Path(f"{entry['database']}-journal").exists()


def test_what_is_no_run_for_them_is_refused_and_stays(tmp_path: Path) -> None:
    entry = marked(tmp_path / "run")
    before = Path(entry["database"]).read_bytes()
    marked(tmp_path / "old", version=1)
    (tmp_path / "text").write_text("no database at all")
    (tmp_path / "empty").mkdir()
    for path, words in (("run", "is a run of two"), ("old", "version 2"), ("text", "cannot be used"), ("empty", "cannot be"), ("none", "cannot be used")):  # fmt: skip
        with pytest.raises(NoRun, match=words):
            RunFigures(tmp_path / path, "tabletop")
    for name, change in (("bare", "UPDATE run SET configuration = '{}'"), ("none of its", "DELETE FROM run")):
        other = marked(tmp_path / name)
        with sqlite3.connect(other["database"]) as database:
            database.execute(change)
        with pytest.raises(NoRun, match="of which suite"):
            RunFigures(tmp_path / name, "tabletop")
    RunFigures(tmp_path / "run", "two")
    assert Path(entry["database"]).read_bytes() == before and not (tmp_path / "none").exists()
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.skipif(not UIO2.exists(), reason="swift build -c release --product uio2 has not run")
@pytest.mark.skipif(find_spec("mujoco") is None, reason="needs MuJoCo")
def test_the_tables_figures_are_in_a_run_that_uio2_opens(tmp_path: Path) -> None:
    variables = os.environ | {"UIO2_PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path)}

    def said(*command: object) -> str:
        done = subprocess.run([str(word) for word in command], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False, env=variables)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    run = tmp_path / "run"
    suite = [UIO2, "evaluate", "tabletop-l1", "--policy", "expert", "--loop", "open", "--episodes", "1", "--run", run]
    said(*suite)
    measuring = [sys.executable, "-m", "uio2_tabletop", "measure", "--families", "put-into", "--levels", "l1", "--episodes", "1"]
    said(*measuring, "--no-drawing", "--run", run, "--json", tmp_path / "figures.json")
    rate = json.loads((tmp_path / "figures.json").read_text())["primitives_per_s"]
    (_, _, figures) = Run(run / "run.db").figures()[0]
    assert figures[0] == Figure("primitives", "all tasks, without drawing", rate, "a second of one core")
    said(UIO2, "report", run)
    assert "Measured beside: expert" in (run / "report.html").read_text()
    # The run is one as before.
    assert "9 of 9 planned episodes finished" in said(UIO2, "runs", "show", run)
    said(*suite, "--resume")
    refused = subprocess.run([*measuring, "--run", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60, env=variables)  # fmt: skip
    assert refused.returncode == 2 and "uio2 evaluate makes a run" in refused.stderr and not refused.stdout
