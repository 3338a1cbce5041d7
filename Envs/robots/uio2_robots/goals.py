"""Five balls in a simulated Franka's workspace, and the expert that goes to the one that is named.

The balls touch nothing. The simulator shows them where ``Trace.goals`` has them; those that are not asked for lie under the
floor.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np

COLOURS = {
    "red": (0.9, 0.1, 0.1),
    "green": (0.1, 0.65, 0.15),
    "blue": (0.1, 0.2, 0.9),
    "yellow": (0.95, 0.85, 0.1),
    "purple": (0.6, 0.1, 0.75),
}
"""What each ball is called, and how it looks."""
SENTENCES = {colour: f"Move the gripper to the {colour} ball." for colour in COLOURS}

LEAST, GREATEST = np.array([0.38, -0.22, 0.22]), np.array([0.64, 0.22, 0.46])
"""m, in the base frame: where balls lie, well inside the workspace of configurations/franka-goals.toml."""
NOWHERE = np.array([0.5, 0.0, -1.0])
"""m; under the floor, where no camera sees a ball."""
SPEED = 0.2
"""m/s, at most, of the expert."""
RADIUS = 0.02
"""m"""
_APART = 0.09
"""m, between two balls' middles, at least."""
_GAIN = 2.0
"""1/s: near the ball the expert goes as many times its distance a second."""


def add(worldbody: ET.Element) -> None:
    """Adds the balls to a scene of MuJoCo, in the order of ``COLOURS``."""
    for colour, rgb in COLOURS.items():
        body = ET.SubElement(worldbody, "body", name=f"goal_{colour}", mocap="true", pos="0.5 0 -1")
        rgba = " ".join(f"{part:g}" for part in (*rgb, 1))
        ET.SubElement(body, "geom", type="sphere", size=f"{RADIUS:g}", rgba=rgba, contype="0", conaffinity="0")


def hidden() -> np.ndarray:
    """``[5, 3]``: every ball out of sight."""
    return np.tile(NOWHERE, (len(COLOURS), 1))


def scattered(random: np.random.Generator) -> np.ndarray:
    """``[5, 3]``, m in the base frame: the balls somewhere, none near another."""
    places: list[np.ndarray] = []
    while len(places) < len(COLOURS):
        place = random.uniform(LEAST, GREATEST)
        if all(np.linalg.norm(place - other) >= _APART for other in places):
            places.append(place)
    return np.stack(places)


def plan(position: np.ndarray, goal: np.ndarray, steps: int, rate: float) -> np.ndarray:
    """The expert's next displacements ``[steps, 3]``, m: straight for ``goal`` ``[3]`` and slower near it.

    Args:
        position: ``[3]``, m: where the tool is.
        rate: control steps a second.
    """
    moves = []
    for _ in range(steps):
        way = goal - position
        distance = float(np.linalg.norm(way))
        speed = min(SPEED, _GAIN * distance)
        move = way * (speed / rate / distance) if distance > 0 else np.zeros(3)
        moves.append(move)
        position = position + move
    return np.stack(moves)
