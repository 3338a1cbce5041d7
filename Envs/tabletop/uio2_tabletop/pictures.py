"""Draws scenes, and the pictures that stand inside prompts."""

from __future__ import annotations

import atexit
from collections.abc import Collection, Mapping, Sequence

import mujoco
import numpy as np

from .model import ARM_GROUP, HIDDEN_GROUP, THING_GROUP, Thing, field_of_view
from .moves import X_RANGE, Pose
from .world import World

CAMERAS = ("top", "front")
SCENE_SIZE = (256, 128)
"""Width and height of a pictured scene, pixels."""
THING_SIZE = (128, 128)
"""Width and height of a pictured thing, pixels."""
_THING_HALF_FIELD = 0.1
"""Metres that the picture of a thing shows in each direction, at least."""
_MAXIMUM_GEOMS = 400
_LINKS = (0.5, 0.46)
_ARM_HEIGHT = 0.3
_ARM_COLOUR = np.array([0.88, 0.88, 0.9, 1.0], dtype=np.float32)
_JOINT_COLOUR = np.array([0.25, 0.27, 0.32, 1.0], dtype=np.float32)

_context: mujoco.GLContext | None = None


def _make_current() -> None:
    """One OpenGL context serves all scenes of the process."""
    global _context
    if _context is None:
        _context = mujoco.GLContext(512, 512)
        # Before the interpreter takes OpenGL's module apart.
        atexit.register(_context.free)
    _context.make_current()


