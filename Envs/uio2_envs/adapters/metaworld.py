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

from ..metaworld_scene import (  # noqa: E402
    ACTION_SCALE,
    CONTROL_STEP_SECONDS,
    STEP_LIMIT,
    MetaWorldScene,
    upright,
)
from ..metaworld_shared import MARKER_RADIUS, SHARED_SCENES, SharedScene  # noqa: E402
from .metaworld_look import Look, draw, load_textures, sphere  # noqa: E402

__all__ = ["SCENE_CHANGES", "SHARED_SCENES", "TASKS", "VIEWS", "MetaWorldEnvironment", "make"]

TASKS: Mapping[str, str] = INSTRUCTIONS

PACKAGES = ("metaworld", "mujoco", "gymnasium", "numpy", "scipy")
"""What the physics, and so every result, depends on."""

SCENE_CHANGES = frozenset({"camera", "light", "texture", "distractors", "moved_object"})
"""Perturbations of the scene, which every task can have."""

_OPEN = -1.0
"""The native gripper command that opens, which is how an episode begins."""


VIEWS = ("published",)
"""``published``: the camera of LeRobot's evaluation, which published figures for MT50 were measured with, alone."""

_PUBLISHED_CAMERA, _PUBLISHED_POSITION = "corner2", (0.75, 0.075, 0.7)


class _Drawing:
    """Frames of a scene, of any size and field of view.

    Args:
        view: a name of ``VIEWS``; ``None``: all cameras where the model has them, drawn without shadows.
    """

    def __init__(self, scene: MetaWorldScene, view: str | None) -> None:
        self._scene = scene
        self._renderers: dict[tuple[int, int], mujoco.Renderer] = {}
        self._loaded: dict[tuple[int, int], int] = {}
        self._model, self._data = scene.physics
        self._is_plain = view is None
        self.camera_names = tuple(self._model.camera(index).name for index in range(self._model.ncam))
        if view == "published":
            self.camera_names = (_PUBLISHED_CAMERA,)
            self._model.camera(_PUBLISHED_CAMERA).pos = _PUBLISHED_POSITION
            # As Meta-World's own scenes say.
            self._model.vis.quality.shadowsize, self._model.vis.quality.offsamples = 4096, 4
        self._stock_field_of_view = {name: float(self._model.camera(name).fovy[0]) for name in self.camera_names}
        self.look = Look(self._model)

    def render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        """The frame ``[height, width, 3]``; a field of view in degrees, 0: the camera's own."""
        renderer = self._renderer(width, height)
        self._model.camera(camera).fovy = vertical_field_of_view or self._stock_field_of_view[camera]
        renderer.update_scene(self._data, camera=camera)
        if self._is_plain:
            self._scene.prepare_drawing(renderer.scene)
        draw(renderer.scene, self.look.ornaments)
        if isinstance(self._scene, SharedScene):
            draw(renderer.scene, [sphere(place, MARKER_RADIUS, colour) for place, colour in self._scene.markers])
        return upright(renderer.render(), camera)

    def close(self) -> None:
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()

    def _renderer(self, width: int, height: int) -> mujoco.Renderer:
        """The one for this size, with the present textures."""
        size, model = (width, height), self._model
        if size not in self._renderers:
            model.vis.global_.offwidth = max(model.vis.global_.offwidth, width)
            model.vis.global_.offheight = max(model.vis.global_.offheight, height)
            self._renderers[size] = mujoco.Renderer(model, height=height, width=width)
            self._loaded[size] = self.look.textures_version
        if self._loaded[size] != self.look.textures_version:
            load_textures(self._renderers[size], model, self.look.textures)
            self._loaded[size] = self.look.textures_version
        return self._renderers[size]


class MetaWorldEnvironment(Environment):
    """One Meta-World task in names and units; goals are fresh at every reset, drawn by the seed from the full range."""

    scene_changes = SCENE_CHANGES

    def __init__(self, task: str, instruction_from: str | None = None, view: str | None = None) -> None:
        super().__init__(task, INSTRUCTIONS[instruction_from or task])
        self._scene = MetaWorldScene(task, {}) if instruction_from is None else SharedScene(task, instruction_from)
        self._drawing = _Drawing(self._scene, view)
        self._grip = _OPEN
        self._specification = Specification(
            cameras=self._drawing.camera_names,
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
        self._drawing.look.restore()
        self._scene.reset(seed)
        self._grip = _OPEN

    def _observe(self) -> Mapping[str, float]:
        names = (quantity.name for quantity in self._specification.proprioception)
        return dict(zip(names, self._scene.proprioception(), strict=True))

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        return self._drawing.render(camera, width, height, vertical_field_of_view)

    def _step(self, action: np.ndarray) -> bool:
        self._grip = action[3]
        success = self._scene.step(action / [ACTION_SCALE, ACTION_SCALE, ACTION_SCALE, 1.0])
        self.reward = self._scene.reward
        if isinstance(self._scene, SharedScene):
            self.other_task = self._scene.other_task
        return success

    def _hold_action(self) -> np.ndarray:
        # The grip is a force: without it whatever the hand carries would fall.
        return np.array([0.0, 0.0, 0.0, self._grip])

    def _brake(self) -> None:
        self._scene.brake()

    def _change_scene(self, kind: str, amount: float, random: np.random.Generator) -> None:
        self._drawing.look.change(kind, amount, random)
        mujoco.mj_camlight(*self._scene.physics)

    def _move_object(self, displacement: np.ndarray) -> None:
        self._scene.move_object(displacement)

    def _close(self) -> None:
        self._drawing.close()
        self._scene.close()


def make(task: str, *, instruction_from: str | None = None, view: str | None = None) -> MetaWorldEnvironment:
    """The environment of ``task``, a name of ``TASKS``.

    Args:
        instruction_from: one of ``SHARED_SCENES[task]``, whose instruction is given and whose success is measured.
        view: a name of ``VIEWS``.
    """
    return MetaWorldEnvironment(task, instruction_from, view)
