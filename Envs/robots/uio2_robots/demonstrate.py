"""``python -m uio2_robots.demonstrate DIR``: an expert goes to balls that are named, drawn as a simulated Franka's
cameras see it, in the folder format of ``uio2_train`` (docs/training.md).

Nothing is simulated but the arm's geometry: each step is a place of the tool on or beside the way to the ball, with what
the expert does from there. So 6,000 steps take minutes.
"""

from __future__ import annotations

import argparse
import json
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


def episode(
    random: np.random.Generator, configuration: Configuration, steps: int
) -> tuple[int, np.ndarray, np.ndarray]:
    """Which ball is named, where the balls are ``[5, 3]``, and places of the tool ``[steps, 3]``, from far to near."""
    places = goals.scattered(random)
    named = int(random.integers(len(places)))
    limits = configuration.limits
    start = random.uniform(limits.workspace[0] + 0.02, limits.workspace[1] - 0.02)
    share = np.sort(random.uniform(0.0, 1.0, steps)) ** 0.7
    way = start + share[:, None] * (places[named] - start)
    aside = random.normal(size=(steps, 3)) * _BESIDE / 2 * (1.05 - share[:, None])
    return named, places, np.clip(way + aside, *limits.workspace)


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
            "where": [f"goal_{axis}" for axis in AXES],
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="uio2_robots.demonstrate", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new folder for the demonstrations")
    parser.add_argument("--episodes", type=int, default=600, help="of one sentence each (600)")
    parser.add_argument("--steps", type=int, default=10, help="of each episode (10)")
    parser.add_argument("--chunk", type=int, default=4, help="displacements of the expert's plan (4)")
    parser.add_argument("--seed", type=int, default=0, help="of the first episode (0)")
    options = parser.parse_args()

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
    for index in range(options.episodes):
        random = np.random.default_rng(options.seed + index)
        named, places, tools = episode(random, configuration, options.steps)
        found = [(tool, poser.joints(tool, random.normal(size=3) * _TILT / 2)) for tool in tools]
        poses = [(tool, joints) for tool, joints in found if joints is not None]
        if not poses:
            continue
        folder = options.folder / "episodes" / f"{index:06d}"
        for camera in cameras:
            (folder / camera.name).mkdir(parents=True)
        for step, (_, joints) in enumerate(poses):
            drawing.place(joints, places)
            for camera in cameras:
                picture = Image.fromarray(drawing.picture(camera))
                picture.save(folder / camera.name / f"{step:06d}.jpg", quality=95, subsampling=0)
        state = np.stack([tool for tool, _ in poses])
        plan = np.stack([goals.plan(tool, places[named], options.chunk, configuration.control_rate) for tool in state])
        where = np.tile(places[named], (len(state), 1))
        np.savez(
            folder / "steps.npz", state=state, action=plan[:, 0], expert_plan=plan.reshape(len(plan), -1), where=where
        )
        (folder / "episode.json").write_text(json.dumps({"instruction": list(goals.SENTENCES.values())[named]}) + "\n")
        if (index + 1) % 50 == 0:
            rest = (time.monotonic() - began) / (index + 1) * (options.episodes - index - 1)
            print(f"{index + 1} of {options.episodes} episodes, {rest:.0f} s left", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
