"""Poses: positions ``[3]`` in metres and rotation matrices ``[3, 3]``; rotations also as vectors ``[3]`` in radians."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pose:
    """Where something is, in some frame."""

    position: np.ndarray
    """``[3]``, m."""
    rotation: np.ndarray
    """``[3, 3]``: the columns are its axes."""


def rotation_matrix(vector: np.ndarray) -> np.ndarray:
    """The rotation ``[3, 3]`` about ``vector`` ``[3]`` by its length in radians."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = np.asarray(vector, dtype=np.float64) / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def rotation_vector(matrix: np.ndarray) -> np.ndarray:
    """The vector ``[3]`` of a rotation ``[3, 3]``: axis times angle, radians in 0…π."""
    cosine = float(np.clip((np.trace(matrix) - 1) / 2, -1, 1))
    angle = math.acos(cosine)
    skew = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]) / 2
    if angle < 1e-7:
        return skew
    if math.pi - angle > 1e-4:
        return skew * (angle / math.sin(angle))
    # Near half a turn the skew part vanishes; the axis is the direction that stays.
    symmetric = (matrix + np.eye(3)) / 2
    axis = symmetric[:, int(np.argmax(np.diag(symmetric)))]
    axis = axis / np.linalg.norm(axis)
    return axis * angle * (1.0 if float(axis @ skew) >= 0 else -1.0)


@dataclass(frozen=True)
class Frame:
    """A policy's frame as it lies in the arm's base frame."""

    rotation: np.ndarray
    """``[3, 3]``: its axes in the base frame."""
    translation: np.ndarray
    """``[3]``: its origin in the base frame, m."""

    def to_base(self, pose: Pose) -> Pose:
        """A pose of this frame, in the base frame."""
        return Pose(self.rotation @ pose.position + self.translation, self.rotation @ pose.rotation)

    def from_base(self, pose: Pose) -> Pose:
        """A pose of the base frame, in this frame."""
        return Pose(self.rotation.T @ (pose.position - self.translation), self.rotation.T @ pose.rotation)

    def direction_to_base(self, vector: np.ndarray) -> np.ndarray:
        """A displacement or a rotation vector of this frame ``[3]``, in the base frame."""
        return self.rotation @ vector
