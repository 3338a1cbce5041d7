"""Meta-World v3: a Sawyer arm with 50 tasks (https://github.com/Farama-Foundation/Metaworld).

The scene itself, shared with whoever makes demonstrations, is ``metaworld_scene.py``; here it gets names and units.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np

from ..environment import Environment, EnvironmentFailure, Quantity, Specification
from ..metaworld_tasks import INSTRUCTIONS
from .opengl import choose_backend

_MISSING = [package for package in ("metaworld", "mujoco", "packaging") if find_spec(package) is None]
if _MISSING:
    raise EnvironmentFailure(
        "simulator_missing",
        "metaworld",
        f"not installed here: {', '.join(_MISSING)}; run: pip install -r Envs/requirements.txt",
    )
choose_backend()

import mujoco  # noqa: E402  (reads MUJOCO_GL when imported)

from ..metaworld_scene import ACTION_SCALE, CONTROL_STEP_SECONDS, STEP_LIMIT, MetaWorldScene  # noqa: E402

TASKS: Mapping[str, str] = INSTRUCTIONS

PACKAGES = ("metaworld", "mujoco", "gymnasium", "numpy", "scipy")
"""What the physics, and so every result, depends on."""

_OPEN = -1.0
"""The native gripper command that opens, which is how an episode begins."""


class _Scene(MetaWorldScene):
    """A scene whose frames may have any size and field of view."""

    def __init__(self, task: str) -> None:
        super().__init__(task, cameras={})
        self._renderers: dict[tuple[int, int], mujoco.Renderer] = {}
        model = self._environment.model
        self.camera_names = tuple(model.camera(index).name for index in range(model.ncam))
        self._stock_field_of_view = {name: float(model.camera(name).fovy[0]) for name in self.camera_names}

    def render_at(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        """As ``render``, with a size in pixels and a field of view in degrees (0: the camera's own)."""
        model = self._environment.model
        if (width, height) not in self._renderers:
            model.vis.global_.offwidth = max(model.vis.global_.offwidth, width)
            model.vis.global_.offheight = max(model.vis.global_.offheight, height)
            self._renderers[width, height] = mujoco.Renderer(model, height=height, width=width)
        self._renderer = self._renderers[width, height]
        model.camera(camera).fovy = vertical_field_of_view or self._stock_field_of_view[camera]
        return self.render(camera)

    def close(self) -> None:
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()
        self._renderer = None
        super().close()


class MetaWorldEnvironment(Environment):
    """One Meta-World task in names and units; goals are fresh at every reset, drawn by the seed from the full range."""

    def __init__(self, task: str) -> None:
        super().__init__(task, INSTRUCTIONS[task])
        self._scene = _Scene(task)
        self._grip = _OPEN
        self._specification = Specification(
            cameras=self._scene.camera_names,
            # Where Meta-World lets the hand go; the opening is 1 when the fingers are 0.1 m apart.
            proprioception=(
                Quantity("end_effector_x", "m", -0.525, 0.525),
                Quantity("end_effector_y", "m", 0.348, 1.025),
                Quantity("end_effector_z", "m", -0.0525, 0.7),
                Quantity("gripper_opening", "1", 0.0, 1.0),
            ),
            actions=(
                Quantity("delta_x", "m", -ACTION_SCALE, ACTION_SCALE),
                Quantity("delta_y", "m", -ACTION_SCALE, ACTION_SCALE),
                Quantity("delta_z", "m", -ACTION_SCALE, ACTION_SCALE),
                Quantity("gripper", "1", -1.0, 1.0),
            ),
            action_frame="base",
            action_mode="delta",
            hold="zero",
            control_rate=1.0 / CONTROL_STEP_SECONDS,
            step_limit=STEP_LIMIT,
        )

    @property
    def specification(self) -> Specification:
        return self._specification

    def expert(self) -> np.ndarray:
        """The scripted expert's action for the present state, ``[4]``, metres and grip."""
        return self._scene.expert().astype(np.float64) * [ACTION_SCALE, ACTION_SCALE, ACTION_SCALE, 1.0]

    def _reset(self, seed: int) -> None:
        self._scene.reset(seed)
        self._grip = _OPEN

    def _observe(self) -> Mapping[str, float]:
        names = (quantity.name for quantity in self._specification.proprioception)
        return dict(zip(names, self._scene.proprioception(), strict=True))

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        return self._scene.render_at(camera, width, height, vertical_field_of_view)

    def _step(self, action: np.ndarray) -> bool:
        self._grip = action[3]
        return self._scene.step(action / [ACTION_SCALE, ACTION_SCALE, ACTION_SCALE, 1.0])

    def _hold_action(self) -> np.ndarray:
        # The grip is a force: without it whatever the hand carries would fall.
        return np.array([0.0, 0.0, 0.0, self._grip])

    def _close(self) -> None:
        self._scene.close()


def make(task: str) -> MetaWorldEnvironment:
    """The environment of ``task``, a name of ``TASKS``."""
    return MetaWorldEnvironment(task)
