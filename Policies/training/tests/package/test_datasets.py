"""Datasets that LeRobot itself wrote, and the folder format."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("av")

from uio2_train.data.demonstrations import Demonstrations, Dimension, open_dataset  # noqa: E402
from uio2_train.data.folder import FolderWriter  # noqa: E402
from uio2_train.errors import TrainingError  # noqa: E402

FIXTURES = Path(__file__).resolve().parent / "fixtures"
sys.path.insert(0, str(FIXTURES))
import toy_episodes  # noqa: E402

LEROBOT = ["lerobot-v2.1", "lerobot-v3.0"]


def check_toy(dataset: Demonstrations) -> None:
    assert dataset.lengths == toy_episodes.LENGTHS
    assert dataset.rate_hz == toy_episodes.FPS
    assert [dimension.name for dimension in dataset.state] == toy_episodes.NAMES
    for index in range(len(dataset)):
        expected = list(toy_episodes.frames(index))
        episode = dataset.episode(index)
        assert np.allclose(episode.state, [frame["observation.state"] for frame in expected])
        assert np.allclose(episode.action, [frame["action"] for frame in expected])
        assert episode.instructions == [frame["task"] for frame in expected]
        for camera, worst in (("observation.images.front", 40), ("observation.images.wrist", 0)):
            frames = list(dataset.frames(index, camera))
            assert len(frames) == len(expected)
            for found, frame in zip(frames, expected, strict=True):
                difference = np.abs(found.astype(int) - frame[camera])
                assert np.median(difference) <= 3 and np.mean(difference) <= worst / 4, (index, camera)


@pytest.mark.parametrize("name", LEROBOT)
def test_what_lerobot_wrote_is_read(name: str) -> None:
    dataset = open_dataset(FIXTURES / name)
    assert dataset.format == f"LeRobot {name.removeprefix('lerobot-')}"
    assert (dataset.camera("observation.images.front").height, dataset.camera("observation.images.front").width) == (
        48,
        64,
    )
    check_toy(dataset)


def copied(tmp_path: Path, name: str) -> Path:
    return Path(shutil.copytree(FIXTURES / name, tmp_path / name))


@pytest.mark.parametrize("name", LEROBOT)
def test_an_unknown_version_is_refused(tmp_path: Path, name: str) -> None:
    path = copied(tmp_path, name)
    info = json.loads((path / "meta/info.json").read_text())
    (path / "meta/info.json").write_text(json.dumps(info | {"codebase_version": "v9"}))
    with pytest.raises(TrainingError, match="convert it with LeRobot") as caught:
        open_dataset(path)
    assert caught.value.code == "unknown_format"


def test_a_film_that_is_cut_short_is_noticed(tmp_path: Path) -> None:
    path = copied(tmp_path, "lerobot-v2.1")
    films = sorted(path.glob("videos/*/*/*.mp4"))
    shutil.copyfile(films[0], films[2])  # 12 frames where 14 belong
    dataset = open_dataset(path)
    with pytest.raises(TrainingError) as caught:
        list(dataset.frames(2, "observation.images.front"))
    assert caught.value.code == "missing_frames"


@pytest.mark.parametrize("name", LEROBOT)
def test_damage_is_an_error_that_names_the_file(tmp_path: Path, name: str) -> None:
    path = copied(tmp_path, name)
    for file in path.glob("videos/**/*.mp4"):
        file.write_bytes(file.read_bytes()[:100])
    dataset = open_dataset(path)
    with pytest.raises(TrainingError) as caught:
        list(dataset.frames(0, "observation.images.front"))
    assert caught.value.code == "unreadable_file" and caught.value.subject.endswith(".mp4")
    for file in path.glob("data/**/*.parquet"):
        file.write_bytes(b"PAR1")
    with pytest.raises(TrainingError) as caught:
        open_dataset(path)
    assert caught.value.code == "unreadable_file" and caught.value.subject.endswith(".parquet")


def write_folder(path: Path) -> None:
    writer = FolderWriter(
        path, 20.0, {"front": (16, 24)}, [Dimension("x", "m"), Dimension("grip")], [Dimension("dx", "m")],
        {"where": ["block_x"]},
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for length in (4, 6):
        frames = [np.full((16, 24, 3), 10 * t, np.uint8) for t in range(length)]
        writer.add(
            "Push.", rng.normal(size=(length, 2)), rng.normal(size=(length, 1)), {"front": frames},
            {"where": np.ones((length, 1))},
        )  # fmt: skip
    writer.close()


def test_the_folder_format_both_ways(tmp_path: Path) -> None:
    write_folder(tmp_path / "data")
    dataset = open_dataset(tmp_path / "data")
    assert dataset.lengths == [4, 6] and dataset.rate_hz == 20
    assert [dimension.unit for dimension in dataset.state] == ["m", None]
    assert dataset.episode(1).extras["where"].shape == (6, 1)
    frames = list(dataset.frames(1, "front"))
    assert [int(frame.mean()) for frame in frames] == [10 * t for t in range(6)]
    with pytest.raises(TrainingError, match="name a new folder"):
        write_folder(tmp_path / "data")


def test_faults_of_the_folder_format_are_named(tmp_path: Path) -> None:
    write_folder(tmp_path / "data")
    steps = tmp_path / "data/episodes/000001/steps.npz"
    good = dict(np.load(steps))
    np.savez(steps, **(good | {"action": good["action"][:3]}))
    with pytest.raises(TrainingError, match=r"expected action \[6, 1\]"):
        open_dataset(tmp_path / "data")
    bad = good["state"].copy()
    bad[2, 1] = np.nan
    np.savez(steps, **(good | {"state": bad}))
    with pytest.raises(TrainingError, match="grip is nan at step 2"):
        open_dataset(tmp_path / "data")
    np.savez(steps, **good)
    (tmp_path / "data/episodes/000001/front/000005.jpg").unlink()
    with pytest.raises(TrainingError, match="expected 6 pictures"):
        list(open_dataset(tmp_path / "data").frames(1, "front"))
    with pytest.raises(TrainingError) as caught:
        open_dataset(tmp_path)
    assert caught.value.code == "unknown_format"
