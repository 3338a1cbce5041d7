"""``python -m uio2_robots.demonstrate DIR``: an expert goes to balls that are named, drawn as a simulated Franka's
cameras see it, in the folder format of ``uio2_train`` (docs/training.md).

Nothing is simulated but the arm's geometry: each step is a scene of its own, with a place of the tool and what the expert
does from there. So 5,000 scenes take minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from uio2_envs.adapters.opengl import choose_backend
from uio2_envs.agreement import CameraRequest

from . import goals
from .cameras import drawn_camera
from .configuration import AXES, CONFIGURATIONS, Configuration, Mapped, load
from .drawing import Drawing
from .poses import rotation_matrix, rotation_vector
from .shared import JOINTS
from .simulator import START, TOOL_OFFSET, scene

_SIZE = 128
"""Pixels, of the pictures' sides."""
_BESIDE = 0.05
"""m: how far from the straight way a step may be."""
_NEAR_A_WAY = 0.7
"""Of the steps: how many are on or beside the way to a ball."""
_TILT = 0.06
"""rad, of the tool: an arm does not hold it exactly upright."""
_ITERATIONS, _CLOSE = 60, 1e-3
_FINGERS = (0.04, 0.04)
"""m: open."""
_TOOL_BODY = "robot0_hand"


class Poser:
    """Finds joints of the arm for places of its tool."""

    def __init__(self, drawing: Drawing) -> None:
        import mujoco

        self._mujoco = mujoco
        self._drawing = drawing
        self._hand = mujoco.mj_name2id(drawing.model, mujoco.mjtObj.mjOBJ_BODY, _TOOL_BODY)
        self._begun = np.array([*START, *_FINGERS])
        self._joints = self._begun
        self._set(self._joints)
        self._upright = self._rotation().copy()

    def joints(self, place: np.ndarray, tilt: np.ndarray) -> np.ndarray | None:
        """Joints ``[9]`` with the tool at ``place`` ``[3]`` (m), turned by ``tilt`` (a rotation vector) from upright.

        ``None``: the arm does not get there.
        """
        wanted = rotation_matrix(tilt) @ self._upright
        arm = len(START)
        data, model = self._drawing.data, self._drawing.model
        joints = self._joints.copy()
        for _ in range(_ITERATIONS):
            self._set(joints)
            tool = self._tool()
            error = np.concatenate([place - tool, rotation_vector(wanted @ self._rotation().T)])
            if np.abs(error).max() < _CLOSE:
                self._joints = joints
                return joints
            moved, turned = np.zeros((3, model.nv)), np.zeros((3, model.nv))
            self._mujoco.mj_jac(model, data, moved, turned, tool, self._hand)
            matrix = np.concatenate([moved, turned])[:, :arm]
            step = matrix.T @ np.linalg.solve(matrix @ matrix.T + 1e-4 * np.eye(6), error)
            joints[:arm] = np.clip(joints[:arm] + np.clip(step, -0.3, 0.3), *model.jnt_range[:arm].T)
        # The next place is looked for from where every place can be reached.
        self._joints = self._begun
        return None

    def _set(self, joints: np.ndarray) -> None:
        self._drawing.data.qpos[:JOINTS] = joints
        self._mujoco.mj_kinematics(self._drawing.model, self._drawing.data)
        self._mujoco.mj_comPos(self._drawing.model, self._drawing.data)

    def _rotation(self) -> np.ndarray:
        return self._drawing.data.xmat[self._hand].reshape(3, 3)

    def _tool(self) -> np.ndarray:
        return self._drawing.data.xpos[self._hand] + self._rotation() @ TOOL_OFFSET


def place(random: np.random.Generator, configuration: Configuration) -> tuple[np.ndarray, np.ndarray]:
    """Where the balls are ``[5, 3]``, and the tool ``[3]``: somewhere, or beside the way to one of the balls."""
    places = goals.scattered(random)
    least, greatest = configuration.limits.workspace
    start = random.uniform(least + 0.02, greatest - 0.02)
    share = random.uniform(0.0, 1.0) if random.uniform() < _NEAR_A_WAY else 0.0
    way = start + share * (places[int(random.integers(len(places)))] - start)
    aside = random.normal(size=3) * _BESIDE / 2 * (1.05 - share)
    return places, np.clip(way + aside, least, greatest)