class Painter:
    """Draws one world.

    Args:
        world: what is drawn as it is at the time of a call.
    """

    def __init__(self, world: World) -> None:
        self._world, self._model = world, world.model
        self._scene = mujoco.MjvScene(self._model, maxgeom=_MAXIMUM_GEOMS)
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._target: mujoco.MjrContext | None = None
        # For pictures of what is not so: it has nothing to do with the world's own state.
        self._scratch = mujoco.MjData(self._model)

    def scene(self, camera: str, width: int, height: int, fov: float = 0.0, *, arm: bool = False) -> np.ndarray:
        """The present scene, uint8 ``[height, width, 3]``.

        Args:
            camera: one of ``CAMERAS``.
            width: pixels.
            height: pixels.
            fov: vertical field of view, degrees; 0: the camera's own, which is the action space's extent.
            arm: whether the arm is shown.
        """
        return self._draw(self._world.data, camera, width, height, fov, arm)

    def thing(self, index: int) -> np.ndarray:
        """A thing alone, from above, uint8 ``[128, 128, 3]``; all but the largest in the same scale."""
        half = self.half_field(self._world.things[index])
        middle = Pose((X_RANGE[0] + X_RANGE[1]) / 2, 0.0, 0.0)
        return self._imagined({index: middle}, THING_SIZE, field_of_view(half))

    @staticmethod
    def half_field(thing: Thing) -> float:
        """Metres that the picture of a thing shows in each direction from its middle."""
        return max(_THING_HALF_FIELD, 1.08 * thing.radius)

    def arrangement(self, poses: Mapping[int, Pose]) -> np.ndarray:
        """Some things where they are not, from above, uint8 ``[128, 256, 3]``; the others are left out."""
        return self._imagined(poses, SCENE_SIZE, 0.0)

    def pixel(self, point: Sequence[float], camera: str, width: int, height: int) -> tuple[float, float]:
        """Where a point ``[3]`` of the scene, metres, lies in a camera's picture: x to the right, y down, pixels."""
        number = self._model.camera(camera).id
        data = self._world.data
        right, up, back = data.cam_xmat[number].reshape(3, 3).T @ (np.asarray(point) - data.cam_xpos[number])
        focal = height / 2 / np.tan(np.radians(self._model.cam_fovy[number]) / 2)
        return float(width / 2 - focal * right / back), float(height / 2 + focal * up / back)

    def close(self) -> None:
        """Frees what lies on the graphics card."""
        if self._target is not None:
            _make_current()
            self._target.free()
            self._target = None

    def _imagined(self, poses: Mapping[int, Pose], size: tuple[int, int], fov: float) -> np.ndarray:
        model, scratch = self._model, self._scratch
        kept = model.body_pos.copy(), model.body_quat.copy()
        scratch.qpos[:] = self._world.data.qpos
        for index, pose in poses.items():
            body, joint = model.body(f"thing{index}"), mujoco.mj_name2id(
                model, mujoco.mjtObj.mjOBJ_JOINT, f"thing{index}"
            )
            turned = [np.cos(pose.rotation / 2), 0, 0, np.sin(pose.rotation / 2)]
            if joint >= 0:
                start = model.jnt_qposadr[joint]
                scratch.qpos[start : start + 7] = [pose.x, pose.y, 0, *turned]
            else:
                body.pos, body.quat = [pose.x, pose.y, 0], turned
        try:
            mujoco.mj_kinematics(model, scratch)
            mujoco.mj_camlight(model, scratch)
            return self._draw(scratch, "top", *size, fov, False, only=poses.keys())
        finally:
            model.body_pos[:], model.body_quat[:] = kept

    def _draw(
        self,
        data: mujoco.MjData,
        camera: str,
        width: int,
        height: int,
        fov: float,
        arm: bool,
        only: Collection[int] | None = None,
    ) -> np.ndarray:
        model = self._model
        hidden = [] if only is None else [index for index in range(len(self._world.things)) if index not in only]
        groups, stock = model.geom_group.copy(), model.cam_fovy.copy()
        for index in hidden:
            body = model.body(f"thing{index}")
            model.geom_group[int(body.geomadr[0]) : int(body.geomadr[0] + body.geomnum[0])] = HIDDEN_GROUP
        self._camera.fixedcamid = model.camera(camera).id
        if fov:
            model.cam_fovy[self._camera.fixedcamid] = fov
        self._option.geomgroup[:] = 0
        self._option.geomgroup[0] = self._option.geomgroup[THING_GROUP] = 1
        self._option.geomgroup[ARM_GROUP] = int(arm)
        try:
            everything = mujoco.mjtCatBit.mjCAT_ALL
            mujoco.mjv_updateScene(model, data, self._option, None, self._camera, everything, self._scene)
            if arm:
                self._add_arm()
            return self._pixels(width, height)
        finally:
            model.geom_group[:], model.cam_fovy[:] = groups, stock

    def _pixels(self, width: int, height: int) -> np.ndarray:
        _make_current()
        buffer = self._model.vis.global_
        if self._target is None or width > buffer.offwidth or height > buffer.offheight:
            self.close()
            buffer.offwidth, buffer.offheight = max(buffer.offwidth, width), max(buffer.offheight, height)
            self._target = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._target)
        area = mujoco.MjrRect(0, 0, width, height)
        frame = np.empty((height, width, 3), dtype=np.uint8)
        mujoco.mjr_render(area, self._scene, self._target)
        mujoco.mjr_readPixels(frame, None, area, self._target)
        return np.ascontiguousarray(frame[::-1])

    def _add_arm(self) -> None:
        """An arm of two links that carries the hand. It is drawn and nothing else: nothing can meet it."""
        hand = self._world.hand.pose
        wrist = np.array([hand.x, hand.y])
        distance = float(np.clip(np.linalg.norm(wrist), 0.05, sum(_LINKS) - 0.001))
        bend = np.arccos(np.clip((distance**2 + _LINKS[0] ** 2 - _LINKS[1] ** 2) / (2 * distance * _LINKS[0]), -1, 1))
        direction = np.arctan2(wrist[1], wrist[0]) + bend
        elbow = _LINKS[0] * np.array([np.cos(direction), np.sin(direction)])
        points = [np.array([*place, _ARM_HEIGHT]) for place in (np.zeros(2), elbow, wrist)]
        self._rod(np.zeros(3), points[0], 0.045, _ARM_COLOUR)
        self._rod(points[0], points[1], 0.028, _ARM_COLOUR)
        self._rod(points[1], points[2], 0.022, _ARM_COLOUR)
        self._rod(points[2], np.array([*wrist, hand.z + 0.13]), 0.011, _JOINT_COLOUR)
        for point, radius in zip(points, (0.05, 0.036, 0.028), strict=True):
            up = np.array([0, 0, 0.035])
            self._rod(point - up, point + up, radius, _JOINT_COLOUR)

    def _rod(self, start: np.ndarray, end: np.ndarray, radius: float, colour: np.ndarray) -> None:
        if self._scene.ngeom >= self._scene.maxgeom:
            return
        geom = self._scene.geoms[self._scene.ngeom]
        kind = mujoco.mjtGeom.mjGEOM_CAPSULE
        mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.eye(3).reshape(-1), colour)
        mujoco.mjv_connector(geom, kind, radius, start, end)
        self._scene.ngeom += 1


