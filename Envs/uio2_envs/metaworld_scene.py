"""A Meta-World v3 task as a plain scene: reset, step, render, success.

Goal protocol ("fresh goals"): the seed of ``reset`` alone draws the object and goal positions, from the task's full
ranges. This is not the protocol of ``gym.make("Meta-World/MT1")``, which fixes 50 goals and ignores ``reset(seed=)``; a
report of success rates should say that fresh goals were used.

Frames are upright whatever the camera: ``corner2`` and its siblings hang upside down in the model and are turned here.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

os.environ.setdefault("MUJOCO_GL", "egl")
os.environ.setdefault("LP_NUM_THREADS", "0")  # software rasteriser: stay on the calling thread

import mujoco  # noqa: E402  (reads MUJOCO_GL when imported)
import numpy as np  # noqa: E402
from metaworld import policies  # noqa: E402
from metaworld.env_dict import ENV_CLS_MAP  # noqa: E402
from metaworld.sawyer_xyz_env import SawyerXYZEnv  # noqa: E402

from .metaworld_tasks import INSTRUCTIONS  # noqa: E402

ACTION_SCALE = 0.01
"""Metres that a native translation action of 1 moves the hand's target in one control step."""

LEAD = 0.02
"""Metres that the hand's target may be ahead of the hand when it is told to hold. At rest the hand hangs 7 mm below it."""

CONTROL_STEP_SECONDS = 0.0125
"""Simulated seconds of one control step."""

STEP_LIMIT = 500
"""Control steps of one episode."""

_UPSIDE_DOWN_CAMERAS = frozenset({"corner", "corner2", "corner3", "corner4"})
_EXPERT_NAME_EXCEPTIONS = {"peg-insert-side-v3": "SawyerPegInsertionSideV3Policy"}

ARM_JOINTS = 9
"""Seven of the arm and two of the fingers; the task's own come after them."""

EXPERT_GOAL_SHIFT = dict.fromkeys(("reach-v3", "reach-wall-v3"), np.array([0.0, 0.0, 0.045]))
"""The experts of reach steer the wrist to the goal, while success is measured at the fingertips 0.045 m below, 0.05 m
being allowed: they end at the very edge. With the goal they are shown raised, the fingertips themselves reach it."""

warnings.filterwarnings("ignore", message=".*Constant\\(s\\) may be too high.*")


@dataclass(frozen=True)
class SceneState:
    """Everything that a later ``restore`` needs to continue from the same instant."""

    physics: np.ndarray
    previous_observation: np.ndarray
    observation: np.ndarray
    steps: int
    success: bool


