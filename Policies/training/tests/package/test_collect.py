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
