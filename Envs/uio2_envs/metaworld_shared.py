"""Meta-World scenes in which several instructions make sense, so that only the sentence tells what to do.

Two kinds. In the scene of reach, push or pick-place there are the goals of all three at once, red, green and blue. In the
scene of a task with an opposite, such as opening a drawer, what moves stands half-way, so that neither of the two is done.
Either state depends on the scene's task and the seed, and not on the instruction. Success is measured by the rule of the
task whose instruction was given, and its expert can be asked.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np
from metaworld import policies
from metaworld.sawyer_xyz_env import SawyerXYZEnv

from .metaworld_scene import ARM_JOINTS, EXPERT_GOAL_SHIFT, MetaWorldScene, expert_name, simulator
from .metaworld_tasks import INSTRUCTIONS

_GOALS: Mapping[str, tuple[tuple[float, float], tuple[float, float, float, float]]] = {
    "reach-v3": ((0.1, 0.3), (0.8, 0.0, 0.0, 1.0)),
    "push-v3": ((0.02, 0.02), (0.0, 0.8, 0.0, 1.0)),
    "pick-place-v3": ((0.1, 0.3), (0.0, 0.0, 0.8, 1.0)),
}
"""Heights that goals are drawn from, metres, and their colours, which the instructions name."""

_OPPOSITES = (
    ("drawer-open-v3", "drawer-close-v3"),
    ("door-open-v3", "door-close-v3"),
    ("door-lock-v3", "door-unlock-v3"),
    ("window-open-v3", "window-close-v3"),
    ("faucet-open-v3", "faucet-close-v3"),
    ("handle-press-v3", "handle-pull-v3"),
    ("handle-press-side-v3", "handle-pull-side-v3"),
)

SHARED_SCENES: Mapping[str, tuple[str, ...]] = {
    **{task: tuple(_GOALS) for task in _GOALS},
    **{task: pair for pair in _OPPOSITES for task in pair},
}
"""For each task the tasks whose instructions make sense in its scene, itself included."""

_LEAST_GOAL_DISTANCE = 0.1
"""Metres between two goals, so that reaching one is not reaching another."""

MARKER_RADIUS = 0.02
"""Metres."""

_OPPOSITE_COLOUR = (0.0, 0.8, 0.0, 1.0)


class SharedScene(MetaWorldScene):
    """The scene of one task in which another one's instruction is given.

    Args:
        task: whose scene it is; a key of ``SHARED_SCENES``.
        said: whose instruction is given and whose success is measured; one of ``SHARED_SCENES[task]``.
        cameras, size: as for any scene.
    """

    def __init__(self, task: str, said: str, cameras: Mapping[str, float] | None = None, size: int = 128) -> None:
        super().__init__(task, cameras or {}, size)
        self.instruction = INSTRUCTIONS[said]
        self.said = said
        self.other_task = ""
        self._expert = getattr(policies, expert_name(said))()
        self._expert_goal_shift = EXPERT_GOAL_SHIFT.get(said, 0.0)
        # Each task's own rules, applied to this scene's physics.
        self._judges = {name: simulator(name) for name in SHARED_SCENES[task]}
        # Where each task's own simulator puts what moves, ``[joints]``; drawn places move bodies, not joints.
        self._beginnings = [_beginning(judge) for judge in self._judges.values()]
        model = self._environment.model
        for judge in self._judges.values():
            judge.model, judge.data = model, self._environment.data
            judge._freeze_rand_vec = True
        # The model marks the goal of its own task alone; ``markers`` shows them all.
        for site in range(model.nsite):
            if model.site(site).name.startswith("goal"):
                model.site_rgba[site, 3] = 0.0

    @property
    def markers(self) -> list[tuple[np.ndarray, tuple[float, float, float, float]]]:
        """Where the goals are, ``[3]`` in metres, and in which colour each is shown."""
        return [
            (judge._target_pos, _GOALS[name][1] if name in _GOALS else _OPPOSITE_COLOUR)
            for name, judge in self._judges.items()
        ]

    def reset(self, seed: int) -> None:
        """Starts an episode whose state depends on the scene's task and on ``seed`` alone."""
        super().reset(seed)
        environment = self._environment
        state = self.save()
        drawn = np.asarray(environment._last_rand_vec)
        others = _draw_goals(seed, self.task, drawn) if self.task in _GOALS else {}
        for name, judge in self._judges.items():
            judge._last_rand_vec = np.concatenate([drawn[:3], others[name]]) if name in others else drawn
            judge.reset_model()
            self.restore(state)
        if self.task not in _GOALS:
            environment.data.qpos[ARM_JOINTS:] = np.mean(self._beginnings, axis=0)
            environment.data.qvel[ARM_JOINTS:] = 0.0
            mujoco.mj_forward(environment.model, environment.data)
        current = self._judge._get_curr_obs_combined_no_goal()
        environment._prev_obs = current
        self._observation = np.concatenate([current, current, self._judge._target_pos])

    def object_and_goal(self) -> np.ndarray:
        """As for any scene; the goal is that of the task whose instruction was given."""
        return np.concatenate([self._observation[4:7], self._judge._target_pos]).astype(np.float32)

    def step(self, action: np.ndarray) -> bool:
        """As for any scene; success is that of the task whose instruction was given."""
        clipped = np.clip(np.asarray(action, dtype=np.float32), -1.0, 1.0)
        self._environment.step(clipped)
        current = self._judge._get_curr_obs_combined_no_goal()
        self._observation = np.concatenate([current, self._observation[: len(current)], self._judge._target_pos])
        self.reward, info = self._judge.evaluate_state(self._observation, clipped)
        self.success = bool(info["success"])
        self.other_task = next((name for name in self._judges if name != self.said and self._is_done(name, clipped)), "")
        return self.success

    def _is_done(self, name: str, action: np.ndarray) -> bool:
        """Whether the rule of another task of the scene holds in the state reached."""
        judge = self._judges[name]
        current = judge._get_curr_obs_combined_no_goal()
        observation = np.concatenate([current, current, judge._target_pos])
        return bool(judge.evaluate_state(observation, action)[1]["success"])

    @property
    def _judge(self) -> SawyerXYZEnv:
        return self._judges[self.said]

    def _move_goals(self, displacement: np.ndarray) -> None:
        super()._move_goals(displacement)
        for judge in self._judges.values():
            judge._target_pos = judge._target_pos + displacement


def _beginning(environment: SawyerXYZEnv) -> np.ndarray:
    """The joints ``[joints]`` behind the arm's after a reset."""
    environment.reset()
    return environment.data.qpos[ARM_JOINTS:].copy()


def _draw_goals(seed: int, task: str, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Goals ``[3]`` of the tasks beside ``task``, away from the puck, from its goal and from each other.

    Args:
        drawn: ``[6]``, the puck and the goal of ``task``.
    """
    random = np.random.default_rng([seed, 1])
    taken, goals = [drawn[3:]], {}
    for name, ((lowest, highest), _) in _GOALS.items():
        if name == task:
            continue
        candidates = random.uniform([-0.1, 0.8, lowest], [0.1, 0.9, highest], size=(256, 3))
        # Meta-World draws again until a goal is this far from the puck; with a given draw it would do so for ever.
        candidates = candidates[np.linalg.norm(candidates[:, :2] - drawn[:2], axis=1) >= 0.15]
        distances = np.linalg.norm(candidates[:, None] - np.array(taken), axis=2).min(axis=1)
        fitting = np.flatnonzero(distances >= _LEAST_GOAL_DISTANCE)
        goals[name] = candidates[fitting[0] if len(fitting) else distances.argmax()]
        taken.append(goals[name])
    return goals
