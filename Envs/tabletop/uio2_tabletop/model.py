"""A scene as a MuJoCo model: the table, the hand with its two tools, and the things of one episode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from . import textures
from .moves import X_RANGE
from .shapes import Piece, Shape, catalogue

TABLE_X = (0.2, 0.8)
"""Metres: the table's edges."""
TABLE_Y = (-0.56, 0.56)
TIMESTEP = 0.005
TRAVEL_HEIGHT = 0.16
"""Metres at which the hand moves over everything."""
REST = (0.08, 0.0)
"""Where the hand waits, outside of the pictures."""
CUP_RADIUS = 0.005
BLADE_HALF_WIDTH = 0.027
_CAMERA_DISTANCE = 5.0
_FRONT_ELEVATION = np.radians(42)

# Contact bits: who meets whom.
TABLE_BIT, THING_BIT, TOOL_BIT, DISH_BIT = 1, 2, 4, 8

THING_GROUP, ARM_GROUP, HIDDEN_GROUP = 1, 2, 3
"""Groups of geoms that are drawn or left out together."""


@dataclass(frozen=True)
class Thing:
    """What lies on the table or is only pictured."""

    shape: str
    texture: str
    scale: float = 1.0
    on_table: bool = True
    """Whether it is in the scene; otherwise it is there for pictures alone."""

    @property
    def form(self) -> Shape:
        """Its shape, before scaling."""
        return catalogue()[self.shape]

    @property
    def radius(self) -> float:
        """Metres within which all of it lies."""
        return self.form.radius * self.scale

    @property
    def height(self) -> float:
        """Metres; only the footprint is scaled unless the thing is smaller than usual."""
        return self.form.height * min(self.scale, 1.0)

    @property
    def is_free(self) -> bool:
        """Whether physics moves it."""
        return self.on_table and self.form.kind != "mark"


def field_of_view(half_height: float) -> float:
    """Degrees at which a camera sees this many metres above and below its axis."""
    return float(np.degrees(2 * np.arctan(half_height / _CAMERA_DISTANCE)))


def build(things: Sequence[Thing]) -> mujoco.MjModel:
    """The model of a scene; thing i is the body ``thing{i}``."""
    assets = {f"{name}.png": textures.png(name) for name in {textures.TABLE, *(thing.texture for thing in things)}}
    meshes, bodies, welds, materials = [], [], [], []
    for name in sorted({thing.texture for thing in things}):
        materials.append(f'<texture name="{name}" type="2d" file="{name}.png"/>')
        materials.append(f'<material name="{name}" texture="{name}" specular="0.1" shininess="0.2"/>')
    for index, thing in enumerate(things):
        is_dish = thing.form.kind == "container"
        floor = thing.form.pieces[:1] if is_dish else ()
        looks = {"look": thing.form.pieces[len(floor) :], "base": floor}
        geoms = []
        for look, pieces in looks.items():
            if not pieces:
                continue
            meshes.append(_mesh(f"{look}{index}", pieces, thing))
            # From straight above nothing but its shade tells the floor of a dish from its wall.
            shade = 'rgba="0.6 0.6 0.6 1"' if look == "base" else ""
            geoms.append(f'<geom class="look" mesh="{look}{index}" material="{thing.texture}" {shade}/>')
        if thing.is_free:
            for number, piece in enumerate(thing.form.pieces):
                geoms.append(_collision(f"hull{index}_{number}", piece, thing, meshes))
            geoms += _feet(thing)
            between = f'body1="hand" body2="thing{index}"'
            welds.append(f'<weld name="suction{index}" {between} active="false" solref="0.012 1"/>')
        joint = f'<freejoint name="thing{index}"/>' if thing.is_free else ""
        # What is only pictured waits below the floor.
        z = 0 if thing.on_table else -2
        bodies.append(f'<body name="thing{index}" pos="0 0 {z}">{joint}{"".join(geoms)}</body>')
    text = _TEMPLATE.format(
        timestep=TIMESTEP,
        materials="".join(materials),
        meshes="".join(meshes),
        bodies="".join(bodies),
        equality=f"<equality>{''.join(welds)}</equality>" if welds else "",
        fov=field_of_view((X_RANGE[1] - X_RANGE[0]) / 2),
        centre=(X_RANGE[0] + X_RANGE[1]) / 2,
        top=_CAMERA_DISTANCE,
        front_x=(X_RANGE[0] + X_RANGE[1]) / 2 + _CAMERA_DISTANCE * np.cos(_FRONT_ELEVATION),
        front_z=_CAMERA_DISTANCE * np.sin(_FRONT_ELEVATION),
        up_x=-np.sin(_FRONT_ELEVATION),
        up_z=np.cos(_FRONT_ELEVATION),
        table_half_x=(TABLE_X[1] - TABLE_X[0]) / 2,
        table_half_y=(TABLE_Y[1] - TABLE_Y[0]) / 2,
        travel=TRAVEL_HEIGHT,
        rest_x=REST[0],
        rest_y=REST[1],
        cup=CUP_RADIUS,
        blade=BLADE_HALF_WIDTH,
    )
    return mujoco.MjModel.from_xml_string(text, assets)


