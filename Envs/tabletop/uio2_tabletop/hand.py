"""The hand: three slides and a turn, driven by servos, with a suction cup or a spatula's blade at its end.

It knows where it is, how hard it pushes and how far away the surface below is, and nothing else about the scene.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np

from .model import CUP_RADIUS, REST, TIMESTEP, TOOL_BIT, TRAVEL_HEIGHT

SUCTION_FORCE = 8.0
"""Newtons that the cup holds; more tears the thing off."""
TOUCH_FORCE = 2.0
"""Newtons at which a descent ends."""
_SPEED, _EMPTY_SPEED = 1.4, 2.2
"""Metres a second, at most, on the way: with something on the cup, and without."""
_TURN_SPEED = 7.0
_FAST, _SLOW = 0.5, 0.1
"""Metres a second of a descent: far from the surface below, and near it."""
_NEAR = 0.015
_SEAL_TOLERANCE = 0.002
_LIFT, _REACH = 0.006, 0.004
"""Metres above the cup's end from which it is looked at what is under it, and how far below the end that may be."""
_CUP_PARTS, _BLADE_PARTS = ("cup", "rod"), ("blade", "left", "right", "stem")
_ASIDE = (np.zeros(3), np.array([1e-4, 7e-5, 0.0]))
_STRIDE = 2
"""Physics steps between two commands to the servos."""
_FRAME_STEPS = 10
"""Physics steps between two frames of a film: 20 a second."""


@dataclass(frozen=True)
class HandPose:
    """Where the end of the tool is: metres and radians."""

    x: float
    y: float
    z: float
    rotation: float


