"""Where a tool is for given joints, and how it moves with them: the chain of a URDF from a base link to a tool link."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .poses import Pose, rotation_matrix

_MOST_CHARACTERS = 4 << 20
_DAMPING = 0.02
"""Of the inverse: joints of a stretched arm turn slower than its tool would need."""
_MARGIN = 0.02
"""rad (m) before a joint's end at which it is led no nearer."""
_BRAKING_SECONDS = 0.2
"""A joint comes at most so fast that it reaches its end after this time."""


class KinematicsError(Exception):
    """A description of an arm cannot be used: ``subject`` is the link or joint at fault."""

    def __init__(self, subject: str, message: str) -> None:
        super().__init__(f"{subject}: {message}")
        self.subject = subject
        self.message = message


@dataclass(frozen=True)
class Joint:
    """One joint of a chain."""

    name: str
    kind: str
    """``"fixed"``, ``"turns"`` or ``"slides"``."""
    rotation: np.ndarray
    """``[3, 3]``: of its frame in that of the link before."""
    position: np.ndarray
    """``[3]``: of its frame in that of the link before, m."""
    axis: np.ndarray
    """``[3]``, of length 1, in its own frame."""
    least: float
    """rad or m; minus infinity: without end."""
    greatest: float
    """rad or m"""
    speed: float
    """rad/s or m/s, at most."""


class Chain:
    """The joints between two links, from the base to the tool.

    Args:
        joints: those that are fixed, too.
        names: those that move, in the order in which numbers of joints are given.

    Raises:
        KinematicsError: the joints that move are others than ``names``.
    """

    def __init__(self, joints: Sequence[Joint], names: Sequence[str]) -> None:
        self._joints = tuple(joints)
        moving = {joint.name: joint for joint in joints if joint.kind != "fixed"}
        for name in names:
            if name not in moving:
                raise KinematicsError(name, f"no joint between base and tool; there are: {', '.join(moving) or 'none'}")
        for name in moving:
            if name not in names:
                raise KinematicsError(name, "moves between base and tool, and the configuration does not name it")
        self._places = {name: index for index, name in enumerate(names)}
        ordered = [moving[name] for name in names]
        self.least = np.array([joint.least for joint in ordered])
        """``[joints]``"""
        self.greatest = np.array([joint.greatest for joint in ordered])
        """``[joints]``"""
        self.speeds = np.array([joint.speed for joint in ordered])
        """``[joints]``, rad/s or m/s, at most."""

    def pose(self, joints: np.ndarray) -> Pose:
        """Of the tool in the base frame, for ``joints`` ``[joints]``."""
        return self._walk(joints)[0]

    def jacobian(self, joints: np.ndarray) -> np.ndarray:
        """``[6, joints]``: linear and angular velocity of the tool in the base frame for each joint's own."""
        tool, axes = self._walk(joints)
        columns = np.zeros((6, len(self._places)))
        for joint, axis, origin in axes:
            place = self._places[joint.name]
            if joint.kind == "turns":
                columns[:3, place] = np.cross(axis, tool.position - origin)
                columns[3:, place] = axis
            else:
                columns[:3, place] = axis
        return columns

    def joint_velocity(self, joints: np.ndarray, linear: np.ndarray, angular: np.ndarray) -> np.ndarray:
        """``[joints]``: with which the tool moves as told, or slower in the same direction where a joint cannot.

        Args:
            joints: ``[joints]``, where they are.
            linear: ``[3]``, m/s, of the tool in the base frame.
            angular: ``[3]``, rad/s.
        """
        matrix = self.jacobian(joints)
        square = matrix @ matrix.T + _DAMPING**2 * np.eye(6)
        velocity = matrix.T @ np.linalg.solve(square, np.concatenate([linear, angular]))
        room = np.where(velocity > 0, self.greatest - joints, joints - self.least) - _MARGIN
        most = np.minimum(self.speeds, np.maximum(0.0, room) / _BRAKING_SECONDS)
        speed = np.abs(velocity)
        factors = np.divide(most, speed, out=np.ones_like(most), where=speed > most)
        return velocity * float(factors.min(initial=1.0))

    def _walk(self, joints: np.ndarray) -> tuple[Pose, list[tuple[Joint, np.ndarray, np.ndarray]]]:
        rotation, position = np.eye(3), np.zeros(3)
        axes = []
        for joint in self._joints:
            position = position + rotation @ joint.position
            rotation = rotation @ joint.rotation
            if joint.kind == "fixed":
                continue
            value = float(joints[self._places[joint.name]])
            axis = rotation @ joint.axis
            axes.append((joint, axis, position))
            if joint.kind == "turns":
                rotation = rotation @ rotation_matrix(joint.axis * value)
            else:
                position = position + axis * value
        return Pose(position, rotation), axes


