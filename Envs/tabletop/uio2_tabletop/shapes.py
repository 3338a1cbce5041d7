"""What things look like from above: outlines, and the convex pieces that they are made of.

A shape is a union of upright pieces, each a convex outline between two heights. The pieces are what collides; drawn
together they are what is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

MOVABLE_RADIUS = 0.036
"""Metres that 1 stands for in the outlines of movable things."""
MOVABLE_HEIGHT = 0.03
CONTAINER_HEIGHT = 0.03
_FLOOR = 0.005
_WALL = 0.007
_ROUND = 24
"""Corners of what passes for round."""


@dataclass(frozen=True)
class Piece:
    """A convex outline between two heights."""

    outline: tuple[tuple[float, float], ...]
    """Corners, anticlockwise, metres."""
    bottom: float
    top: float
    taper: float = 1.0
    """Size of the upper outline as a fraction of the lower."""
    is_disc: bool = False
    """Whether it collides as a cylinder."""
    box: tuple[float, float, float, float, float] | None = None
    """Centre, half sides and rotation of an outline that is a rectangle; it collides as a box."""


@dataclass(frozen=True)
class Shape:
    """A kind of thing."""

    name: str
    kind: str
    """``"movable"``, ``"container"`` or ``"mark"`` (painted on the table)."""
    pieces: tuple[Piece, ...]
    grip: tuple[float, float]
    """Where a suction cup finds a flat top, metres in the thing's frame."""
    radius: float
    """Metres within which all of it lies."""
    fold: int
    """Turning by a whole turn over this number changes nothing; 0: no turn does."""
    inner: tuple[tuple[float, float], ...] = ()
    """The floor of a container, or the area of a mark: a convex outline, metres."""

    @property
    def height(self) -> float:
        """Metres."""
        return max(piece.top for piece in self.pieces)


def ngon(corners: int, radius: float, phase: float = 0.0, centre: Sequence[float] = (0.0, 0.0)) -> np.ndarray:
    """A regular polygon ``[corners, 2]``."""
    angles = phase + 2 * np.pi * np.arange(corners) / corners
    return np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], axis=1)


def contains(outline: Sequence[Sequence[float]] | np.ndarray, point: np.ndarray, margin: float = 0.0) -> bool:
    """Whether ``point`` lies inside a convex outline, at least ``margin`` from its edge."""
    corners = np.asarray(outline)
    edges = np.roll(corners, -1, axis=0) - corners
    offsets = np.asarray(point) - corners
    distance = (edges[:, 0] * offsets[:, 1] - edges[:, 1] * offsets[:, 0]) / np.linalg.norm(edges, axis=1)
    return bool((distance >= margin).all())


def _corners(outline: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in outline)


def _polygon(outline: np.ndarray, bottom: float, top: float, taper: float = 1.0) -> Piece:
    return Piece(_corners(outline), bottom, top, taper)


def _rectangle(
    x: float, y: float, half_x: float, half_y: float, bottom: float, top: float, angle: float = 0.0
) -> Piece:
    corners = np.array([[-half_x, -half_y], [half_x, -half_y], [half_x, half_y], [-half_x, half_y]])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return Piece(_corners(corners @ turn + [x, y]), bottom, top, box=(x, y, half_x, half_y, angle))


def _disc(x: float, y: float, radius: float, bottom: float, top: float) -> Piece:
    return Piece(_corners(ngon(_ROUND, radius, centre=(x, y))), bottom, top, is_disc=True)


