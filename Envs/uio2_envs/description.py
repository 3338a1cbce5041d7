"""A gymnasium environment described in a YAML file: what it is asked, seen, felt and told, in names and physical units.

``Envs/environments/README.md`` says what the keys mean.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .environment import Environment, EnvironmentFailure, Quantity, Specification

_KEYS = {
    "description": str, "packages": list, "registers": str, "options": dict, "tasks": dict, "cameras": dict,
    "marks": dict, "proprioception": list, "actions": list, "action_frame": str, "action_mode": str,
    "control_rate": (int, float), "step_limit": int, "success": str,
}  # fmt: skip
_OPTIONAL = {"registers", "options", "marks", "success"}


@dataclass(frozen=True)
class Number:
    """A number that the environment counts in its own way."""

    quantity: Quantity
    native: tuple[float, float]
    """What the environment says for the ends of the range."""
    source: str = ""
    """Of what is felt: where it stands in the observation, keys and places with dots between them."""
    hold: str = "zero"
    """Of what is told: ``zero`` or ``last``, what keeps the body where it is."""
    first: float = 0.0
    """Of what is told: what stands for the last before there is one."""

    def to_native(self, value: float) -> float:
        """From the quantity's unit."""
        low, high = self.quantity.minimum, self.quantity.maximum
        return self.native[0] + (value - low) / (high - low) * (self.native[1] - self.native[0])

    def from_native(self, value: float) -> float:
        """To the quantity's unit; a measured value may lie outside."""
        low, high = self.quantity.minimum, self.quantity.maximum
        return low + (value - self.native[0]) / (self.native[1] - self.native[0]) * (high - low)


