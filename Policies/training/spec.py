"""What the policy sees and says: tasks, cameras, ranges, quantisation and the seeds each stage may use."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "Envs"))

TASKS = ("reach-v3", "push-v3", "drawer-close-v3", "button-press-topdown-v3", "door-open-v3")
CAMERAS = {"corner2": 30.0, "topview": 45.0}
"""Camera name to vertical field of view in degrees; the order is that of every stored frame pair."""
FRAME_SIZE = 128
JPEG_QUALITY = 95
CHUNK_LENGTH = 4
ACTION_DIMENSIONS = 4
BINS = 1000

PROPRIOCEPTION_RANGE = np.array([[-0.5, 0.5], [0.3, 1.0], [0.0, 0.5], [0.0, 1.0]])
"""``[4, 2]`` minimum and maximum of end effector x, y, z (metres) and gripper opening."""
POSITION_RANGE = np.concatenate([PROPRIOCEPTION_RANGE[:3], PROPRIOCEPTION_RANGE[:3]])
"""``[6, 2]`` for the object's and the goal's position in the auxiliary target."""
ACTION_RANGE = np.array([[-1.0, 1.0]] * ACTION_DIMENSIONS)
"""``[4, 2]`` native actions; a translation of 1 is 0.01 m, so this is the same grid as metres from -0.01 to 0.01."""

# Seeds of resets. The ranges are disjoint: nothing that is trained or selected on is ever used for a reported figure.
TEST_SEEDS = 0  # 0 .. 9,999: reported figures only
SELECTION_SEEDS = 10_000  # 10,000 .. 19,999: looked at while training
TRAINING_SEEDS = 1_000_000  # demonstrations
DAGGER_SEEDS = 2_000_000  # states that the policy itself visited


def quantise(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Values ``[..., d]`` to bins 0..999 (int64 ``[..., d]``) of ``limits`` ``[d, 2]``, rounding half up in float64."""
    minimum, maximum = limits[:, 0], limits[:, 1]
    unit = np.clip((np.asarray(values, dtype=np.float64) - minimum) / (maximum - minimum), 0.0, 1.0)
    return np.floor(unit * (BINS - 1) + 0.5).astype(np.int64)


def dequantise(bins: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Bins ``[..., d]`` to values (float64 ``[..., d]``) of ``limits`` ``[d, 2]``."""
    minimum, maximum = limits[:, 0], limits[:, 1]
    return minimum + np.asarray(bins, dtype=np.float64) / (BINS - 1) * (maximum - minimum)
