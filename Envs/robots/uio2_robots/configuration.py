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

from .poses import Frame, rotation_matrix

CONFIGURATIONS = Path(__file__).resolve().parent / "configurations"

AXES = ("x", "y", "z")
DRIVES = (*(f"translation_{axis}" for axis in AXES), *(f"rotation_{axis}" for axis in AXES), "gripper")
"""What an action may drive. Rotations are parts of a rotation vector, rad."""
MEASURES = (*(f"position_{axis}" for axis in AXES), *(f"rotation_{axis}" for axis in AXES), "gripper_opening")
"""What proprioception may measure."""
MODES = ("delta", "absolute")
ENDS = ("hold", "home")


class ConfigurationError(Exception):
    """A configuration cannot be used: ``subject`` is the file or field at fault."""

    def __init__(self, subject: str, message: str) -> None:
        super().__init__(f"{subject}: {message}")
        self.code = "invalid_configuration"
        self.subject = subject
        self.message = message


@dataclass(frozen=True)
class Mapped:
    """A number of the policy and what it is of the arm."""

    quantity: Quantity
    part: str
    """A name of ``DRIVES`` or ``MEASURES``."""


@dataclass(frozen=True)
class View:
    """Where a camera stands, in the base frame."""

    position: tuple[float, float, float]
    """m"""
    target: tuple[float, float, float]
    """The point it looks at, m."""
    field_of_view: float
    """Vertical, degrees."""


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
    """Of the arm."""
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
    return _Reader(str(file)).configuration(fields)


