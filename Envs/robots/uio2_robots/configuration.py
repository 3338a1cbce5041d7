"""A robot's configuration: a TOML file that says what the arm is, what it may do, and how a policy's numbers map to
it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from uio2_envs.environment import Quantity, Specification

from .fields import ConfigurationError, Fields
from .poses import Frame, rotation_matrix
from .ros2.settings import Ros2Settings, read_settings

CONFIGURATIONS = Path(__file__).resolve().parent / "configurations"

AXES = ("x", "y", "z")
DRIVES = (*(f"translation_{axis}" for axis in AXES), *(f"rotation_{axis}" for axis in AXES), "gripper")
"""What an action may drive. Rotations are parts of a rotation vector, rad."""
MEASURES = (*(f"position_{axis}" for axis in AXES), *(f"rotation_{axis}" for axis in AXES), "gripper_opening")
"""What proprioception may measure."""
MODES = ("delta", "absolute")
ENDS = ("hold", "home")


@dataclass(frozen=True)
class Mapped:
    """A number of the policy and what it is of the arm."""

    quantity: Quantity
    part: str
    """A name of ``DRIVES`` or ``MEASURES``."""


@dataclass(frozen=True)
class View:
    """A camera: where it stands in the base frame, for one that is drawn, or where its pictures come from."""

    position: tuple[float, float, float] | None
    """m; ``None``: not said."""
    target: tuple[float, float, float] | None
    """The point it looks at, m; ``None``: not said."""
    field_of_view: float
    """Vertical, degrees."""
    topic: str = ""
    """Of its pictures; empty: it is drawn."""
    is_compressed: bool = False
    """Whether the topic carries JPEG or PNG files."""


@dataclass(frozen=True)
class Limits:
    """The robot's own limits, beside the daemon's."""

    workspace: np.ndarray
    """``[2, 3]``: least and greatest position of the tool in the base frame, m."""
    speed: float
    """m/s"""
    acceleration: float
    """m/s², with which the arm also brakes."""
    jerk: float
    """m/s³"""
    rotation_rate: float
    """rad/s"""
    jump: float
    """How far a command may lead away from where the tool is, m."""
    command_hold: float
    """Seconds after which the arm brakes by itself when the program that drives it falls silent."""
    watchdog: float
    """Seconds of silence after which the watchdog ends that program."""
    picture_age: float = 0.5
    """Seconds; the arm holds while the newest picture of a camera was taken longer ago."""
    picture_frozen: float = 0.5
    """Seconds; a camera that shows the same for longer while the tool moves is frozen, and the arm is kept still."""

    @property
    def cruise(self) -> float:
        """The greatest speed to command, m/s: an axis whose acceleration has to end goes a²/2j beyond it."""
        return self.speed - math.sqrt(3) * self.acceleration**2 / (2 * self.jerk)


@dataclass(frozen=True)
class Gripping:
    """The gripper, and what its commands mean."""

    open: float
    """The command that opens."""
    closed: float
    """The command that closes."""
    speed: float
    """m/s"""
    force: float
    """N"""


@dataclass(frozen=True)
class Configuration:
    """One robot."""

    name: str
    host: str
    """Of the arm; empty: it is reached by ``ros2``."""
    realtime: bool
    """Whether to insist on a real-time kernel."""
    mode: str
    control_rate: float
    """Hz"""
    frame: Frame
    proprioception: tuple[Mapped, ...]
    actions: tuple[Mapped, ...]
    cameras: Mapping[str, View]
    limits: Limits
    gripping: Gripping
    home: np.ndarray
    """``[joints]``, rad."""
    end: str
    """A name of ``ENDS``: where the arm is left."""
    ros2: Ros2Settings | None = None
    """How the arm is reached by ROS 2; ``None``: it has a driver of its own."""

    @property
    def place(self) -> str:
        """Where the arm is, for people."""
        return self.host if self.ros2 is None else self.ros2.joint_states

    @property
    def sources(self) -> dict[str, str]:
        """Camera name to how people know it: with its topic, if it has one."""
        return {name: f"{name} ({view.topic})" if view.topic else name for name, view in self.cameras.items()}

    @property
    def specification(self) -> Specification:
        """What this robot says of itself, for the comparison with a daemon's Capabilities."""
        return Specification(
            cameras=tuple(self.cameras),
            proprioception=tuple(mapped.quantity for mapped in self.proprioception),
            actions=tuple(mapped.quantity for mapped in self.actions),
            action_frame="base",
            action_mode=self.mode,
            hold="zero" if self.mode == "delta" else "repeat",
            control_rate=self.control_rate,
            step_limit=2**31,
        )


def load(file: Path) -> Configuration:
    """The configuration in a file.

    Raises:
        ConfigurationError: it cannot be read, or says something that no arm can do.
    """
    try:
        fields = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(str(file), f"cannot be read: {error}") from error
    return _Reader(file).configuration(fields)


