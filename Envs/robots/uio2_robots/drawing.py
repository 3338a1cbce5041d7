"""What cameras see of a simulated arm: MuJoCo draws a scene for given joints and goals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .shared import JOINTS

_NOISE = 2
"""Grey levels: a sensor's noise, without which a scene at rest looks like a camera that hangs."""


@dataclass(frozen=True)
class DrawnCamera:
    """A camera of a drawn scene."""

    name: str
    width: int
    height: int
    position: tuple[float, float, float]
    """m, in the arm's base frame."""
    target: tuple[float, float, float]
    field_of_view: float
    """Vertical, degrees."""


class Drawing:
    """Draws a scene.

    Args:
        scene: MJCF, as ``uio2_robots.simulator`` writes it.
        cameras: that will be asked for.
    """

    def __init__(self, scene: str, cameras: Iterable[DrawnCamera]) -> None:
        from uio2_envs.adapters.opengl import choose_backend

        choose_backend()
        import mujoco

        self._mujoco = mujoco
        self.model = mujoco.MjModel.from_xml_string(scene)
        # Shadows and several samples a pixel take most of the time, and tell a policy nothing.
        self.model.vis.quality.shadowsize, self.model.vis.quality.offsamples = 0, 0
        self.data = mujoco.MjData(self.model)
        sizes = {(camera.height, camera.width) for camera in cameras}
        self._renderers = {size: mujoco.Renderer(self.model, *size) for size in sizes}
        self._noise = np.random.default_rng(0)

    def place(self, joints: np.ndarray, goals: np.ndarray) -> None:
        """Moves the arm to ``joints`` ``[9]`` (rad, m) and the goals to ``[5, 3]`` (m)."""
        self.data.qpos[:JOINTS] = joints
        self.data.mocap_pos[: len(goals)] = goals
        self._mujoco.mj_forward(self.model, self.data)

    def picture(self, camera: DrawnCamera) -> np.ndarray:
        """uint8 ``[height, width, 3]``, with a sensor's noise."""
        renderer = self._renderers[camera.height, camera.width]
        self.model.vis.global_.fovy = camera.field_of_view
        renderer.update_scene(self.data, camera=self._view(camera))
        renderer.scene.flags[self._mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        frame = renderer.render().astype(np.int16)
        frame += self._noise.integers(-_NOISE, _NOISE + 1, size=frame.shape, dtype=np.int16)
        return np.clip(frame, 0, 255).astype(np.uint8)

    def _view(self, camera: DrawnCamera) -> Any:
        """A free camera of MuJoCo at the place of ``camera``."""
        view = self._mujoco.MjvCamera()
        self._mujoco.mjv_defaultCamera(view)
        towards = np.subtract(camera.target, camera.position)
        view.distance = float(np.linalg.norm(towards))
        view.lookat[:] = camera.target
        view.azimuth = float(np.degrees(np.arctan2(towards[1], towards[0])))
        view.elevation = float(np.degrees(np.arcsin(towards[2] / view.distance)))
        return view