class Description:
    """One file.

    Args:
        path: the file.

    Raises:
        EnvironmentFailure: ``invalid_description``, naming the key; ``simulator_missing`` where a package is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys = self._read()
        self.packages = tuple(str(name) for name in self._keys["packages"])
        tasks = self._keys["tasks"]
        for name, task in tasks.items():
            if not isinstance(task, dict) or not {"id", "instruction"} <= set(task) <= {"id", "instruction", "options"}:
                raise self._fault(f"tasks.{name}", "expected id and instruction, and options as wanted")
        self.instructions: dict[str, str] = {str(name): str(task["instruction"]) for name, task in tasks.items()}
        self._felt = [self._number(part, f"proprioception[{i}]") for i, part in enumerate(self._keys["proprioception"])]
        self._told = [self._number(part, f"actions[{i}]") for i, part in enumerate(self._keys["actions"])]

    def _read(self) -> dict[str, Any]:
        try:
            import yaml
        except ImportError as error:
            message = f"not installed here: {error.name}; uio2 envs --install {self.path.stem} installs what it needs"
            raise EnvironmentFailure("simulator_missing", self.path.stem, message) from error
        try:
            text = self.path.read_text(encoding="utf-8")
            repeated = _repeated_key(yaml.compose(text, Loader=yaml.SafeLoader))
            keys = yaml.safe_load(text)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise self._fault("", f"is no readable YAML: {error}") from error
        if repeated is not None:
            raise self._fault(repeated[0], f"stands twice, the second time in line {repeated[1]}")
        if not isinstance(keys, dict):
            raise self._fault("", "expected keys such as tasks and actions")
        for name, value in keys.items():
            if name not in _KEYS:
                near = difflib.get_close_matches(str(name), _KEYS, 1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_KEYS)}"
                raise self._fault(str(name), f"is no key; {hint}")
            if not isinstance(value, _KEYS[name]) or isinstance(value, bool):
                raise self._fault(name, f"expected another kind of value, found {value!r}")
        if missing := [name for name in _KEYS if name not in keys and name not in _OPTIONAL]:
            raise self._fault(missing[0], "is missing")
        return keys

    def _number(self, part: Any, key: str) -> Number:
        known = {"name", "unit", "minimum", "maximum", "native", "from", "hold", "first"}
        if not isinstance(part, dict) or not {"name", "unit", "minimum", "maximum"} <= set(part) <= known:
            raise self._fault(key, f"expected name, unit, minimum and maximum, and native, from, hold, first: {part}")
        try:
            quantity = Quantity(str(part["name"]), str(part["unit"]), float(part["minimum"]), float(part["maximum"]))
            least, most = (float(value) for value in part.get("native", (quantity.minimum, quantity.maximum)))
            first = float(np.clip(float(part.get("first", 0.0)), quantity.minimum, quantity.maximum))
        except (TypeError, ValueError) as error:
            raise self._fault(key, f"expected numbers: {error}") from error
        hold = str(part.get("hold", "zero"))
        is_felt = key.startswith("proprioception")
        if not quantity.minimum < quantity.maximum or least == most or hold not in ("zero", "last"):
            raise self._fault(key, "expected a minimum below the maximum, two different native numbers, hold zero or last")
        if is_felt != ("from" in part):
            raise self._fault(key, "expected from, which says where it stands in the observation, of what is felt alone")
        return Number(quantity, (least, most), str(part.get("from", "")), hold, first)

    def _fault(self, key: str, message: str) -> EnvironmentFailure:
        return EnvironmentFailure("invalid_description", f"{self.path.name}{': ' + key if key else ''}", message)

    # For the body.

    @cached_property
    def specification(self) -> Specification:
        """What the body has and does."""
        mode = self._keys["action_mode"]
        return Specification(
            cameras=tuple(self._keys["cameras"]),
            proprioception=tuple(number.quantity for number in self._felt),
            actions=tuple(number.quantity for number in self._told),
            action_frame=self._keys["action_frame"],
            action_mode=mode,
            hold="zero" if mode == "delta" else "repeat",
            control_rate=float(self._keys["control_rate"]),
            step_limit=self._keys["step_limit"],
        )

    def make(self, task: str) -> Any:
        """The gymnasium environment of a task.

        Its own limit of steps and its checks are left out, because the body has its own.
        """
        try:
            gymnasium = importlib.import_module("gymnasium")
            if "registers" in self._keys:
                importlib.import_module(self._keys["registers"])
        except ImportError as error:
            message = f"not installed here: {error.name}; uio2 envs --install {self.path.stem} installs it"
            raise EnvironmentFailure("simulator_missing", self.path.stem, message) from error
        known = self._keys["tasks"][task]
        options = {"max_episode_steps": -1, "disable_env_checker": True}
        return gymnasium.make(known["id"], **options | self._keys.get("options", {}) | known.get("options", {}))

    def eyes(self, environment: Any) -> Any:
        """What draws the cameras of a gymnasium environment."""
        from .eyes import eyes_of

        return eyes_of(environment, self._keys["cameras"], self._keys.get("marks", {}))

    def felt(self, observation: Any) -> dict[str, float]:
        """What the body feels, by name."""
        return {
            number.quantity.name: number.from_native(float(part_of(observation, number.source))) for number in self._felt
        }

    def native(self, action: np.ndarray) -> np.ndarray:
        """An action in the environment's own numbers."""
        return np.array([number.to_native(value) for number, value in zip(self._told, action, strict=True)], np.float32)

    @property
    def first(self) -> np.ndarray:
        """What stands for the last action before there is one."""
        return np.array([number.first for number in self._told])

    def hold(self, last: np.ndarray) -> np.ndarray:
        """The action that keeps the body where it is, after ``last``."""
        held = [number.hold == "last" for number in self._told]
        return np.where(held, last, self.first)

    def is_success(self, known: Mapping[str, Any]) -> bool:
        """Whether the environment says that the task is done."""
        return bool(known.get(self._keys.get("success", "is_success"), False))


def part_of(observation: Any, source: str) -> Any:
    """A part of an observation by keys and places, such as ``observation.0``; all of it for an empty source."""
    for step in source.split(".") if source else ():
        observation = observation[step if isinstance(observation, Mapping) else int(step)]
    return observation


class DescribedAdapter:
    """What an adapter's module has, of a description."""

    def __init__(self, path: Path) -> None:
        self._description = Description(path)
        self.TASKS: Mapping[str, str] = self._description.instructions
        self.PACKAGES: Sequence[str] = self._description.packages

    def make(self, task: str) -> Environment:
        """The environment of a task."""
        from .adapters.gymnasium_body import GymnasiumBody

        return GymnasiumBody(task, self._description)


def _repeated_key(document: Any) -> tuple[str, int] | None:
    """The first key that stands twice in a map, and its line; YAML's own loader takes the last and says nothing."""
    waiting, seen = [document], set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node.value, str):
            continue
        names: set[str] = set()
        for part in node.value:
            key, *rest = part if isinstance(part, tuple) else (None, part)
            waiting += rest
            if key is None or not isinstance(key.value, str):
                continue
            if key.value in names:
                return key.value, key.start_mark.line + 1
            names.add(key.value)
    return None
