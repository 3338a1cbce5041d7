"""``collect``: episodes of scripted experts as a dataset.

The executed action is the expert's, disturbed, so that states include mistakes to recover from; the labels are the
expert's clean plan from the very state that was recorded.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..data.demonstrations import Dimension
from ..data.destination import check_new_folder
from ..data.folder import FolderWriter
from ..data.lerobot_writer import LeRobotWriter
from ..errors import TrainingError

REPOSITORY = Path(__file__).resolve().parents[4]
FIRST_SEED = 1_000_000
"""Below lie the seeds that policies are judged on."""
STEPS_AFTER_SUCCESS = 10
PUSH_PROBABILITY = 0.04
STATE = [Dimension("end_effector_x", "m"), Dimension("end_effector_y", "m"), Dimension("end_effector_z", "m"),
         Dimension("gripper_opening", "1")]  # fmt: skip
ACTION = [Dimension("delta_x", "m"), Dimension("delta_y", "m"), Dimension("delta_z", "m"), Dimension("gripper", "1")]
PLACES = [f"{thing}_{axis}" for thing in ("object", "goal") for axis in "xyz"]
POINT = ["goal_row", "goal_column"]
"""Of the first camera's frame, 0..1."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--env", required=True, metavar="metaworld:TASK,…",
                        help="the simulator and its tasks; metaworld-language: the scenes that several sentences make "
                             "sense in, TASK being what is said")  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--episodes", type=int, default=50, help="of each task")
    parser.add_argument(
        "--format", choices=("lerobot", "folder"), default="lerobot", help="LeRobot v3.0 or the simple one"
    )
    parser.add_argument(
        "--camera", action="append", metavar="NAME=FOV",
        help="a camera and its vertical field of view in degrees; may be repeated (corner2=30, topview=45)",
    )  # fmt: skip
    parser.add_argument("--size", type=int, default=128, help="side of the frames in pixels")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first episode of each task")
    parser.add_argument("--noise", type=float, default=0.4, help="largest deviation of the disturbance; 0 for none")
    parser.add_argument("--every", type=int, default=1, help="record every n-th step")
    parser.add_argument("--plan", type=int, default=4, help="steps of the expert's plan that are recorded")
    parser.add_argument("--max-steps", type=int, default=240, help="of an episode")
    parser.add_argument("--failures", action="store_true", help="keep episodes that did not succeed")


class Disturbance:
    """Gaussian noise whose deviation is drawn once an episode, and now and then a push of 3-8 steps."""

    def __init__(self, random: np.random.Generator, largest: float) -> None:
        self._random, self._largest = random, largest
        self._deviation = random.uniform(0.0, largest)
        self._push, self._remaining = np.zeros(4), 0

    def apply(self, action: np.ndarray) -> np.ndarray:
        """The native action ``[4]`` to execute in place of the clean one."""
        if self._largest == 0:
            return action
        if self._remaining == 0 and self._random.random() < PUSH_PROBABILITY:
            self._remaining = int(self._random.integers(3, 9))
            self._push = np.append(self._random.uniform(-1.0, 1.0, 3), 0.0)
        disturbed = action + self._random.normal(0.0, self._deviation, 4)
        if self._remaining > 0:
            self._remaining -= 1
            disturbed = disturbed + 1.5 * self._push
        return np.clip(disturbed, -1.0, 1.0)


def record(scene: Any, seed: int, options: argparse.Namespace, scale: np.ndarray) -> dict[str, Any]:
    """One episode: state, action, plan and places a step, frames a camera, and whether it succeeded."""
    disturbance = Disturbance(np.random.default_rng(seed), options.noise)
    scene.reset(seed)
    rows: dict[str, list[np.ndarray]] = {"state": [], "action": [], "plan": [], "where": [], "point": []}
    camera = next(iter(scene.cameras))
    frames: dict[str, list[np.ndarray]] = {camera: [] for camera in scene.cameras}
    remaining, succeeded = STEPS_AFTER_SUCCESS, False
    while scene.steps < options.max_steps and remaining > 0:
        if scene.steps % options.every == 0:
            for name, kept in frames.items():
                kept.append(scene.render(name))
            plan = scene.expert_plan(options.plan) * scale
            rows["state"].append(scene.proprioception())
            rows["action"].append(plan[0])
            rows["plan"].append(plan.reshape(-1))
            rows["where"].append(scene.object_and_goal())
            rows["point"].append(scene.image_point(camera, rows["where"][-1][3:]))
        scene.step(disturbance.apply(scene.expert()))
        succeeded = succeeded or bool(scene.success)
        remaining -= int(succeeded)
    arrays = {name: np.stack(values) for name, values in rows.items()}
    return {**arrays, "frames": frames, "success": succeeded}