def _scaled(piece: Piece, thing: Thing) -> tuple[np.ndarray, float, float]:
    """The outline ``[corners, 2]`` and the two heights of a piece of this thing."""
    upright = min(thing.scale, 1.0)
    return np.array(piece.outline) * thing.scale, piece.bottom * upright, piece.top * upright


def _prism(outline: np.ndarray, bottom: float, top: float, taper: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners ``[n, 3]`` and triangles ``[m, 3]`` of a piece; faces share no corners, so that edges stay sharp."""
    count = len(outline)
    low = np.column_stack([outline, np.full(count, bottom)])
    high = np.column_stack([outline * taper, np.full(count, top)])
    fan = np.array([[0, k, k + 1] for k in range(1, count - 1)])
    vertices, faces = [low, high], [fan[:, ::-1], fan + count]
    start = 2 * count
    for index in range(count):
        after = (index + 1) % count
        vertices.append(np.array([low[index], low[after], high[after], high[index]]))
        faces.append(np.array([[start, start + 1, start + 2], [start, start + 2, start + 3]]))
        start += 4
    return np.concatenate(vertices), np.concatenate(faces)


def _mesh(name: str, pieces: Sequence[Piece], thing: Thing) -> str:
    """All pieces as one mesh, with the texture laid on from above."""
    vertices, faces, start = [], [], 0
    for piece in pieces:
        corners, triangles = _prism(*_scaled(piece, thing), piece.taper)
        vertices.append(corners)
        faces.append(triangles + start)
        start += len(corners)
    corners = np.concatenate(vertices)
    spread = thing.radius
    texels = np.clip(corners[:, :2] / (2 * spread) + 0.5, 0, 1)
    return (
        f'<mesh name="{name}" inertia="shell" vertex="{_numbers(corners)}" texcoord="{_numbers(texels)}" '
        f'face="{" ".join(map(str, np.concatenate(faces).reshape(-1)))}"/>'
    )


_FOOT = 0.001


def _feet(thing: Thing) -> list[str]:
    """Small balls at the corners of either face, which meet the table, and the floor of a dish, for all pieces.

    A ball meets anything in one sure point. Where two cylinders or meshes meet, the points found need not surround the
    weight, and each piece would bring its own.
    """
    geoms = []
    pieces = [piece for piece in thing.form.pieces if piece.bottom == 0]
    is_round = len(pieces) == 1 and pieces[0].is_disc
    meets = TABLE_BIT if thing.form.kind == "container" else TABLE_BIT | DISH_BIT
    for is_upper in (False,) if thing.form.kind == "container" else (False, True):
        corners = []
        for piece in pieces:
            outline, bottom, top = _scaled(piece, thing)
            corners.append(outline * piece.taper if is_upper else outline)
        z = top - _FOOT if is_upper else bottom + _FOOT
        points = np.concatenate(corners)
        for x, y in points[:: len(points) // 6] if is_round else _outermost(points):
            geoms.append(
                f'<geom class="hull" type="sphere" size="{_FOOT}" pos="{x} {y} {z}" contype="0" '
                f'conaffinity="{meets}" mass="0"/>'
            )
    return geoms


def _outermost(points: np.ndarray) -> np.ndarray:
    """Three or four of some points ``[n, 2]`` that span as much as such a choice does, about."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    first, second = np.unravel_index(np.argmax(apart), apart.shape)
    across = points[second] - points[first]
    side = across[0] * (points[:, 1] - points[first, 1]) - across[1] * (points[:, 0] - points[first, 0])
    chosen = [first, int(np.argmax(side)), second, int(np.argmin(side))]
    return points[list(dict.fromkeys(chosen))]


def _collision(name: str, piece: Piece, thing: Thing, meshes: list[str]) -> str:
    """What of a piece is touched by other things and by tools."""
    outline, bottom, top = _scaled(piece, thing)
    is_floor = thing.form.kind == "container" and bottom == 0
    own, others = (DISH_BIT, TOOL_BIT) if is_floor else (THING_BIT, THING_BIT | TOOL_BIT)
    # A dish stays where it is when it is touched in passing.
    density = 1500 if thing.form.kind == "container" else 420
    start = f'<geom class="hull" name="{name}" contype="{own}" conaffinity="{others}" density="{density}"'
    middle, half = (bottom + top) / 2, (top - bottom) / 2
    if piece.box is not None:
        x, y, half_x, half_y = (thing.scale * value for value in piece.box[:4])
        return (
            f'{start} type="box" pos="{x} {y} {middle}" size="{half_x} {half_y} {half}" euler="0 0 {piece.box[4]}"/>'
        )
    if piece.is_disc:
        x, y = outline.mean(axis=0)
        radius = float(np.linalg.norm(outline[0] - outline.mean(axis=0)))
        return f'{start} type="cylinder" pos="{x} {y} {middle}" size="{radius} {half}"/>'
    corners, _ = _prism(outline, bottom, top, piece.taper)
    meshes.append(f'<mesh name="{name}" inertia="convex" vertex="{_numbers(corners)}"/>')
    return f'{start} type="mesh" mesh="{name}"/>'


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6g}" for value in values.reshape(-1))


