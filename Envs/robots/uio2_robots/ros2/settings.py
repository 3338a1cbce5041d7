"""The table ``[ros2]`` of a robot's configuration: topics, joints and links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..fields import Fields

COMMANDS = ("trajectory", "twist")
"""How the tool's velocity is told: as the joints' way (``trajectory_msgs/JointTrajectory``, for a joint trajectory
controller), or as it is (``geometry_msgs/TwistStamped``, for MoveIt Servo)."""


@dataclass(frozen=True)
class HandSettings:
    """A gripper that a joint trajectory controller moves."""

    trajectory: str
    """Topic of its commands."""
    joints: tuple[str, ...]
    """The first one tells how far it is open: joint states of it are required, as new as the arm's."""
    open: np.ndarray
    """``[joints]``, in their own unit."""
    closed: np.ndarray
    """``[joints]``"""
    seconds: float
    """For a motion from end to end."""


@dataclass(frozen=True)
class Ros2Settings:
    """Where an arm is found among the topics."""

    command: str
    """A name of ``COMMANDS``."""
    joints: tuple[str, ...]
    """Names, in the order of ``home``."""
    base: str
    """The link whose frame is the base frame."""
    tool: str
    """The link that is moved."""
    joint_states: str
    """Topic, ``sensor_msgs/JointState``."""
    trajectory: str
    """Topic of the arm's trajectory controller; the way home goes there too."""
    twist: str
    """Topic of MoveIt Servo; empty unless ``command`` is ``"twist"``."""
    description: str
    """Topic of the URDF, ``std_msgs/String`` that is kept for latecomers; empty: ``urdf`` is a file."""
    urdf: Path | None
    """The URDF as a file."""
    state_age: float
    """Seconds; joint states that are older are none."""
    behind: float
    """rad (m of a sliding joint): an arm that is farther behind its commands is blocked."""
    home_speed: float
    """rad/s of the fastest joint on the way home."""
    hand: HandSettings | None


def read_settings(
    fields: Fields, table: Mapping[str, Any], joint_count: int, grips: bool, measures: bool, folder: Path
) -> Ros2Settings:
    """Reads the table.

    Args:
        joint_count: numbers of ``home``.
        grips: whether an action drives the gripper.
        measures: whether a number of the policy is the gripper's opening.
        folder: that a path of the table begins at.

    Raises:
        ConfigurationError: a field is missing or wrong.
    """
    command = fields.choice(table, "ros2.command", COMMANDS)
    joints = fields.texts(table, "ros2.joints")
    if len(joints) != joint_count:
        raise fields.error("ros2.joints", f"home has {joint_count} numbers, here are {len(joints)} joints")
    has_file = "urdf" in table
    if has_file == ("description" in table):
        raise fields.error("ros2.description", "say either description, a topic, or urdf, a file")
    hand = None
    if "gripper" in table:
        hand = _read_hand(fields, fields.table(table, "ros2.gripper"))
    elif grips:
        raise fields.error("ros2.gripper", "an action drives the gripper; say which controller moves it")
    elif measures:
        raise fields.error("ros2.gripper", "gripper_opening is measured; say which joint tells it")
    return Ros2Settings(
        command=command,
        joints=joints,
        base=fields.text(table, "ros2.base"),
        tool=fields.text(table, "ros2.tool"),
        joint_states=fields.text(table, "ros2.joint_states"),
        trajectory=fields.text(table, "ros2.trajectory"),
        twist=fields.text(table, "ros2.twist") if command == "twist" else "",
        description="" if has_file else fields.text(table, "ros2.description"),
        urdf=folder / fields.text(table, "ros2.urdf") if has_file else None,
        state_age=fields.positive(table, "ros2.state_age"),
        behind=fields.positive(table, "ros2.behind"),
        home_speed=fields.positive(table, "ros2.home_speed"),
        hand=hand,
    )


def _read_hand(fields: Fields, table: Mapping[str, Any]) -> HandSettings:
    joints = fields.texts(table, "ros2.gripper.joints")
    is_open = fields.numbers(table, "ros2.gripper.open", len(joints))
    closed = fields.numbers(table, "ros2.gripper.closed", len(joints))
    if is_open[0] == closed[0]:
        raise fields.error("ros2.gripper.open", "the first joint is at the same place when it is open and when closed")
    return HandSettings(
        trajectory=fields.text(table, "ros2.gripper.trajectory"),
        joints=joints,
        open=is_open,
        closed=closed,
        seconds=fields.positive(table, "ros2.gripper.seconds"),
    )