def description(configuration: Configuration, cameras: Sequence[str], chunk: int) -> dict[str, Any]:
    """What ``dataset.json`` says (docs/training.md, "The folder format")."""

    def dimensions(mapped: Sequence[Mapped]) -> list[dict[str, str]]:
        return [{"name": part.quantity.name, "unit": part.quantity.unit} for part in mapped]

    return {
        "format": "uio2-demonstrations",
        "version": 1,
        "rate_hz": configuration.control_rate,
        "cameras": {name: {"width": _SIZE, "height": _SIZE} for name in cameras},
        "state": dimensions(configuration.proprioception),
        "action": dimensions(configuration.actions),
        "extras": {
            "expert_plan": [f"delta_{axis}_{step}" for step in range(chunk) for axis in AXES],
            "balls": [f"{colour}_{axis}" for colour in goals.COLOURS for axis in AXES],
        },
    }


def _show(frame: np.ndarray, files: Sequence[Path]) -> None:
    """One picture under several names, which share its bytes."""
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame).save(files[0], quality=95, subsampling=0)
    for file in files[1:]:
        os.link(files[0], file)


def _write(folder: Path, colour: str, state: np.ndarray, balls: np.ndarray, chunk: int, rate: float) -> None:
    """The numbers and the sentence of an episode: tools ``[steps, 3]``, balls ``[steps, 5, 3]``."""
    goal = balls[:, list(goals.COLOURS).index(colour)]
    plan = np.stack([goals.plan(tool, there, chunk, rate) for tool, there in zip(state, goal, strict=True)])
    flat = {"expert_plan": plan.reshape(len(plan), -1), "balls": balls.reshape(len(balls), -1)}
    np.savez(folder / "steps.npz", state=state, action=plan[:, 0], **flat)
    described = json.dumps({"instruction": goals.SENTENCES[colour]})
    (folder / "episode.json").write_text(described + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draws the demonstrations."""
    parser = argparse.ArgumentParser(prog="uio2_robots.demonstrate", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new folder for the demonstrations")
    parser.add_argument("--scenes", type=int, default=5000, help="each with the balls elsewhere (5000)")
    parser.add_argument("--steps", type=int, default=10, help="of an episode, each of another scene (10)")
    parser.add_argument("--chunk", type=int, default=4, help="displacements of the expert's plan (4)")
    parser.add_argument("--seed", type=int, default=0, help="of the scenes (0)")
    options = parser.parse_args(arguments)
    if options.steps < 1 or options.scenes < 1 or options.scenes % options.steps:
        parser.error("--scenes: expected a multiple of --steps, both above 0")
    if options.chunk < 1:
        parser.error("--chunk: expected a number above 0")
    if options.folder.exists():
        parser.error(f"{options.folder}: is there already; name a new folder")

    # Before anything imports MuJoCo.
    choose_backend()
    from franky_sim.mujoco_simulator import MujocoSimulator

    configuration = load(CONFIGURATIONS / "franka-goals.toml")
    cameras = [
        drawn_camera(view, CameraRequest(name, _SIZE, _SIZE, 0.0)) for name, view in configuration.cameras.items()
    ]
    with MujocoSimulator() as simulator:
        drawing = Drawing(scene(simulator), cameras)
    poser = Poser(drawing)
    options.folder.mkdir(parents=True)
    described = description(configuration, [camera.name for camera in cameras], options.chunk)
    (options.folder / "dataset.json").write_text(json.dumps(described, indent=1) + "\n")
    began = time.monotonic()
    # The same scenes are shown for every sentence: what is to be done depends on the words and on nothing else.
    for block in range(options.scenes // options.steps):
        random = np.random.default_rng([options.seed, block])
        folders = [options.folder / "episodes" / f"{block:05d}-{colour}" for colour in goals.COLOURS]
        tools, balls = [], []
        while len(tools) < options.steps:
            places, tool = place(random, configuration)
            joints = poser.joints(tool, random.normal(size=3) * _TILT / 2)
            if joints is None:
                continue
            drawing.place(joints, places)
            for camera in cameras:
                _show(drawing.picture(camera), [folder / camera.name / f"{len(tools):06d}.jpg" for folder in folders])
            tools.append(tool)
            balls.append(places)
        for folder, colour in zip(folders, goals.COLOURS, strict=True):
            _write(folder, colour, np.stack(tools), np.stack(balls), options.chunk, configuration.control_rate)
        if (block + 1) % 20 == 0:
            rest = (time.monotonic() - began) / (block + 1) * (options.scenes // options.steps - block - 1)
            print(f"{(block + 1) * options.steps} of {options.scenes} scenes, {rest:.0f} s left", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