_TEMPLATE = """
<mujoco model="tabletop">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{timestep}" integrator="implicitfast" cone="pyramidal" iterations="30" ls_iterations="12"
    tolerance="1e-7"/>
  <size memory="16M"/>
  <statistic center="0.5 0 0" extent="1"/>
  <visual>
    <map znear="2" zfar="9"/>
    <quality shadowsize="0" offsamples="4"/>
    <headlight ambient="0.45 0.45 0.45" diffuse="0.4 0.4 0.4" specular="0.05 0.05 0.05"/>
    <global offwidth="512" offheight="512"/>
  </visual>
  <default>
    <default class="look">
      <geom type="mesh" contype="0" conaffinity="0" group="1" mass="0"/>
    </default>
    <default class="hull">
      <geom contype="2" group="3" friction="0.7 0.01 0.001" solref="0.01 1"/>
    </default>
    <default class="tool">
      <geom contype="4" conaffinity="0" group="2" mass="0.02" rgba="0.2 0.2 0.22 1" friction="0.5 0.01 0.001"/>
    </default>
  </default>
  <asset>
    <texture name="table" type="2d" file="table.png"/>
    <material name="table" texture="table" texrepeat="2 2" specular="0" shininess="0"/>
    {materials}{meshes}
  </asset>
  <worldbody>
    <light pos="0.2 -0.6 3" dir="0.1 0.2 -1" directional="true" diffuse="0.35 0.35 0.35" castshadow="false"/>
    <camera name="top" pos="{centre} 0 {top}" xyaxes="0 1 0 -1 0 0" fovy="{fov}"/>
    <camera name="front" pos="{front_x} 0 {front_z}" xyaxes="0 1 0 {up_x} 0 {up_z}" fovy="{fov}"/>
    <geom name="table" type="plane" size="{table_half_x} {table_half_y} 0.1" pos="{centre} 0 0" material="table"
      contype="1" conaffinity="4" friction="0.7 0.01 0.001" solref="0.01 1"/>
    <geom name="floor" type="plane" size="0 0 1" pos="0 0 -0.7" contype="0" conaffinity="10" rgba="0.36 0.37 0.4 1"/>
    <body name="hand" pos="0 0 0" gravcomp="1">
      <joint name="x" type="slide" axis="1 0 0" armature="0.3"/>
      <joint name="y" type="slide" axis="0 1 0" armature="0.3"/>
      <joint name="z" type="slide" axis="0 0 1" armature="0.3"/>
      <joint name="yaw" type="hinge" axis="0 0 1" armature="0.004"/>
      <geom name="cup" class="tool" type="sphere" size="{cup}" pos="0 0 {cup}" rgba="0.12 0.12 0.14 1"/>
      <geom name="rod" class="tool" type="capsule" size="0.004 0.046" pos="0 0 0.062"/>
      <geom name="blade" class="tool" type="box" size="0.002 {blade} 0.02" pos="-0.002 0 0.02" rgba="0.55 0.57 0.6 1"/>
      <geom name="left" class="tool" type="box" size="0.009 0.0015 0.016" pos="0.009 {blade} 0.016"
        rgba="0.55 0.57 0.6 1"/>
      <geom name="right" class="tool" type="box" size="0.009 0.0015 0.016" pos="0.009 -{blade} 0.016"
        rgba="0.55 0.57 0.6 1"/>
      <geom name="stem" class="tool" type="capsule" size="0.004 0.036" pos="0 0 0.076"/>
      <geom name="flange" class="tool" type="cylinder" size="0.016 0.012" pos="0 0 0.122" contype="0"
        rgba="0.85 0.85 0.87 1"/>
    </body>
    {bodies}
  </worldbody>
  {equality}
  <actuator>
    <position name="x" joint="x" kp="3000" kv="65"/>
    <position name="y" joint="y" kp="3000" kv="65"/>
    <position name="z" joint="z" kp="3000" kv="65"/>
    <position name="yaw" joint="yaw" kp="24" kv="0.65"/>
  </actuator>
</mujoco>
"""