def _scenes(simulator: str, task: str, cameras: dict[str, float], size: int) -> tuple[list[Any], float, float]:
    """The scenes that the episodes of a task are shared out among, metres of a native step, and steps a second."""
    sys.path[:0] = [str(REPOSITORY / "Envs"), str(REPOSITORY / "Envs" / "client")]
    try:
        from uio2_envs.metaworld_scene import ACTION_SCALE, CONTROL_STEP_SECONDS, MetaWorldScene
    except ImportError as error:
        message = f"needs the simulator ({error}); install uio2-train[collect]"
        raise TrainingError("missing_package", "metaworld", message) from error
    rates = ACTION_SCALE, 1 / CONTROL_STEP_SECONDS
    if simulator == "metaworld-language":
        return _shared_scenes(task, cameras, size), *rates
    try:
        return [MetaWorldScene(task, cameras, size)], *rates
    except ValueError as error:
        raise TrainingError("unknown_task", task, str(error)) from error


def _shared_scenes(said: str, cameras: dict[str, float], size: int) -> list[Any]:
    """Every scene in which ``said`` makes sense, drawn as a robot sees it."""
    from uio2_envs.adapters.metaworld_look import draw, sphere
    from uio2_envs.metaworld_shared import MARKER_RADIUS, SHARED_SCENES, SharedScene

    class Marked(SharedScene):
        def prepare_drawing(self, scene: Any) -> None:
            super().prepare_drawing(scene)
            draw(scene, [sphere(place, MARKER_RADIUS, colour) for place, colour in self.markers])

    if said not in SHARED_SCENES:
        known = ", ".join(SHARED_SCENES)
        raise TrainingError("unknown_task", said, f"no scene is shared with another task; expected one of {known}")
    return [Marked(task, said, cameras, size) for task in SHARED_SCENES[said]]


def run(options: argparse.Namespace) -> None:
    """Collects."""
    simulator, _, tasks = options.env.partition(":")
    if simulator not in ("metaworld", "metaworld-language") or not tasks:
        raise TrainingError(
            "unknown_environment", options.env, "expected metaworld: and tasks, such as metaworld:push-v3"
        )
    check_new_folder(options.output)
    pairs = options.camera or ["corner2=30", "topview=45"]
    cameras = {name: float(angle or 0) for name, _, angle in (pair.partition("=") for pair in pairs)}
    sizes = dict.fromkeys(cameras, (options.size, options.size))
    extras = {
        "expert_plan": [f"{part.name}_{step}" for step in range(options.plan) for part in ACTION], "where": PLACES, "point": POINT,
    }  # fmt: skip
    writer: LeRobotWriter | FolderWriter | None = None
    for task in tasks.split(","):
        scenes, action_scale, rate = _scenes(simulator, task, cameras, options.size)
        if writer is None:
            every = rate / options.every
            if options.format == "lerobot":
                state, action = ([part.name for part in dimensions] for dimensions in (STATE, ACTION))
                writer = LeRobotWriter(options.output, every, sizes, state, action, extras, robot="sawyer")
            else:
                writer = FolderWriter(options.output, every, sizes, STATE, ACTION, extras)
        kept = tried = 0
        scale = np.array([action_scale, action_scale, action_scale, 1.0])
        while kept < options.episodes:
            scene = scenes[tried % len(scenes)]
            episode = record(scene, options.seed + tried, options, scale)
            tried += 1
            if episode["success"] or options.failures:
                kept += 1
                parts = {"expert_plan": episode["plan"], "where": episode["where"], "point": episode["point"]}
                writer.add(scene.instruction, episode["state"], episode["action"], episode["frames"], parts)
            elif tried > 20 + 5 * options.episodes:
                raise TrainingError(
                    "expert_fails", task, f"the expert succeeded {kept} times in {tried}; lower --noise"
                )
            if tried % 10 == 0:
                print(f"{task}: {kept} of {options.episodes} episodes, {tried} tried", flush=True)
        for scene in scenes:
            scene.close()
        print(f"{task}: {kept} episodes, {tried} tried", flush=True)
    if writer is not None:
        writer.close()
        print(f"-> {options.output}")