class _Reader(Fields):
    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        self._folder = file.parent

    def configuration(self, fields: Mapping[str, Any]) -> Configuration:
        mode = self.choice(fields, "mode", MODES)
        actions = self._mapped(fields, "actions", "drives", DRIVES)
        if mode == "absolute" and {f"translation_{axis}" for axis in AXES} - {mapped.part for mapped in actions}:
            raise self.error("actions", "absolute commands need translation_x, translation_y and translation_z")
        frame = self.table(fields, "frame")
        home = self.numbers(fields, "home", None)
        proprioception = self._mapped(fields, "proprioception", "measures", MEASURES)
        ros2 = None
        if "ros2" in fields:
            grips = any(mapped.part == "gripper" for mapped in actions)
            measures = any(mapped.part == "gripper_opening" for mapped in proprioception)
            ros2 = read_settings(self, self.table(fields, "ros2"), len(home), grips, measures, self._folder)
        return Configuration(
            name=self.text(fields, "name"),
            host=self.text(fields, "host") if ros2 is None else "",
            realtime=self.flag(fields, "realtime") if ros2 is None else False,
            mode=mode,
            control_rate=self.positive(fields, "control_rate"),
            frame=Frame(
                rotation_matrix(np.radians(self.numbers(frame, "frame.rotation_degrees", 3))),
                self.numbers(frame, "frame.translation", 3),
            ),
            proprioception=proprioception,
            actions=actions,
            cameras=self._cameras(fields, ros2 is not None),
            limits=self._limits(fields),
            gripping=self._gripping(fields),
            home=home,
            end=self.choice(fields, "end", ENDS),
            ros2=ros2,
        )

    def _limits(self, fields: Mapping[str, Any]) -> Limits:
        limits = self.table(fields, "limits")
        box = np.array([self.numbers(limits, f"limits.{axis}", 2) for axis in AXES]).T
        if not (box[0] < box[1]).all():
            raise self.error("limits", f"a workspace has a least and a greatest x, y and z, found {box.T.tolist()}")
        names = ("speed", "acceleration", "jerk", "rotation_rate", "jump", "command_hold", "watchdog")
        names += tuple(name for name in ("picture_age", "picture_frozen") if name in limits)
        values = {name: self.positive(limits, f"limits.{name}") for name in names}
        if values["watchdog"] <= values["command_hold"]:
            raise self.error("limits.watchdog", "the watchdog waits longer than command_hold, or it ends what works")
        found = Limits(workspace=box, **values)
        if found.cruise < found.speed / 2:
            raise self.error(
                "limits.jerk", "too small: while an acceleration ends, the arm would go half as fast again"
            )
        return found

    def _gripping(self, fields: Mapping[str, Any]) -> Gripping:
        table = self.table(fields, "gripper")
        gripping = Gripping(
            open=self.number(table, "gripper.open"),
            closed=self.number(table, "gripper.closed"),
            speed=self.positive(table, "gripper.speed"),
            force=self.positive(table, "gripper.force"),
        )
        if gripping.open == gripping.closed:
            raise self.error("gripper.open", "the commands that open and that close are the same number")
        return gripping

    def _cameras(self, fields: Mapping[str, Any], has_topics: bool) -> dict[str, View]:
        cameras = {}
        for name, table in self.table(fields, "cameras").items():
            if not isinstance(table, dict):
                raise self.error(f"cameras.{name}", "expected a table")
            field_of_view = self.positive(table, f"cameras.{name}.field_of_view")
            if field_of_view >= 180:
                raise self.error(f"cameras.{name}.field_of_view", f"expected less than 180, found {field_of_view:g}")
            place = (None, None) if has_topics and "position" not in table else self._camera_place(name, table)
            topic = self.text(table, f"cameras.{name}.topic") if has_topics else ""
            compressed = self.flag(table, f"cameras.{name}.compressed") if has_topics else False
            cameras[name] = View(*place, field_of_view, topic, compressed)
        return cameras

    def _camera_place(self, name: str, table: Mapping[str, Any]) -> tuple[Any, Any]:
        position = self.numbers(table, f"cameras.{name}.position", 3)
        target = self.numbers(table, f"cameras.{name}.target", 3)
        if float(np.linalg.norm(position - target)) < 1e-6:
            raise self.error(f"cameras.{name}.target", "a camera cannot look at where it stands")
        return tuple(position.tolist()), tuple(target.tolist())

    def _mapped(self, fields: Mapping[str, Any], key: str, part: str, parts: tuple[str, ...]) -> tuple[Mapped, ...]:
        tables = fields.get(key)
        if not isinstance(tables, list) or not tables:
            raise self.error(key, "expected at least one [[table]]")
        found: list[Mapped] = []
        for index, table in enumerate(tables):
            place = f"{key}[{index}]"
            if not isinstance(table, dict):
                raise self.error(place, "expected a table")
            least, greatest = self.numbers(table, f"{place}.range", 2).tolist()
            if not least < greatest:
                raise self.error(f"{place}.range", f"expected a least and a greatest number, found {least}, {greatest}")
            quantity = Quantity(self.text(table, f"{place}.name"), self.text(table, f"{place}.unit"), least, greatest)
            mapped = Mapped(quantity, self.choice(table, f"{place}.{part}", parts))
            unit = _unit(mapped.part)
            if quantity.unit != unit:
                raise self.error(f"{place}.unit", f"{mapped.part} is in {unit!r}, found {quantity.unit!r}")
            if any(mapped.part == other.part or quantity.name == other.quantity.name for other in found):
                raise self.error(place, "names and parts of the arm are said once")
            found.append(mapped)
        return tuple(found)


def _unit(part: str) -> str:
    return {"translation": "m", "position": "m", "rotation": "rad", "gripper": "1"}[part.partition("_")[0]]
