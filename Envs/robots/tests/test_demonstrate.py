"""Demonstrations that are drawn: what is in them. `make test-franka` runs this in the environment of the arm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from uio2_robots import goals
from uio2_robots.configuration import CONFIGURATIONS, load
from uio2_robots.demonstrate import main

needs_arm = pytest.mark.skipif(find_spec("franky_sim") is None, reason="make test-franka has its own environment")


def test_a_dataset_without_episodes_and_a_folder_that_is_there_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = str(tmp_path / "new")
    for words, message in (
        ([new, "--scenes", "7", "--steps", "10"], "a multiple of --steps"), ([new, "--steps", "0"], "above 0"),
        ([new, "--chunk", "0"], "--chunk"), ([str(tmp_path)], "name a new folder"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2 and message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@needs_arm
def test_demonstrations_show_the_way_to_the_ball_that_is_named(tmp_path: Path) -> None:
    roots = [str(Path(__file__).resolve().parents[index]) for index in (1, 2)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*roots, f"{roots[1]}/client"])}
    folder = tmp_path / "shown"
    command = [sys.executable, "-m", "uio2_robots.demonstrate", str(folder), "--scenes", "10", "--steps", "5"]
    subprocess.run(command, env=environment, check=True, timeout=240)
    described = json.loads((folder / "dataset.json").read_text())
    configuration = load(CONFIGURATIONS / "franka-goals.toml")
    assert described["rate_hz"] == configuration.control_rate
    assert [part["name"] for part in described["action"]] == [m.quantity.name for m in configuration.actions]
    episodes = sorted((folder / "episodes").iterdir())
    assert len(episodes) == 2 * len(goals.SENTENCES)
    sentences = list(goals.SENTENCES.values())
    for episode in episodes:
        number = sentences.index(json.loads((episode / "episode.json").read_text())["instruction"])
        with np.load(episode / "steps.npz") as steps:
            state, action, plan, balls = (steps[name] for name in ("state", "action", "expert_plan", "balls"))
        assert balls.shape == (5, len(described["extras"]["balls"]))
        away = balls[:, 3 * number : 3 * number + 3] - state
        cosine = (away * action).sum(axis=1) / np.linalg.norm(away, axis=1) / np.linalg.norm(action, axis=1)
        assert (cosine > 0.999).all() and plan.shape == (len(state), 12)
        assert (state >= configuration.limits.workspace[0]).all() and (state <= configuration.limits.workspace[1]).all()
        for camera in configuration.cameras:
            pictures = sorted((episode / camera).iterdir())
            assert len(pictures) == len(state)
            frame = np.asarray(Image.open(pictures[0]))
            assert frame.shape == (128, 128, 3) and frame.std() > 20


@needs_arm
def test_joints_put_the_tool_where_it_was_wanted() -> None:
    from uio2_envs.adapters.opengl import choose_backend

    choose_backend()
    from franky_sim.mujoco_simulator import MujocoSimulator

    from uio2_robots.demonstrate import Poser
    from uio2_robots.drawing import Drawing
    from uio2_robots.simulator import TOOL_OFFSET, scene

    with MujocoSimulator() as simulator:
        drawing = Drawing(scene(simulator), [])
    poser, random = Poser(drawing), np.random.default_rng(4)
    found = 0
    for _ in range(20):
        place = random.uniform(goals.LEAST, goals.GREATEST)
        joints = poser.joints(place, np.zeros(3))
        if joints is None:
            continue
        found += 1
        drawing.place(joints, goals.hidden())
        hand = drawing.data.body("robot0_hand")
        tool = hand.xpos + hand.xmat.reshape(3, 3) @ TOOL_OFFSET
        assert np.linalg.norm(tool - place) < 2e-3
    assert found >= 15
    # Far outside its reach there are none, and the next place is found again.
    assert poser.joints(np.array([3.0, 0.0, 0.3]), np.zeros(3)) is None
    assert poser.joints(np.array([0.5, 0.0, 0.3]), np.zeros(3)) is not None
