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

from .metaworld_tasks import INSTRUCTIONS  # noqa: E402

ACTION_SCALE = 0.01
"""Metres that a native translation action of 1 moves the hand's target in one control step."""

CONTROL_STEP_SECONDS = 0.0125
"""Simulated seconds of one control step."""

STEP_LIMIT = 500
"""Control steps of one episode."""

_UPSIDE_DOWN_CAMERAS = frozenset({"corner", "corner2", "corner3", "corner4"})
_EXPERT_NAME_EXCEPTIONS = {"peg-insert-side-v3": "SawyerPegInsertionSideV3Policy"}

_EXPERT_GOAL_SHIFT = dict.fromkeys(("reach-v3", "reach-wall-v3"), np.array([0.0, 0.0, 0.045]))
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
        if task not in ENV_CLS_MAP:
            raise ValueError(f"unknown Meta-World task {task!r}; known: {', '.join(sorted(ENV_CLS_MAP))}")
        self.task = task
        self.instruction = INSTRUCTIONS[task]
        self.cameras = dict(cameras)
        self.size = size
        self._environment = ENV_CLS_MAP[task]()
        self._environment._partially_observable = False  # the expert reads the goal from its observation
        # The cached space would clip the goal in every observation to zero.
        self._environment.__dict__.pop("sawyer_observation_space", None)
        self._environment._freeze_rand_vec = False
        self._environment.seeded_rand_vec = True
        self._environment._set_task_called = True
        self._expert = getattr(policies, _expert_name(task))()
        self._renderer: mujoco.Renderer | None = None
        self._observation = np.zeros(39)
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

    def reset(self, seed: int) -> None:
        """Starts an episode whose object and goal positions depend on ``seed`` alone."""
        environment = self._environment
        environment.seed(seed)
        observation, _ = environment.reset()
        # Without this the first frame shows the previous episode's goal and object.
        mujoco.mj_forward(environment.model, environment.data)
        current = environment._get_curr_obs_combined_no_goal()
        environment._prev_obs = current
        self._observation = np.concatenate([current, current, environment._target_pos])
        self.success = False

    def step(self, action: np.ndarray) -> bool:
        """Executes one native action.

        Args:
            action: ``[4]``, clipped to -1..1: hand translation x, y, z (1 = ``ACTION_SCALE`` metres) and gripper
                (+1 closes).

        Returns:
            Whether the task succeeds in the state reached.
        """
        clipped = np.clip(np.asarray(action, dtype=np.float32), -1.0, 1.0)
        observation, _, _, _, info = self._environment.step(clipped)
        self._observation = observation
        self.success = bool(info["success"])
        return self.success

    def render(self, camera: str) -> np.ndarray:
        """Returns the upright frame of ``camera``, uint8 ``[size, size, 3]``."""
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self._environment.model, self.size, self.size)
        renderer = self._renderer
        renderer.update_scene(self._environment.data, camera=camera)
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        frame = renderer.render()
        if camera in _UPSIDE_DOWN_CAMERAS:
            frame = frame[::-1, ::-1]
        return np.ascontiguousarray(frame)

    def proprioception(self) -> np.ndarray:
        """Returns float32 ``[4]``: end effector x, y, z in metres and the gripper opening from 0 to 1."""
        return self._environment._get_curr_obs_combined_no_goal()[:4].astype(np.float32)

    def object_and_goal(self) -> np.ndarray:
        """Returns float32 ``[6]``: the positions of the task's object and of its goal in metres."""
        return np.concatenate([self._observation[4:7], self._environment._target_pos]).astype(np.float32)

    def expert(self) -> np.ndarray:
        """Returns the scripted expert's action for the present state, float32 ``[4]``, clipped to -1..1."""
        observation = self._observation.copy()  # some experts write into the observation they are given
        observation[-3:] += _EXPERT_GOAL_SHIFT.get(self.task, 0.0)
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


def _expert_name(task: str) -> str:
    """The class name of the scripted expert of ``task``."""
    words = task.removesuffix("-v3").split("-")
    default = "Sawyer" + "".join(word.capitalize() for word in words) + "V3Policy"
    return _EXPERT_NAME_EXCEPTIONS.get(task, default)