class Hand:
    """Moves through a model that ``model.build`` made.

    Args:
        model: its tools' contact bits are changed.
        data: its state.
        things: number of things, of which those with a ``suction{i}`` can be held.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, things: int) -> None:
        self._model, self._data = model, data
        self._welds = {
            index: int(weld)
            for index in range(things)
            if (weld := mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_EQUALITY, f"suction{index}")) >= 0
        }
        self._thing_of_body = {int(model.body(f"thing{index}").id): index for index in range(things)}
        self._body = int(model.body("hand").id)
        joints = [model.joint(name) for name in ("x", "y", "z", "yaw")]
        self._positions = np.array([int(joint.qposadr[0]) for joint in joints])
        self._velocities = np.array([int(joint.dofadr[0]) for joint in joints])
        self.held: int | None = None
        """The thing on the cup."""
        self.steps = 0
        """Physics steps so far."""
        self._load = 0.0
        self.watch: Callable[[], None] | None = None
        """Called while time passes, for films."""

    def rest(self) -> None:
        """Puts the hand where it waits, at once."""
        self._data.qpos[self._positions] = [*REST, TRAVEL_HEIGHT, 0.0]
        self._data.ctrl[:] = [*REST, TRAVEL_HEIGHT, 0.0]
        self.take("cup")

    def take(self, tool: str) -> None:
        """Changes the tool: ``"cup"`` or ``"blade"``."""
        self.tool = tool
        for name in (*_CUP_PARTS, *_BLADE_PARTS):
            geom, is_used = self._model.geom(name), name in (_CUP_PARTS if tool == "cup" else _BLADE_PARTS)
            geom.contype = TOOL_BIT if is_used else 0
            geom.rgba[3] = 1.0 if is_used else 0.0

    @property
    def pose(self) -> HandPose:
        """Where it is."""
        return HandPose(*(float(value) for value in self._data.qpos[self._positions]))

    def travel(self, x: float, y: float, rotation: float, *, settle: bool = True) -> bool:
        """Goes to a place at the present height, turning the shorter way; returns whether nothing was lost."""
        start = self._data.ctrl.copy()
        turn = (rotation - start[3] + np.pi) % (2 * np.pi) - np.pi
        end = np.array([x, y, start[2], start[3] + turn])
        # A smooth step's greatest speed is 1.5 times its mean.
        seconds = max(1.5 * np.hypot(x - start[0], y - start[1]) / self._speed, 1.5 * abs(turn) / _TURN_SPEED, 0.05)
        return self._go(start, end, seconds) and (not settle or self._settle())

    def slide(self, x: float, y: float, rotation: float, speed: float) -> None:
        """Goes to a place at a constant speed and the present height."""
        start = self._data.ctrl.copy()
        turn = (rotation - start[3] + np.pi) % (2 * np.pi) - np.pi
        seconds = max(np.hypot(x - start[0], y - start[1]) / speed, abs(turn) / _TURN_SPEED, TIMESTEP * _STRIDE)
        self._go(start, np.array([x, y, start[2], start[3] + turn]), seconds, is_smooth=False)
        self._settle()

    def descend(self, lowest: float, below: float = 0.0) -> bool | None:
        """Goes down until something resists.

        Args:
            lowest: metres at which it stops in any case.
            below: how far what is held reaches below the cup, metres.

        Returns:
            Whether something was touched before ``lowest``; ``None`` when what was held is lost.
        """
        step = TIMESTEP * _STRIDE
        # The range finder tells where to slow down. What is held hangs around the ray, so it starts below that.
        slow_at = self._surface(below) + below + _NEAR
        threshold = self._load - TOUCH_FORCE
        while self._data.ctrl[2] > lowest:
            height = self._data.ctrl[2]
            speed = _FAST if height > slow_at + 0.03 else _SLOW + (_FAST - _SLOW) * max(0.0, (height - slow_at) / 0.03)
            self._data.ctrl[2] = max(lowest, height - speed * step)
            if not self._advance():
                return None
            if self._data.actuator_force[2] < threshold and height < slow_at + 0.01:
                # The command is ahead of the hand by the servo's lag; stop pressing.
                self._data.ctrl[2] = self._data.qpos[self._positions[2]] - 0.0003
                return True
        return False if self._settle() else None

    def rise(self) -> bool:
        """Goes up to where the hand travels; returns whether nothing was lost."""
        start = self._data.ctrl.copy()
        end = start.copy()
        end[2] = TRAVEL_HEIGHT
        seconds = max(1.5 * (end[2] - start[2]) / (0.7 * self._speed), 0.05)
        return self._go(start, end, seconds)

    def weigh(self) -> None:
        """Feels how heavy what is held is, so that a touch can be told from it."""
        self._load = float(self._data.actuator_force[2])

    def wait(self, steps: int) -> None:
        """Stands still."""
        for _ in range(0, steps, _STRIDE):
            self._advance()

    # The cup.

    def attach(self) -> tuple[int | None, bool]:
        """Switches the suction on.

        Returns:
            The thing that is under the cup, and whether the cup is sealed on it and now holds it.
        """
        centre = self._data.xpos[self._body]
        offsets = [(0.0, 0.0)] + [(CUP_RADIUS * np.cos(a), CUP_RADIUS * np.sin(a)) for a in np.arange(6) * np.pi / 3]
        hits = [self._ray(centre + [x, y, _LIFT]) for x, y in offsets]
        # Whatever is within reach of the rim, the middle first.
        touched = [thing for thing, distance in hits if thing is not None and distance < _LIFT + _REACH]
        if not touched:
            return None, False
        under, distances = touched[0], [distance for _, distance in hits]
        is_flat = max(distances) - min(distances) <= _SEAL_TOLERANCE
        if not is_flat or any(thing != under for thing, _ in hits):
            return under, False
        weld = self._welds[under]
        body = int(self._model.body(f"thing{under}").id)
        inverse, offset, relative = np.zeros(4), np.zeros(3), np.zeros(4)
        mujoco.mju_negQuat(inverse, self._data.xquat[self._body])
        mujoco.mju_rotVecQuat(offset, self._data.xpos[body] - centre, inverse)
        mujoco.mju_mulQuat(relative, inverse, self._data.xquat[body])
        equality = self._model.eq_data[weld]
        equality[0:3], equality[3:6], equality[6:10], equality[10] = 0, offset, relative, 1
        self._data.eq_active[weld] = 1
        self.held, self._load = under, 0.0
        return under, True

    def release(self) -> None:
        """Switches the suction off."""
        if self.held is not None:
            self._data.eq_active[self._welds[self.held]] = 0
        self.held, self._load = None, 0.0

    def _ray(self, start: np.ndarray) -> tuple[int | None, float]:
        """The thing straight below a point, and how far down; ``None`` for the table."""
        # A ray along the seam of two faces meets neither, so a second one goes down beside it.
        return min((self._cast(np.asarray(start) + aside) for aside in _ASIDE), key=lambda hit: hit[1])

    def _cast(self, start: np.ndarray) -> tuple[int | None, float]:
        geom = np.zeros(1, dtype=np.int32)
        # Hulls are what is touched; the table has no other group.
        groups = np.array([1, 0, 0, 1, 0, 0], dtype=np.uint8)
        distance = mujoco.mj_ray(
            self._model, self._data, start, np.array([0.0, 0.0, -1.0]), groups, 1, self._body, geom
        )
        if geom[0] < 0:
            return None, np.inf
        return self._thing_of_body.get(int(self._model.geom_bodyid[geom[0]])), float(distance)

    def _surface(self, below: float) -> float:
        """Height of what is straight below the cup, or below what it holds, metres."""
        x, y, z, _ = self._data.qpos[self._positions]
        start = np.array([x, y, z - below - 0.001 if self.held is not None else z])
        _, distance = self._ray(start)
        return max(0.0, float(start[2]) - distance)

    # Time.

    @property
    def _speed(self) -> float:
        return _EMPTY_SPEED if self.held is None else _SPEED

    def _go(self, start: np.ndarray, end: np.ndarray, seconds: float, *, is_smooth: bool = True) -> bool:
        count = max(1, int(np.ceil(seconds / (TIMESTEP * _STRIDE))))
        fractions = np.arange(1, count + 1) / count
        if is_smooth:
            fractions = fractions**2 * (3 - 2 * fractions)
        for command in start + fractions[:, None] * (end - start):
            self._data.ctrl[:] = command
            if not self._advance():
                return False
        return True

    def _settle(self) -> bool:
        """Waits until the servos are where they were told to be, to 0.01 mm, or cannot get there."""
        for _ in range(40):
            error = np.abs(self._data.qpos[self._positions] - self._data.ctrl)
            speed = np.abs(self._data.qvel[self._velocities])
            if error[:2].max() < 1e-5 and error[3] < 1e-4 and speed[:2].max() < 1e-3:
                return True
            if not self._advance():
                return False
        return True

    def _advance(self) -> bool:
        """Lets time pass; returns whether the cup still holds what it held."""
        mujoco.mj_step(self._model, self._data, _STRIDE)
        self.steps += _STRIDE
        if self.watch is not None and self.steps % _FRAME_STEPS == 0:
            self.watch()
        if self.held is None:
            return True
        # Of the constraints the equalities come first, and only one of them is ever active.
        force = self._data.efc_force[:3]
        if force @ force > SUCTION_FORCE**2:
            self.release()
            return False
        return True

