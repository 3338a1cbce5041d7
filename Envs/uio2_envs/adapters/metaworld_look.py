"""How a Meta-World scene looks, and changes of it that leave no trace in the next episode. The physics stay as they are."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

CAMERA_SHIFT = 0.08
"""Metres by which a standing camera moves when the amount is 1."""

CAMERA_TURN = 4.0
"""Degrees by which every camera turns when the amount is 1."""

_TEXTURES = ("T_table", "T_floor")
_CELLS = 16
_DISTRACTORS = 4


@dataclass(frozen=True)
class Ornament:
    """A body that is drawn and nothing else: the arm passes through it."""

    shape: int
    """A value of ``mujoco.mjtGeom``."""
    size: tuple[float, float, float]
    """Metres."""
    position: tuple[float, float, float]
    """Metres, world frame."""
    colour: tuple[float, float, float, float]
    """Red, green, blue, opacity, from 0 to 1."""


class Look:
    """The appearance of a model as it is now, which ``restore`` returns to.

    Args:
        model: changed in place, in nothing that the physics depend on.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._fields = {
            name: getattr(model, name).copy()
            for name in ("cam_pos", "cam_quat", "cam_mat0", "light_diffuse", "light_ambient", "light_specular")
        }
        self._headlight = {name: getattr(model.vis.headlight, name).copy() for name in ("ambient", "diffuse")}
        self._textures = {
            index: model.tex_data[_texels(model, index)].copy()
            for index in range(model.ntex)
            if model.texture(index).name in _TEXTURES
        }
        self._are_textures_changed = False
        self.textures_version = 0
        """Counts changes of texels: a renderer that has loaded an older version must load them again."""
        self.ornaments: list[Ornament] = []
        """Drawn in addition to the model."""

    @property
    def textures(self) -> list[int]:
        """Indices of the textures that may change."""
        return list(self._textures)

    def restore(self) -> None:
        """Undoes every change."""
        for name, values in self._fields.items():
            getattr(self._model, name)[:] = values
        for name, values in self._headlight.items():
            getattr(self._model.vis.headlight, name)[:] = values
        self.ornaments = []
        if self._are_textures_changed:
            for index, texels in self._textures.items():
                self._model.tex_data[_texels(self._model, index)] = texels
            self._are_textures_changed = False
            self.textures_version += 1

    def change(self, kind: str, amount: float, random: np.random.Generator) -> None:
        """Makes one perturbation, ``amount`` of it: 1 is the most."""
        {
            "camera": self._move_cameras,
            "light": self._change_light,
            "texture": self._paint,
            "distractors": self._add_distractors,
        }[kind](amount, random)

    def _move_cameras(self, amount: float, random: np.random.Generator) -> None:
        model = self._model
        for index in range(model.ncam):
            shift, axis = (_direction(random) for _ in range(2))
            # One that rides on the hand is a few centimetres from it: it turns and does not shift.
            if model.cam_bodyid[index] == 0:
                model.cam_pos[index] += CAMERA_SHIFT * amount * shift
            turn, turned = np.zeros(4), np.zeros(4)
            # About an axis in the picture's plane, in the camera's own frame: it pans and tilts.
            axis = np.array([axis[0], axis[1], 0.0]) / np.hypot(axis[0], axis[1])
            mujoco.mju_axisAngle2Quat(turn, axis, np.radians(CAMERA_TURN * amount))
            mujoco.mju_mulQuat(turned, model.cam_quat[index], turn)
            model.cam_quat[index] = turned
            # A camera that tracks its body keeps this orientation instead.
            rotation = np.zeros(9)
            mujoco.mju_quat2Mat(rotation, turn)
            model.cam_mat0[index] = (model.cam_mat0[index].reshape(3, 3) @ rotation.reshape(3, 3)).reshape(-1)

    def _change_light(self, amount: float, random: np.random.Generator) -> None:
        # Darker or brighter, with a tint; the lamps unequally, so that shading changes too.
        level = random.choice([-0.6, 0.5])
        tint = level + random.uniform(-0.2, 0.2, size=3)
        lamps = random.uniform(0.6, 1.0, size=(self._model.nlight, 1))
        for name in ("light_diffuse", "light_ambient", "light_specular"):
            getattr(self._model, name)[:] *= 1 + amount * lamps * tint
        for name in self._headlight:
            getattr(self._model.vis.headlight, name)[:] *= 1 + amount * tint

    def _paint(self, amount: float, random: np.random.Generator) -> None:
        """Blends the table and the floor with a mosaic of three colours."""
        model = self._model
        for index, texels in self._textures.items():
            palette = random.uniform(0, 255, size=(3, 3))
            cells = random.integers(3, size=(_CELLS, _CELLS))
            height, width = int(model.tex_height[index]), int(model.tex_width[index])
            rows, columns = np.arange(height) * _CELLS // height, np.arange(width) * _CELLS // width
            mosaic = palette[cells[np.ix_(rows, columns)]].reshape(-1)
            blended = texels + 0.8 * amount * (mosaic - texels)
            model.tex_data[_texels(model, index)] = np.clip(blended, 0, 255).astype(np.uint8)
        self._are_textures_changed = True
        self.textures_version += 1

    def _add_distractors(self, amount: float, random: np.random.Generator) -> None:
        """Coloured things on the table, left and right of where the arm works; as many as the amount says, of the same list."""
        shapes = (mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_CYLINDER)
        for number in range(_DISTRACTORS):
            side, radius = (-1 if number % 2 else 1), random.uniform(0.025, 0.04)
            place = (side * random.uniform(0.16, 0.26), random.uniform(0.5, 0.75), radius)
            colour = (*random.permutation([1.0, random.uniform(0.2, 0.8), 0.1]), 1.0)
            shape = shapes[random.integers(len(shapes))]
            if number < round(amount * _DISTRACTORS):
                self.ornaments.append(Ornament(shape, (radius, radius, radius), place, colour))


def draw(scene: mujoco.MjvScene, ornaments: list[Ornament]) -> None:
    """Adds ornaments to a scene that is about to be drawn."""
    for ornament in ornaments:
        mujoco.mjv_initGeom(
            scene.geoms[scene.ngeom],
            ornament.shape,
            np.array(ornament.size),
            np.array(ornament.position),
            np.eye(3).reshape(-1),
            np.array(ornament.colour, dtype=np.float32),
        )
        scene.ngeom += 1


def sphere(position: np.ndarray, radius: float, colour: tuple[float, float, float, float]) -> Ornament:
    """A ball at ``position``, ``[3]`` in metres."""
    x, y, z = (float(value) for value in position)
    return Ornament(mujoco.mjtGeom.mjGEOM_SPHERE, (radius, radius, radius), (x, y, z), colour)


def load_textures(renderer: mujoco.Renderer, model: mujoco.MjModel, textures: list[int]) -> None:
    """Gives a renderer the texels of ``model`` anew."""
    renderer._gl_context.make_current()
    for index in textures:
        mujoco.mjr_uploadTexture(model, renderer._mjr_context, index)


def _texels(model: mujoco.MjModel, index: int) -> slice:
    """Where the bytes of a texture lie in ``tex_data``: ``[height, width, channels]``, flat."""
    start = int(model.tex_adr[index])
    return slice(start, start + int(model.tex_height[index] * model.tex_width[index] * model.tex_nchannel[index]))


def _direction(random: np.random.Generator) -> np.ndarray:
    """A unit vector ``[3]``, each direction as likely as any other."""
    vector = random.standard_normal(3)
    return vector / np.linalg.norm(vector)
