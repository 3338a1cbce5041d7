"""The scene in motion: things on a table, and primitives that physics executes.

What a primitive asks for is tried, not granted: the cup may find nothing, leak on an edge, lose what it carries, or put
a thing down where it tips over. ``Outcome`` says what happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import mujoco
import numpy as np

from .hand import Hand, HandPose
from .model import (
    REST,
    TABLE_BIT,
    TABLE_X,
    TABLE_Y,
    Thing,
    build,
)
from .moves import PUSH, Move, Pose

_PUSH_SPEED = 0.35
_BLADE_CLEARANCE = 0.0015
_SETTLING_STEPS = 120
_FALLING_STEPS = 100
_STILL = 0.004
"""Metres and radians a second below which a thing is at rest."""


class Outcome(StrEnum):
    """What came of a primitive."""

    DONE = "done"
    NOTHING_THERE = "nothing_there"
    """The cup met the table."""
    NO_SEAL = "no_seal"
    """The cup met an edge, a slope or a gap, and leaked."""
    TORN_OFF = "torn_off"
    """What was picked hung on something or was too heavy, and came off on the way."""
    BLOCKED = "blocked"
    """The blade met a thing on its way down, so that nothing was pushed."""
    FELL_OFF = "fell_off"
    """A thing went over the table's edge."""
    UNREADABLE = "unreadable"
    """What was said is no sentence of the action space; nothing moved."""


@dataclass(frozen=True)
class Report:
    """How a primitive went."""

    outcome: Outcome
    thing: int | None
    """What was picked."""
    over: HandPose
    """Where the hand was above the first place, before anything could push it aside."""
    began: HandPose
    """Where the tool met the scene."""
    ended: HandPose
    """Where it let go, or was when it went wrong."""
    seconds: float
    """Of simulated time."""


class World:
    """One scene.

    Args:
        things: what there is.
        poses: where those on the table begin; others are left out.
    """

    def __init__(self, things: Sequence[Thing], poses: Mapping[int, Pose]) -> None:
        self.things = tuple(things)
        self.model = build(things)
        self.data = mujoco.MjData(self.model)
        self._bodies = [int(self.model.body(f"thing{index}").id) for index in range(len(things))]
        self._free = [index for index, thing in enumerate(things) if thing.is_free]
        self._starts = {index: int(self.model.joint(f"thing{index}").qposadr[0]) for index in self._free}
        self._velocities = {index: int(self.model.joint(f"thing{index}").dofadr[0]) for index in self._free}
        self.hand = Hand(self.model, self.data, len(things))
        self.fallen: set[int] = set()
        for index, pose in poses.items():
            self.place(index, pose)
        self.hand.rest()
        mujoco.mj_forward(self.model, self.data)
        # Things begin a hair above the table.
        self._wait_until_still()

    def place(self, index: int, pose: Pose) -> None:
        """Puts a thing somewhere on the bare table, at once; a picture's scene and the beginning of an episode."""
        cos, sin = np.cos(pose.rotation / 2), np.sin(pose.rotation / 2)
        if index in self._starts:
            start = self._starts[index]
            self.data.qpos[start : start + 7] = [pose.x, pose.y, 0.0002, cos, 0, 0, sin]
            self.data.qvel[self._velocities[index] : self._velocities[index] + 6] = 0
        elif self.things[index].on_table:
            self.model.body_pos[self._bodies[index]] = [pose.x, pose.y, 0]
            self.model.body_quat[self._bodies[index]] = [cos, 0, 0, sin]

    def pose(self, index: int) -> Pose:
        """Where a thing is now."""
        body = self._bodies[index]
        matrix = self.data.xmat[body]
        x, y, _ = self.data.xpos[body]
        return Pose(float(x), float(y), float(np.arctan2(matrix[3], matrix[0])))

    def height(self, index: int) -> float:
        """Metres between the table and a thing's lower face."""
        return float(self.data.xpos[self._bodies[index]][2])

    def is_upright(self, index: int) -> bool:
        """Whether a thing stands as it began, within 15 degrees."""
        return bool(self.data.xmat[self._bodies[index]][8] > np.cos(np.radians(15)))

    def execute(self, move: Move) -> Report:
        """Executes a primitive and lets everything come to rest; the hand waits outside of the picture afterwards."""
        before, steps = len(self.fallen), self.hand.steps
        thing, began = None, self.hand.pose
        self._over = began
        if move.primitive == PUSH:
            outcome, began = self._push(move)
        else:
            outcome, thing, began = self._pick_and_place(move)
        ended = self.hand.pose
        self.hand.release()
        self.hand.rise()
        self.hand.travel(*REST, 0.0, settle=False)
        self._wait_until_still()
        self._drop_what_left_the_table()
        if len(self.fallen) > before:
            outcome = Outcome.FELL_OFF
        return Report(outcome, thing, self._over, began, ended, (self.hand.steps - steps) * self.model.opt.timestep)

    def _pick_and_place(self, move: Move) -> tuple[Outcome, int | None, HandPose]:
        hand = self.hand
        hand.take("cup")
        hand.travel(move.start.x, move.start.y, move.start.rotation)
        self._over = hand.pose
        hand.descend(0.0)
        began = hand.pose
        thing, is_held = hand.attach()
        if not is_held:
            return (Outcome.NOTHING_THERE if thing is None else Outcome.NO_SEAL), thing, began
        below = max(0.0, hand.pose.z - self.height(thing))
        if not hand.rise():
            return Outcome.TORN_OFF, thing, began
        hand.weigh()
        if not hand.travel(move.end.x, move.end.y, move.end.rotation):
            return Outcome.TORN_OFF, thing, began
        if hand.descend(0.0, below) is None:
            return Outcome.TORN_OFF, thing, began
        # The suction goes off only when the thing has stopped swinging.
        hand.wait(6)
        ended = hand.held is not None
        return (Outcome.DONE if ended else Outcome.TORN_OFF), thing, began

    def _push(self, move: Move) -> tuple[Outcome, HandPose]:
        hand = self.hand
        hand.take("blade")
        hand.travel(move.start.x, move.start.y, move.start.rotation)
        self._over = hand.pose
        touched = hand.descend(_BLADE_CLEARANCE)
        began = hand.pose
        if touched and hand.pose.z > _BLADE_CLEARANCE + 0.002:
            return Outcome.BLOCKED, began
        hand.slide(move.end.x, move.end.y, move.end.rotation, _PUSH_SPEED)
        return Outcome.DONE, began

    def _wait_until_still(self) -> None:
        for _ in range(0, _SETTLING_STEPS, 10):
            self.hand.wait(10)
            if self._is_still():
                return

    def _is_still(self) -> bool:
        starts = [start for index, start in self._velocities.items() if index not in self.fallen]
        moving = [self.data.qvel[start : start + 6] for start in starts]
        return not moving or bool(np.abs(np.array(moving)).max() < _STILL)

    def _drop_what_left_the_table(self) -> None:
        """What has its middle beyond an edge meets the table no more, and falls to the floor."""
        is_falling = False
        for index in self._free:
            pose = self.pose(index)
            inside = TABLE_X[0] <= pose.x <= TABLE_X[1] and TABLE_Y[0] <= pose.y <= TABLE_Y[1]
            if inside or index in self.fallen:
                continue
            self.fallen.add(index)
            body = self.model.body(f"thing{index}")
            for geom in range(int(body.geomadr[0]), int(body.geomadr[0] + body.geomnum[0])):
                self.model.geom_conaffinity[geom] &= ~TABLE_BIT
            is_falling = True
        if is_falling:
            self.hand.wait(_FALLING_STEPS)
            self._wait_until_still()