class MetaWorldScene:
    """One task with its cameras.

    Args:
        task: a Meta-World v3 name, such as ``"push-v3"``.
        cameras: camera name to vertical field of view in degrees.
        size: side of the square frames in pixels.
    """

    def __init__(self, task: str, cameras: Mapping[str, float], size: int = 128) -> None:
        self._environment = simulator(task)
        self.task = task
        self.instruction = INSTRUCTIONS[task]
        self.cameras = dict(cameras)
        self.size = size
        self._expert = getattr(policies, expert_name(task))()
        self._expert_goal_shift = EXPERT_GOAL_SHIFT.get(task, 0.0)
        self._renderer: mujoco.Renderer | None = None
        self._observation = np.zeros(39)
        self._unmoved: tuple[np.ndarray, np.ndarray] | None = None
        self.success = False
        model = self._environment.model
        for name, vertical_field_of_view in self.cameras.items():
            model.camera(name).fovy = vertical_field_of_view
        model.vis.quality.shadowsize = 1024
        model.vis.quality.offsamples = 0

    @property
    def steps(self) -> int:
        """Control steps since the last reset."""
        return int(self._environment.curr_path_length)

    @property
    def done(self) -> bool:
        """Whether the step limit is reached; a further ``step`` would raise."""
        return self.steps >= STEP_LIMIT

    @property
    def physics(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """The model and its state, for drawing."""
        return self._environment.model, self._environment.data

    def reset(self, seed: int) -> None:
        """Starts an episode whose object and goal positions depend on ``seed`` alone."""
        environment = self._environment
        if self._unmoved is not None:
            environment.model.body_pos[:], environment.model.site_pos[:] = self._unmoved
            self._unmoved = None
        environment.seed(seed)
        observation, _ = environment.reset()
        # Without this the first frame shows the previous episode's goal and object.
        mujoco.mj_forward(environment.model, environment.data)
        current = environment._get_curr_obs_combined_no_goal()
        environment._prev_obs = current
        self._observation = np.concatenate([current, current, environment._target_pos])
        self.success = False
        self.reward = 0.0

    def step(self, action: np.ndarray) -> bool:
        """Executes one native action.

        Args:
            action: ``[4]``, clipped to -1..1: hand translation x, y, z (1 = ``ACTION_SCALE`` metres) and gripper
                (+1 closes).

        Returns:
            Whether the task succeeds in the state reached.
        """
        clipped = np.clip(np.asarray(action, dtype=np.float32), -1.0, 1.0)
        observation, self.reward, _, _, info = self._environment.step(clipped)
        self._observation = observation
        self.success = bool(info["success"])
        return self.success

    def brake(self) -> None:
        """Lets the point that the hand is drawn to be no farther from the hand than ``LEAD``.

        Actions move that point, and the hand follows on a soft weld. A hand that something blocks is left behind by
        decimetres, and would go there as soon as it is free, whatever it is told.
        """
        data = self._environment.data
        way = data.mocap_pos[0] - data.body("hand").xpos
        distance = float(np.linalg.norm(way))
        if distance > LEAD:
            data.mocap_pos[0] -= way * (1 - LEAD / distance)

    def move_object(self, displacement: np.ndarray) -> None:
        """Moves the task's object at once. What is built in, such as a drawer, moves as a whole and takes its goal along.

        Args:
            displacement: ``[2]``, metres along x and y.
        """
        model, data = self._environment.model, self._environment.data
        kinds, axes = model.jnt_type[ARM_JOINTS:], model.jnt_axis[ARM_JOINTS:]
        place = int(model.jnt_qposadr[ARM_JOINTS])
        lies_free = kinds[0] == mujoco.mjtJoint.mjJNT_FREE
        slides = len(kinds) > 1 and (kinds[:2] == mujoco.mjtJoint.mjJNT_SLIDE).all() and (axes[:2, 2] == 0).all()
        if lies_free or slides:
            data.qpos[place : place + 2] += displacement if lies_free else axes[:2, :2] @ displacement
        else:
            if self._unmoved is None:
                self._unmoved = model.body_pos.copy(), model.site_pos.copy()
            model.body_pos[model.body_rootid[model.jnt_bodyid[ARM_JOINTS]], :2] += displacement
            for site in range(model.nsite):
                if model.site_bodyid[site] == 0 and model.site(site).name.startswith("goal"):
                    model.site_pos[site, :2] += displacement
            self._move_goals(np.append(displacement, 0.0))
        mujoco.mj_forward(model, data)

    def _move_goals(self, displacement: np.ndarray) -> None:
        self._environment._target_pos = self._environment._target_pos + displacement

    def render(self, camera: str) -> np.ndarray:
        """Returns the upright frame of ``camera``, uint8 ``[size, size, 3]``."""
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self._environment.model, self.size, self.size)
        renderer = self._renderer
        renderer.update_scene(self._environment.data, camera=camera)
        self.prepare_drawing(renderer.scene)
        return upright(renderer.render(), camera)

    def prepare_drawing(self, scene: mujoco.MjvScene) -> None:
        """Called with a scene that is about to be drawn: no shadows or reflections, which cost more than they show."""
        scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0

    def image_point(self, camera: str, place: np.ndarray) -> np.ndarray:
        """Where a place ``[3]``, in metres, lies in the frame of ``camera``: row and column, 0..1 from the upper left corner."""
        model, data = self.physics
        number = model.camera(camera).id
        right, up, back = data.cam_xmat[number].reshape(3, 3).T @ (place - data.cam_xpos[number])
        # The camera looks along its negative z axis.
        scale = 1.0 / (max(-back, 1e-6) * np.tan(np.radians(model.cam_fovy[number]) / 2))
        point = np.array([0.5 - 0.5 * up * scale, 0.5 + 0.5 * right * scale])
        return 1.0 - point if camera in _UPSIDE_DOWN_CAMERAS else point

    def proprioception(self) -> np.ndarray:
        """Returns float32 ``[4]``: end effector x, y, z in metres and the gripper opening from 0 to 1."""
        return self._environment._get_curr_obs_combined_no_goal()[:4].astype(np.float32)

    def object_and_goal(self) -> np.ndarray:
        """Returns float32 ``[6]``: the positions of the task's object and of its goal in metres."""
        return np.concatenate([self._observation[4:7], self._environment._target_pos]).astype(np.float32)

    def expert(self) -> np.ndarray:
        """Returns the scripted expert's action for the present state, float32 ``[4]``, clipped to -1..1."""
        observation = self._observation.copy()  # some experts write into the observation they are given
        observation[-3:] += self._expert_goal_shift
        return np.clip(self._expert.get_action(observation), -1.0, 1.0).astype(np.float32)

    def expert_plan(self, length: int) -> np.ndarray:
        """Returns the expert's next actions from here, float32 ``[length, 4]``; the scene stays as it is."""
        state = self.save()
        actions = np.zeros((length, 4), dtype=np.float32)
        for index in range(length):
            actions[index] = self.expert()
            if index + 1 < length and not self.done:
                self.step(actions[index])
        self.restore(state)
        return actions

    def save(self) -> SceneState:
        """Captures the present state (joints, velocities, hand target, controls and the task's own fields)."""
        environment = self._environment
        physics = np.zeros(mujoco.mj_stateSize(environment.model, mujoco.mjtState.mjSTATE_INTEGRATION))
        mujoco.mj_getState(environment.model, environment.data, physics, mujoco.mjtState.mjSTATE_INTEGRATION)
        return SceneState(
            physics, environment._prev_obs.copy(), self._observation.copy(), environment.curr_path_length, self.success
        )

    def restore(self, state: SceneState) -> None:
        """Returns to a state captured since the last reset."""
        environment = self._environment
        mujoco.mj_setState(environment.model, environment.data, state.physics, mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_forward(environment.model, environment.data)
        environment._prev_obs = state.previous_observation.copy()
        environment.curr_path_length = state.steps
        self._observation = state.observation.copy()
        self.success = state.success

    def close(self) -> None:
        """Frees the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        self._environment.close()


def simulator(task: str) -> SawyerXYZEnv:
    """Meta-World's own environment of ``task``, whose resets draw from its seed and whose observations show the goal.

    Raises:
        ValueError: there is no such task.
    """
    if task not in ENV_CLS_MAP:
        raise ValueError(f"unknown Meta-World task {task!r}; known: {', '.join(sorted(ENV_CLS_MAP))}")
    environment = ENV_CLS_MAP[task]()
    environment._partially_observable = False  # the expert reads the goal from its observation
    # The cached space would clip the goal in every observation to zero.
    environment.__dict__.pop("sawyer_observation_space", None)
    environment._freeze_rand_vec = False
    environment.seeded_rand_vec = True
    environment._set_task_called = True
    return environment


def upright(frame: np.ndarray, camera: str) -> np.ndarray:
    """The frame ``[height, width, 3]`` of ``camera`` with its top row first."""
    return np.ascontiguousarray(frame[::-1, ::-1] if camera in _UPSIDE_DOWN_CAMERAS else frame)


def expert_name(task: str) -> str:
    """The class name of the scripted expert of ``task``."""
    words = task.removesuffix("-v3").split("-")
    default = "Sawyer" + "".join(word.capitalize() for word in words) + "V3Policy"
    return _EXPERT_NAME_EXCEPTIONS.get(task, default)