def _span(x0: float, y0: float, x1: float, y1: float) -> tuple[str, tuple[float, float, float, float]]:
    return "box", ((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)


def _movable(name: str, parts: list, grip: tuple[float, float], fold: int, *, height: float = MOVABLE_HEIGHT) -> Shape:
    """A movable shape; its parts are outlines, rectangles and discs in units of ``MOVABLE_RADIUS``."""
    unit = MOVABLE_RADIUS
    pieces = []
    for kind, values in parts:
        if kind == "box":
            pieces.append(_rectangle(*(unit * value for value in values), 0.0, height))
        elif kind == "disc":
            pieces.append(_disc(*(unit * value for value in values), 0.0, height))
        elif kind == "taper":
            pieces.append(_polygon(unit * np.asarray(values[0]), 0.0, height, values[1]))
        else:
            pieces.append(_polygon(unit * np.asarray(values), 0.0, height))
    radius = max(float(np.hypot(x, y)) for piece in pieces for x, y in piece.outline)
    return Shape(name, "movable", tuple(pieces), (unit * grip[0], unit * grip[1]), radius, fold)


def _ring() -> list:
    """Eight boxes around a hole."""
    parts = []
    outer, inner = ngon(8, 1.15), ngon(8, 0.5)
    for index in range(8):
        after = (index + 1) % 8
        parts.append(("polygon", [outer[index], outer[after], inner[after], inner[index]]))
    return parts


def _star() -> list:
    core, tips = ngon(5, 0.55, np.pi / 5), ngon(5, 1.25)
    points = [("polygon", [core[index - 1], tips[index], core[index]]) for index in range(5)]
    return [("polygon", core), *points]


def _heart() -> list:
    lower = [(-0.9, 0.25), (-0.75, 0.0), (0.0, -1.0), (0.75, 0.0), (0.9, 0.25), (0.0, 0.5)]
    return [("disc", (-0.45, 0.4, 0.5)), ("disc", (0.45, 0.4, 0.5)), ("polygon", lower)]


def _half() -> np.ndarray:
    angles = np.linspace(0, np.pi, _ROUND // 2 + 1)
    return np.stack([np.cos(angles), np.sin(angles) - 0.45], axis=1)


def _movables() -> list[Shape]:
    return [
        _movable("square", [_span(-0.85, -0.85, 0.85, 0.85)], (0, 0), 4),
        _movable("disc", [("disc", (0, 0, 1.0))], (0, 0), 0),
        _movable("triangle", [("polygon", ngon(3, 1.2, np.pi / 2))], (0, 0), 3),
        _movable("hexagon", [("polygon", ngon(6, 1.05))], (0, 0), 6),
        _movable("bar", [_span(-1.2, -0.4, 1.2, 0.4)], (0, 0), 2),
        _movable("ell", [_span(-0.9, -1, -0.2, 1), _span(-0.2, -1, 0.9, -0.3)], (-0.45, -0.4), 1),
        _movable("tee", [_span(-1, 0.35, 1, 1), _span(-0.33, -1, 0.33, 0.35)], (0, 0.3), 1),
        _movable(
            "plus", [_span(-1, -0.35, 1, 0.35), _span(-0.35, 0.35, 0.35, 1), _span(-0.35, -1, 0.35, -0.35)], (0, 0), 4
        ),
        _movable("zee", [_span(-1, 0, 0.35, 0.7), _span(-0.35, -0.7, 1, 0)], (0, 0), 2),
        _movable("diamond", [("polygon", [(-0.65, 0), (0, -1.15), (0.65, 0), (0, 1.15)])], (0, 0), 2),
        _movable("ring", _ring(), (0.71, 0.295), 8),
        _movable("half", [("polygon", _half())], (0, 0), 1),
        _movable("dome", [("taper", (ngon(_ROUND, 1.1), 0.5))], (0, 0), 0),
        _movable("tower", [_span(-0.55, -0.55, 0.55, 0.55)], (0, 0), 4, height=0.055),
        # Held out: only the level of new objects has them.
        _movable("heart", _heart(), (0, 0), 1),
        _movable("star", _star(), (0, 0), 5),
        _movable(
            "arrow", [("polygon", [(0, -0.9), (1.1, 0), (0, 0.9)]), _span(-1.1, -0.35, 0, 0.35)], (0, 0), 1
        ),
        _movable(
            "u", [_span(-1, -0.9, 1, -0.25), _span(-1, -0.25, -0.4, 0.9), _span(0.4, -0.25, 1, 0.9)], (0, -0.57), 1
        ),
        _movable("house", [("polygon", [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.2), (0, 1.1), (-0.8, 0.2)])], (0, 0), 1),
        _movable("pyramid", [("taper", (ngon(4, 1.3, np.pi / 4), 0.45))], (0, 0), 4),
    ]


def _container(name: str, corners: int, radius: float, fold: int, handles: Sequence[float] = ()) -> Shape:
    """A regular dish: a floor, a wall along every side, handles at some angles."""
    phase = np.pi / corners
    outer = ngon(corners, radius, phase)
    floor = _disc(0, 0, radius, 0.0, _FLOOR) if corners >= 12 else _polygon(outer, 0.0, _FLOOR)
    if corners == 4:
        floor = _rectangle(0, 0, radius * np.cos(phase), radius * np.cos(phase), 0.0, _FLOOR)
    pieces = [floor]
    apothem, side = radius * np.cos(phase), 2 * radius * np.sin(phase)
    for index in range(corners):
        angle = 2 * phase * (index + 1)
        along = apothem - _WALL / 2
        pieces.append(
            _rectangle(
                along * np.cos(angle), along * np.sin(angle), _WALL / 2, side / 2, _FLOOR, CONTAINER_HEIGHT, angle
            )
        )
    reach = 0.0
    for angle in handles:
        middle = apothem + 0.02
        pieces.append(
            _rectangle(middle * np.cos(angle), middle * np.sin(angle), 0.025, 0.009, 0.014, 0.024, angle)
        )
        reach = 0.02 + 0.025
    inner = ngon(corners, radius - _WALL / np.cos(phase), phase)
    return Shape(name, "container", tuple(pieces), (0, 0), max(radius, apothem + reach), fold, _corners(inner))


def _containers() -> list[Shape]:
    return [
        _container("bowl", 12, 0.086, 12),
        _container("tray", 4, 0.108, 4),
        _container("hexbox", 6, 0.092, 6),
        _container("pan", 12, 0.082, 1, (0.0,)),
        _container("scoop", 4, 0.104, 1, (np.pi / 2,)),
        # Held out.
        _container("pot", 12, 0.082, 2, (0.0, np.pi)),
        _container("pentagon", 5, 0.098, 5),
        _container("octagon", 8, 0.09, 8),
    ]


def _mark(name: str, half_x: float, half_y: float) -> Shape:
    """A rectangle painted on the table."""
    piece = _rectangle(0, 0, half_x, half_y, 0.0, 0.0006)
    return Shape(name, "mark", (piece,), (0, 0), float(np.hypot(half_x, half_y)), 2, piece.outline)


@cache
def catalogue() -> dict[str, Shape]:
    """All shapes by name."""
    marks = [_mark("mat", 0.055, 0.175), _mark("line", 0.006, 0.185)]
    return {shape.name: shape for shape in (*_movables(), *_containers(), *marks)}


NEW_MOVABLES = ("heart", "star", "arrow", "u", "house", "pyramid")
"""Shapes that no training episode has."""
NEW_CONTAINERS = ("pot", "pentagon", "octagon")


def names(kind: str, *, new: bool) -> tuple[str, ...]:
    """Names of the shapes of one kind: those held out, or those to train on."""
    held_out = {*NEW_MOVABLES, *NEW_CONTAINERS}
    return tuple(shape.name for shape in catalogue().values() if shape.kind == kind and (shape.name in held_out) == new)
