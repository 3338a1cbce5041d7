"""Cameras of gymnasium environments: those of a MuJoCo model at any size, or the one picture that an environment draws."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from .environment import EnvironmentFailure


def eyes_of(environment: Any, cameras: Mapping[str, Mapping[str, Any]], marks: Mapping[str, str]) -> Any:
    """What draws.

    Args:
        environment: of gymnasium.
        cameras: by name: ``name`` of the model's own camera, or where a free one stands; nothing for the environment's picture.
        marks: sites of the model and the part of the observation that says where they are drawn.
    """
    inner = environment.unwrapped
    if hasattr(inner, "model") and hasattr(inner, "data"):
        return MuJoCoEyes(inner, cameras, marks)
    if len(cameras) != 1:
        known = ", ".join(cameras) or "none"
        raise EnvironmentFailure("unknown_camera", known, "an environment without a MuJoCo model has one camera, its own")
    return OwnPicture(environment)


class MuJoCoEyes:
    """Draws a model's cameras from a copy of its state, so that nothing it does can be felt."""

    def __init__(self, inner: Any, cameras: Mapping[str, Mapping[str, Any]], marks: Mapping[str, str]) -> None:
        import mujoco

        self._mujoco, self._inner, self._cameras, self._marks = mujoco, inner, cameras, marks
        self._renderers: dict[tuple[int, int], Any] = {}

    def look(self, camera: str, width: int, height: int, fov: float, observation: Any) -> np.ndarray:
        """uint8 ``[height, width, 3]``."""
        from .description import part_of

        model, seen = self._inner.model, copy.copy(self._inner.data)
        for site, source in self._marks.items():
            seen.site_xpos[model.site(site).id] = part_of(observation, source)
        known = self._cameras[camera]
        stock = float(model.vis.global_.fovy), model.cam_fovy.copy()
        if fov:
            model.vis.global_.fovy, model.cam_fovy[:] = fov, fov
        try:
            renderer = self._renderer(width, height)
            renderer.update_scene(seen, known["name"] if "name" in known else self._free(known))
            return renderer.render().copy()
        finally:
            model.vis.global_.fovy, model.cam_fovy[:] = stock

    def _free(self, known: Mapping[str, Any]) -> Any:
        camera = self._mujoco.MjvCamera()
        camera.lookat[:] = known["lookat"]
        camera.distance, camera.azimuth, camera.elevation = (
            float(known[key]) for key in ("distance", "azimuth", "elevation")
        )
        return camera

    def _renderer(self, width: int, height: int) -> Any:
        if (width, height) not in self._renderers:
            buffer = self._inner.model.vis.global_
            buffer.offwidth, buffer.offheight = max(buffer.offwidth, width), max(buffer.offheight, height)
            self._renderers[width, height] = self._mujoco.Renderer(self._inner.model, height, width)
        return self._renderers[width, height]

    def close(self) -> None:
        """Frees what draws."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()


class OwnPicture:
    """The picture that an environment draws of itself, scaled; it has the field of view that it has."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment

    def look(self, camera: str, width: int, height: int, fov: float, observation: Any) -> np.ndarray:
        """uint8 ``[height, width, 3]``."""
        from PIL import Image

        return np.array(Image.fromarray(self._environment.render()).resize((width, height), Image.Resampling.BILINEAR))

    def close(self) -> None:
        """Nothing to free."""
