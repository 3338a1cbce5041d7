"""Episodes of a scripted expert, in both formats, are what a recipe can be made of."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("av")
if importlib.util.find_spec("metaworld") is None:  # importing it here would choose a renderer with a window
    pytest.skip("metaworld is not installed", allow_module_level=True)

from uio2_train.__main__ import main  # noqa: E402
from uio2_train.data.demonstrations import open_dataset  # noqa: E402


@pytest.mark.parametrize("form", ["lerobot", "folder"])
def test_the_expert_closes_the_drawer(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["collect", "--env", "metaworld:drawer-close-v3", "--episodes", "2", "--every", "4", "--size", "32",
             "--camera", "corner2=30", "--format", form, "--output", str(tmp_path / "data")]  # fmt: skip
    assert main(words) == 0, capsys.readouterr().err
    dataset = open_dataset(tmp_path / "data")
    assert len(dataset) == 2 and dataset.rate_hz == 20
    episode = dataset.episode(0)
    assert len(episode) >= 8
    assert np.abs(episode.action[:, :3]).max() <= 0.01 + 1e-6, "metres"
    assert np.allclose(episode.extras["expert_plan"][:, :4], episode.action, atol=1e-6)
    assert episode.extras["where"].shape == (len(episode), 6)
    camera = next(iter(dataset.cameras))
    frames = list(dataset.frames(0, camera))
    assert frames[0].shape == (32, 32, 3) and frames[0].std() > 10
    assert 0.3 < episode.state[0, 1] < 1.0


def test_an_unknown_simulator_or_task_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", "--env", "nothing:at-all", "--output", str(tmp_path / "a")]) == 1
    assert "expected metaworld:" in capsys.readouterr().err
    assert main(["collect", "--env", "metaworld:fly-v3", "--output", str(tmp_path / "b")]) == 1
    assert "fly-v3" in capsys.readouterr().err


def test_a_scene_with_two_meanings_says_where_the_said_goal_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half-open drawers: closing leads to the back of the table, opening to the front, which the picture shows."""
    words = ["collect", "--env", "metaworld-language:drawer-open-v3,drawer-close-v3", "--episodes", "2", "--size", "64",
             "--every", "20", "--camera", "corner2=30", "--format", "folder", "--output", str(tmp_path / "data")]
    assert main(words) == 0, capsys.readouterr().err
    dataset = open_dataset(tmp_path / "data")
    goals = {}
    for index in range(len(dataset)):
        episode = dataset.episode(index)
        point = episode.extras["point"][0]
        assert (0.2 < point).all() and (point < 0.8).all()
        row, column = (point * 64).astype(int)
        red, green, blue = next(iter(dataset.frames(index, "corner2")))[row, column].astype(int)
        goals[episode.instructions[0]] = (episode.extras["where"][0, 4], green - max(red, blue))
    opened, marker = goals["Pull the drawer open by its handle."]
    closed, _ = goals["Push the drawer until it is closed."]
    assert closed - opened > 0.1 and marker > 40, "the marker of the open drawer stands free, and is green"
    assert main(["collect", "--env", "metaworld-language:hammer-v3", "--output", str(tmp_path / "b")]) == 1
    assert "shared" in capsys.readouterr().err
