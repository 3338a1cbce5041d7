"""What is written in LeRobot's format is read here, and by LeRobot itself where it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("av")

from uio2_train.data.demonstrations import open_dataset  # noqa: E402
from uio2_train.data.lerobot_writer import LeRobotWriter  # noqa: E402
from uio2_train.errors import TrainingError  # noqa: E402

LEROBOT_PYTHON = os.environ.get("LEROBOT_PYTHON")
READ = """
import sys
from lerobot.datasets.lerobot_dataset import LeRobotDataset
dataset = LeRobotDataset("local/made", root=sys.argv[1], video_backend="pyav")
print(len(dataset), dataset.num_episodes)
for index in (0, 7, 8, 12):
    item = dataset[index]
    picture = item["observation.images.front"]
    print(item["task"], [round(float(x), 4) for x in item["observation.state"]], tuple(picture.shape),
          round(float(picture[0, 20:].mean() * 255)), float(item["plan"].sum()))
"""


def write(path: Path) -> None:
    rng = np.random.default_rng(0)
    writer = LeRobotWriter(
        path, 12.5, {"front": (32, 48)}, ["x", "y"], ["dx", "dy", "grip"], {"plan": ["p0", "p1"]}, robot="toy"
    )
    for task, length in (("Push.", 8), ("Pull it.", 5)):
        frames = [np.full((32, 48, 3), 20 * step, np.uint8) for step in range(length)]
        state = np.arange(2 * length).reshape(length, 2) / 10
        writer.add(task, state, rng.normal(size=(length, 3)), {"front": frames}, {"plan": np.full((length, 2), 0.5)})
    writer.close()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "made")
    dataset = open_dataset(tmp_path / "made")
    assert dataset.lengths == [8, 5] and dataset.rate_hz == 12.5
    assert dataset.extras == {"plan": ["p0", "p1"]}
    episode = dataset.episode(1)
    assert episode.instructions == ["Pull it."] * 5
    assert np.allclose(episode.state, np.arange(10).reshape(5, 2) / 10)
    assert np.allclose(episode.extras["plan"], 0.5)
    for index, length in enumerate((8, 5)):
        found = [float(frame.mean()) for frame in dataset.frames(index, "observation.images.front")]
        assert np.allclose(found, [20 * step for step in range(length)], atol=3)


def test_odd_sizes_and_old_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="even heights"):
        LeRobotWriter(tmp_path / "odd", 10, {"front": (31, 48)}, ["x"], ["dx"])
    write(tmp_path / "made")
    with pytest.raises(TrainingError, match="name a new folder"):
        write(tmp_path / "made")


@pytest.mark.skipif(not LEROBOT_PYTHON, reason="LEROBOT_PYTHON names no Python with LeRobot 0.4.4")
def test_lerobot_reads_what_is_written(tmp_path: Path) -> None:
    write(tmp_path / "made")
    run = subprocess.run(
        [str(LEROBOT_PYTHON), "-c", READ, str(tmp_path / "made")], capture_output=True, text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [line for line in run.stdout.splitlines() if line]
    assert lines[0] == "13 2"
    expected = [
        ("Push.", "[0.0, 0.1]", 0), ("Push.", "[1.4, 1.5]", 140), ("Pull it.", "[0.0, 0.1]", 0),
        ("Pull it.", "[0.8, 0.9]", 80),
    ]  # fmt: skip
    for line, (task, state, grey) in zip(lines[1:], expected, strict=True):
        assert line.startswith(f"{task} {state} (3, 32, 48)"), line
        assert abs(int(line.split()[-2]) - grey) <= 3, line


@pytest.mark.skipif(not LEROBOT_PYTHON, reason="LEROBOT_PYTHON names no Python with LeRobot 0.4.4")
def test_what_lerobot_writes_today_is_read(tmp_path: Path) -> None:
    from test_datasets import FIXTURES, check_toy

    script = FIXTURES / "write_lerobot.py"
    run = subprocess.run(
        [str(LEROBOT_PYTHON), str(script), str(tmp_path / "toy")], capture_output=True, text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    check_toy(open_dataset(tmp_path / "toy"))
    assert "torch" in sys.modules  # not LeRobot's, whose torch is an older one