class _Reader:
    """Reads fields and names the one at fault."""

    def __init__(self, file: str) -> None:
        self._file = file

    def configuration(self, fields: Mapping[str, Any]) -> Configuration:
        mode = self._choice(fields, "mode", MODES)
        actions = self._mapped(fields, "actions", "drives", DRIVES)
        if mode == "absolute" and {f"translation_{axis}" for axis in AXES} - {mapped.part for mapped in actions}:
            raise self._error("actions", "absolute commands need translation_x, translation_y and translation_z")
        frame = self._table(fields, "frame")
        home = self._numbers(fields, "home", None)
        return Configuration(
            name=self._text(fields, "name"),
            host=self._text(fields, "host"),
            realtime=self._flag(fields, "realtime"),
            mode=mode,
            control_rate=self._positive(fields, "control_rate"),
            frame=Frame(
                rotation_matrix(np.radians(self._numbers(frame, "frame.rotation_degrees", 3))),
                self._numbers(frame, "frame.translation", 3),
            ),
            proprioception=self._mapped(fields, "proprioception", "measures", MEASURES),
            actions=actions,
            cameras=self._cameras(fields),
            limits=self._limits(fields),
            gripping=self._gripping(fields),
            home=home,
            end=self._choice(fields, "end", ENDS),
        )

    def _limits(self, fields: Mapping[str, Any]) -> Limits:
        limits = self._table(fields, "limits")
        box = np.array([self._numbers(limits, f"limits.{axis}", 2) for axis in AXES]).T
        if not (box[0] < box[1]).all():
            raise self._error("limits", f"a workspace has a least and a greatest x, y and z, found {box.T.tolist()}")
        names = ("speed", "acceleration", "jerk", "rotation_rate", "jump", "command_hold", "watchdog")
        values = {name: self._positive(limits, f"limits.{name}") for name in names}
        if values["watchdog"] <= values["command_hold"]:
            raise self._error("limits.watchdog", "the watchdog waits longer than command_hold, or it ends what works")
        return Limits(workspace=box, **values)

    def _gripping(self, fields: Mapping[str, Any]) -> Gripping:
        table = self._table(fields, "gripper")
        gripping = Gripping(
            open=self._number(table, "gripper.open"),
            closed=self._number(table, "gripper.closed"),
            speed=self._positive(table, "gripper.speed"),
            force=self._positive(table, "gripper.force"),
        )
        if gripping.open == gripping.closed:
            raise self._error("gripper.open", "the commands that open and that close are the same number")
        return gripping

    def _cameras(self, fields: Mapping[str, Any]) -> dict[str, View]:
        cameras = {}
        for name, table in self._table(fields, "cameras").items():
            if not isinstance(table, dict):
                raise self._error(f"cameras.{name}", "expected a table")
            position = self._numbers(table, f"cameras.{name}.position", 3)
            target = self._numbers(table, f"cameras.{name}.target", 3)
            if float(np.linalg.norm(position - target)) < 1e-6:
                raise self._error(f"cameras.{name}.target", "a camera cannot look at where it stands")
            field_of_view = self._positive(table, f"cameras.{name}.field_of_view")
            cameras[name] = View(tuple(position.tolist()), tuple(target.tolist()), field_of_view)
        return cameras

    def _mapped(self, fields: Mapping[str, Any], key: str, part: str, parts: tuple[str, ...]) -> tuple[Mapped, ...]:
        tables = fields.get(key)
        if not isinstance(tables, list) or not tables:
            raise self._error(key, "expected at least one [[table]]")
        found: list[Mapped] = []
        for index, table in enumerate(tables):
            place = f"{key}[{index}]"
            if not isinstance(table, dict):
                raise self._error(place, "expected a table")
            least, greatest = self._numbers(table, f"{place}.range", 2).tolist()
            if not least < greatest:
                raise self._error(
                    f"{place}.range", f"expected a least and a greatest number, found {least}, {greatest}"
                )
            quantity = Quantity(self._text(table, f"{place}.name"), self._text(table, f"{place}.unit"), least, greatest)
            mapped = Mapped(quantity, self._choice(table, f"{place}.{part}", parts))
            unit = _unit(mapped.part)
            if quantity.unit != unit:
                raise self._error(f"{place}.unit", f"{mapped.part} is in {unit!r}, found {quantity.unit!r}")
            if any(mapped.part == other.part or quantity.name == other.quantity.name for other in found):
                raise self._error(place, "names and parts of the arm are said once")
            found.append(mapped)
        return tuple(found)

    def _value(self, fields: Mapping[str, Any], path: str) -> Any:
        key = path.rpartition(".")[2]
        if key not in fields:
            raise self._error(path, "missing")
        return fields[key]

    def _table(self, fields: Mapping[str, Any], path: str) -> dict[str, Any]:
        value = self._value(fields, path)
        if not isinstance(value, dict):
            raise self._error(path, "expected a table")
        return value

    def _text(self, fields: Mapping[str, Any], path: str) -> str:
        value = self._value(fields, path)
        if not isinstance(value, str) or not value:
            raise self._error(path, f"expected text, found {value!r}")
        return value

    def _flag(self, fields: Mapping[str, Any], path: str) -> bool:
        value = self._value(fields, path)
        if not isinstance(value, bool):
            raise self._error(path, f"expected true or false, found {value!r}")
        return value

    def _choice(self, fields: Mapping[str, Any], path: str, choices: tuple[str, ...]) -> str:
        value = self._text(fields, path)
        if value not in choices:
            raise self._error(path, f"expected one of {', '.join(choices)}, found {value!r}")
        return value

    def _number(self, fields: Mapping[str, Any], path: str) -> float:
        return self._as_number(path, self._value(fields, path))

    def _positive(self, fields: Mapping[str, Any], path: str) -> float:
        value = self._number(fields, path)
        if value <= 0:
            raise self._error(path, f"expected more than 0, found {value:g}")
        return value

    def _numbers(self, fields: Mapping[str, Any], path: str, count: int | None) -> np.ndarray:
        value = self._value(fields, path)
        if not isinstance(value, list) or not value or count not in (None, len(value)):
            raise self._error(path, f"expected {count or 'some'} numbers, found {value!r}")
        return np.array([self._as_number(path, number) for number in value])

    def _as_number(self, path: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self._error(path, f"expected a finite number, found {value!r}")
        return float(value)

    def _error(self, path: str, message: str) -> ConfigurationError:
        return ConfigurationError(f"{self._file}: {path}", message)


def _unit(part: str) -> str:
    return {"translation": "m", "position": "m", "rotation": "rad", "gripper": "1"}[part.partition("_")[0]]
