"""The failures of a run as one small picture: which are shown, how large, and what is said where there is nothing to show."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_report import make_run

from uio2_envs.contact_sheet import main
from uio2_envs.report.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Films of the first two episodes of each of two tasks; one fails in nearly every episode."""
    make_run(tmp_path / "run", "mt5", 0.05, films=True)
    return tmp_path / "run"


def failed(run: Path) -> list[str]:
    return [f"{episode.task} seed {episode.seed}" for episode in Run(run / "run.db").episodes() if not episode.success]


def test_failures_are_shown_of_each_task_in_turn(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"push-v3 seed 0", "push-v3 seed 1", "<reach> seed 0"} <= set(failed(run))
    assert main([str(run), "--output", str(tmp_path / "a.jpg"), "--most", "3", "--columns", "4", "--height", "40"]) == 0
    assert capsys.readouterr().out.splitlines() == ["push-v3 seed 0", "<reach> seed 0", "push-v3 seed 1"]
    sheet = Image.open(tmp_path / "a.jpg")
    # Four pictures of 80 x 40 and what lies between them; the film gets brighter from the beginning to the end.
    assert sheet.format == "JPEG" and sheet.size == (4 * 80 + 3 * 2, 3 * (16 + 40 + 4))
    shades = [np.asarray(sheet)[26:46, 82 * place + 10 : 82 * place + 70].mean() for place in range(4)]
    assert shades == sorted(shades) and shades[3] - shades[0] > 100
    assert main([str(run), "--output", str(tmp_path / "b.jpg"), "--most", "1", "--height", "40", "--until", "0.3"]) == 0
    assert np.asarray(Image.open(tmp_path / "b.jpg"))[26:46, -60:].mean() < shades[2]


def test_an_episode_may_be_named(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(run / "run.db"), "--output", str(tmp_path / "a.jpg"), "--height", "40"]
    assert main([*words, "--episode", "<reach>:1", "--episode", "push-v3:0"]) == 0
    assert capsys.readouterr().out.splitlines() == ["<reach> seed 1", "push-v3 seed 0"]
    for wanted, said in (("<reach>:999", "has no episode <reach>:999"), ("push-v3:5", "has no film")):
        assert main([*words, "--episode", wanted]) == 5
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words, "--episode", "push-v3"])


def test_a_sheet_stays_small_or_says_that_it_cannot(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(run), "--output", str(tmp_path / "a.jpg"), "--most", "2", "--height", "64"]
    assert main(words) == 0
    large = len((tmp_path / "a.jpg").read_bytes())
    assert main([*words, "--bytes", str(large - 1)]) == 0
    data = (tmp_path / "a.jpg").read_bytes()
    assert len(data) < large and Image.open(io.BytesIO(data)).size == (6 * 128 + 5 * 2, 2 * 84)
    assert main([*words, "--bytes", "1000"]) == 5
    assert "more than 1000; take fewer" in capsys.readouterr().err and (tmp_path / "a.jpg").read_bytes() == data


def test_what_is_no_run_with_failures_is_said(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = ["--output", str(tmp_path / "a.jpg")]
    assert main([str(tmp_path / "none"), *output]) == 5 and "there is no run" in capsys.readouterr().err
    (tmp_path / "text").write_text("no database")
    assert main([str(tmp_path / "text"), *output]) == 5 and "is no run" in capsys.readouterr().err
    with sqlite3.connect(run / "run.db") as database:
        database.execute("""UPDATE episode SET record = replace(record, '"successAtAnyStep": false', '"successAtAnyStep": true')""")
    assert main([str(run), *output]) == 5 and "no episode failed" in capsys.readouterr().err
    assert not (tmp_path / "a.jpg").exists()
