"""When a task is done, and how its oracle does it.

An oracle looks into the simulator and plans all its moves from the state that it sees, each for where the ones before
it should leave things.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .model import Thing
from .moves import PICK_AND_PLACE, PUSH, Move, Pose
from .shapes import contains
from .world import World

PLACE_TOLERANCE = 0.02
"""Metres."""
TURN_TOLERANCE = np.radians(10)


class Goal(ABC):
    """What an episode is about. It remembers what has happened, so each world needs its own."""

    @abstractmethod
    def update(self, world: World) -> bool:
        """Looks at the state that a primitive has led to; returns whether the task is done in it."""

    @abstractmethod
    def plan(self, world: World) -> list[Move]:
        """What the oracle would do from here; empty when nothing is left to do."""


class Inside(Goal):
    """Some things are in a container, and no others are.

    Args:
        wanted: the things.
        container: the container.
    """

    def __init__(self, wanted: Sequence[int], container: int) -> None:
        self._wanted, self._container = tuple(wanted), container

    def update(self, world: World) -> bool:
        if not world.is_upright(self._container):
            return False
        movable = [index for index, thing in enumerate(world.things) if thing.is_free and thing.form.kind == "movable"]
        return all(is_inside(world, index, self._container) == (index in self._wanted) for index in movable)

    def plan(self, world: World) -> list[Move]:
        dish = world.pose(self._container)
        # Two lie side by side.
        places = [(0.0, 0.0)] if len(self._wanted) == 1 else [(0.0, -0.048), (0.0, 0.048)]
        moves = []
        for index, place in zip(self._wanted, places, strict=True):
            if is_inside(world, index, self._container):
                continue
            x, y = dish.point(place)
            moves.append(carry(world.things[index], world.pose(index), replace(world.pose(index), x=x, y=y), True))
        return moves


class Scenes(Goal):
    """Things are brought to where pictures show them, one picture after the other.

    Args:
        scenes: where some things belong, picture by picture.
        turn_tolerance: radians.
    """

    def __init__(self, scenes: Sequence[Mapping[int, Pose]], turn_tolerance: float = TURN_TOLERANCE) -> None:
        self._scenes = tuple(dict(scene) for scene in scenes)
        self._turn_tolerance = turn_tolerance
        self.reached = 0
        """How many pictures have come true, in their order."""

    def update(self, world: World) -> bool:
        if self.reached < len(self._scenes) and self._holds(world, self._scenes[self.reached]):
            self.reached += 1
        return self.reached == len(self._scenes) and self._holds(world, self._scenes[-1])

    def plan(self, world: World) -> list[Move]:
        poses = {index: world.pose(index) for scene in self._scenes for index in scene}
        moves = []
        for scene in self._scenes[min(self.reached, len(self._scenes) - 1) :]:
            for index, target in scene.items():
                if not self._is_there(world.things[index], poses[index], target):
                    moves.append(carry(world.things[index], poses[index], target))
                    poses[index] = target
        return moves

    def _holds(self, world: World, scene: Mapping[int, Pose]) -> bool:
        return all(
            world.is_upright(index)
            and world.height(index) < 0.004
            and self._is_there(world.things[index], world.pose(index), target)
            for index, target in scene.items()
        )

    def _is_there(self, thing: Thing, pose: Pose, target: Pose) -> bool:
        is_near = np.hypot(pose.x - target.x, pose.y - target.y) <= PLACE_TOLERANCE
        return bool(is_near and abs(turn_between(pose, target, thing.form.fold)) <= self._turn_tolerance)


class Swept(Goal):
    """So many things of one kind lie on a mat, none of another kind, and none has ever crossed the line behind it.

    Args:
        kind: the things that are meant.
        others: the things that are not.
        count: how many of ``kind``.
        mat: the mat, whose x axis points the way that things are swept.
        line: the line.
    """

    _RUN_UP = 0.045

    def __init__(self, kind: Sequence[int], others: Sequence[int], count: int, mat: int, line: int) -> None:
        self._kind, self._others, self._count = tuple(kind), tuple(others), count
        self._mat, self._line = mat, line
        self.is_crossed = False

    def update(self, world: World) -> bool:
        line = world.pose(self._line)
        for index in (*self._kind, *self._others):
            pose = world.pose(index)
            self.is_crossed |= bool(line.local((pose.x, pose.y))[0] > 0) or index in world.fallen
        swept = sum(self._is_on_mat(world, index) for index in self._kind)
        strays = sum(self._is_on_mat(world, index) for index in self._others)
        return not self.is_crossed and swept == self._count and strays == 0

    def plan(self, world: World) -> list[Move]:
        mat, moves = world.pose(self._mat), []
        missing = self._count - sum(self._is_on_mat(world, index) for index in self._kind)
        waiting = [index for index in self._kind if not self._is_on_mat(world, index)]
        for index in waiting[: max(0, missing)]:
            pose = world.pose(index)
            along, across = mat.local((pose.x, pose.y))
            reach = world.things[index].radius
            begin = mat.point((along - self._RUN_UP, across))
            end = mat.point((-0.7 * reach, across))
            # The blade's face looks the way it moves.
            moves.append(Move(PUSH, Pose(*begin, _turn(mat.rotation)), Pose(*end, _turn(mat.rotation))))
        return moves

    def _is_on_mat(self, world: World, index: int) -> bool:
        pose = world.pose(index)
        return contains(world.things[self._mat].form.inner, world.pose(self._mat).local((pose.x, pose.y)))


def carry(thing: Thing, now: Pose, target: Pose, is_into: bool = False) -> Move:
    """The move that brings a thing from where it is to where it belongs: gripped at its flat place, turned on the way.

    Args:
        thing: what is carried.
        now: where it is.
        target: where its origin comes to lie; its middle, when it goes into something.
        is_into: whether its middle counts.
    """
    grip = np.array(thing.form.grip) * thing.scale
    if is_into:
        shift = target.point(middle(thing)) - [target.x, target.y]
        target = replace(target, x=target.x - shift[0], y=target.y - shift[1])
    start, end = now.point(grip), target.point(grip)
    turn = _turn(target.rotation - now.rotation)
    return Move(PICK_AND_PLACE, Pose(float(start[0]), float(start[1]), 0.0), Pose(float(end[0]), float(end[1]), turn))


def middle(thing: Thing) -> np.ndarray:
    """The middle of a thing's extent in its own frame ``[2]``."""
    corners = np.array([corner for piece in thing.form.pieces for corner in piece.outline]) * thing.scale
    return (corners.min(axis=0) + corners.max(axis=0)) / 2


def is_inside(world: World, index: int, container: int) -> bool:
    """Whether a thing lies in a container, whatever its side."""
    dish, form = world.things[container], world.things[container].form
    body = world.data.body(f"thing{index}")
    x, y, z = body.xipos
    local = world.pose(container).local((x, y)) / dish.scale
    return bool(contains(form.inner, local) and 0 < z < 3 * dish.height)


def turn_between(pose: Pose, target: Pose, fold: int) -> float:
    """Radians from one pose to another, for a thing that looks the same ``fold`` times in a turn (0: always)."""
    if fold == 0:
        return 0.0
    period = 2 * np.pi / fold
    return float((target.rotation - pose.rotation + period / 2) % period - period / 2)


def _turn(angle: float) -> float:
    return float(angle % (2 * np.pi))