def read_chain(urdf: str, base: str, tool: str, names: Sequence[str]) -> Chain:
    """The chain from link ``base`` to link ``tool`` of a URDF; ``names`` are its joints that move, in any order.

    Raises:
        KinematicsError: the text is no URDF, has no such chain, or other joints move in it.
    """
    if len(urdf) > _MOST_CHARACTERS:
        raise KinematicsError("urdf", f"{len(urdf)} characters, more than {_MOST_CHARACTERS}")
    try:
        root = ET.fromstring(urdf)
    except ET.ParseError as error:
        raise KinematicsError("urdf", f"no XML: {error}") from error
    links = {link.get("name") for link in root.findall("link")}
    for link in (base, tool):
        if link not in links:
            raise KinematicsError(link, "no link of this arm")
    before = {_link(element, "child"): element for element in root.findall("joint")}
    found: list[Joint] = []
    link = tool
    while link != base:
        element = before.pop(link, None)
        if element is None:
            raise KinematicsError(tool, f"no chain of joints leads from {base} to it")
        found.append(_joint(element))
        link = _link(element, "parent")
    return Chain(found[::-1], names)


def _joint(element: ET.Element) -> Joint:
    name = element.get("name") or ""
    kind = {"fixed": "fixed", "revolute": "turns", "continuous": "turns", "prismatic": "slides"}.get(
        element.get("type") or ""
    )
    if kind is None or element.find("mimic") is not None:
        raise KinematicsError(name, f"a joint that is {element.get('type')!r} or mimics another is not supported")
    origin, limit = element.find("origin"), element.find("limit")
    roll, pitch, yaw = _vector(name, origin, "rpy", (0.0, 0.0, 0.0))
    axis = _vector(name, element.find("axis"), "xyz", (1.0, 0.0, 0.0))
    length = float(np.linalg.norm(axis))
    if length < 1e-9:
        raise KinematicsError(name, "its axis has no direction")
    least, greatest, speed = -math.inf, math.inf, math.inf
    if kind != "fixed":
        if limit is None:
            raise KinematicsError(name, "has no limit of velocity")
        (speed,) = _vector(name, limit, "velocity", None, 1)
        if element.get("type") != "continuous":
            (least,) = _vector(name, limit, "lower", (0.0,), 1)
            (greatest,) = _vector(name, limit, "upper", (0.0,), 1)
        if not (least < greatest and speed > 0):
            raise KinematicsError(name, f"limits {least:g} to {greatest:g} at {speed:g} leave it no way to move")
    z, y, x = np.array([0.0, 0.0, yaw]), np.array([0.0, pitch, 0.0]), np.array([roll, 0.0, 0.0])
    rotation = rotation_matrix(z) @ rotation_matrix(y) @ rotation_matrix(x)
    position = _vector(name, origin, "xyz", (0.0, 0.0, 0.0))
    return Joint(name, kind, rotation, position, axis / length, least, greatest, speed)


def _link(joint: ET.Element, which: str) -> str:
    element = joint.find(which)
    return "" if element is None else element.get("link") or ""


def _vector(
    joint: str, element: ET.Element | None, key: str, otherwise: tuple[float, ...] | None, count: int = 3
) -> np.ndarray:
    text = None if element is None else element.get(key)
    if text is None:
        if otherwise is None:
            raise KinematicsError(joint, f"says no {key}")
        return np.array(otherwise)
    try:
        values = np.array([float(part) for part in text.split()])
    except ValueError:
        values = np.zeros(0)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise KinematicsError(joint, f"{key} is {count} finite numbers, found {text!r}")
    return values
