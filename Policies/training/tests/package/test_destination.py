"""Datasets go into new folders, whole or not at all, and no recording counts twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("av")
pytest.importorskip("mcap")
pytest.importorskip("zmq")

from test_from_recording import Tape, episodes_of, recorded, taken_over  # noqa: E402

from uio2_train.__main__ import main  # noqa: E402
from uio2_train.data.folder import FolderWriter  # noqa: E402
from uio2_train.data.lerobot_writer import LeRobotWriter  # noqa: E402
from uio2_train.errors import TrainingError  # noqa: E402


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    recorded(tmp_path / "a.mcap")
    return tmp_path / "a.mcap"


def test_what_is_no_new_folder_is_refused_and_stays(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    before = contents(tmp_path)
    for output, words in (
        ("file", "is no folder"), ("used", "holds notes.txt"), ("dangling", "is no folder"),
        ("file/made", "file is no folder"), ("x" * 300, "cannot be made"), ("a\0b", "cannot be made"),
    ):  # fmt: skip
        assert words in said(["from-recording", str(recording), str(tmp_path / output)], capsys)
        command = ["collect", "--env", "metaworld:reach-v3", "--episodes", "1"]
        assert words in said([*command, "--output", str(tmp_path / output)], capsys)
    assert contents(tmp_path) == before and not (tmp_path / "nowhere").exists()
    for write in (
        lambda: FolderWriter(tmp_path / "used", 10, {}, [], []),
        lambda: LeRobotWriter(tmp_path / "used", 10, {}, ["x"], ["dx"]),
    ):
        with pytest.raises(TrainingError, match="holds notes.txt"):
            write()


def test_an_empty_folder_is_a_new_one(tmp_path: Path, recording: Path) -> None:
    (tmp_path / "made").mkdir()
    assert main(["from-recording", str(recording), str(tmp_path / "made")]) == 0
    assert len(episodes_of(tmp_path / "made")) == 3
    assert not list(tmp_path.glob(".*"))


def test_a_conversion_that_fails_leaves_nothing(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = Tape(tmp_path / "b.mcap")
    tape.hello("c")
    for place in range(3):
        tape.step("c", place)
    tape.spoil("c", 3)
    tape.close()
    words = ["from-recording", str(recording), str(tmp_path / "b.mcap"), str(tmp_path / "made")]
    assert "wrist" in said(words, capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mcap", "b.mcap"]


def test_a_recording_that_is_given_twice_is_refused_whatever_it_is_called(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link.mcap").symlink_to(recording)
    (tmp_path / "hard.mcap").hardlink_to(recording)
    shutil.copy(recording, tmp_path / "copy.mcap")
    whole = recording.read_bytes()
    (tmp_path / "cut.mcap").write_bytes(whole[: len(whole) * 2 // 3])
    for name in ("a.mcap", "link.mcap", "hard.mcap", "copy.mcap", "cut.mcap"):
        error = said(["from-recording", str(recording), str(tmp_path / name), str(tmp_path / "made")], capsys)
        assert "twice" in error and name in error and "a.mcap" in error
    assert not (tmp_path / "made").exists()


def test_recordings_of_different_episodes_are_taken_together(tmp_path: Path, recording: Path) -> None:
    taken_over(tmp_path / "b.mcap")
    assert main(["from-recording", str(recording), str(tmp_path / "b.mcap"), str(tmp_path / "made")]) == 0
    assert sorted(episode["steps"] for episode in episodes_of(tmp_path / "made")) == [5, 5, 12, 12]


def test_an_episode_that_was_flown_again_is_another_one(tmp_path: Path, recording: Path) -> None:
    """A simulator's clock and a seed make both alike; their times differ."""
    recorded(tmp_path / "b.mcap", begins=1_700_000_100_000_000_000)
    assert main(["from-recording", str(recording), str(tmp_path / "b.mcap"), str(tmp_path / "made")]) == 0
    assert len(episodes_of(tmp_path / "made")) == 6
    info = json.loads((tmp_path / "made" / "meta" / "info.json").read_text())
    assert info["total_frames"] == 44 and np.isclose(info["fps"], 2.5)
