"""Reads a recipe's YAML file.

Unknown keys are refused by name, so that a misspelt one is not silently a default. Paths are relative to the file.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

from .errors import TrainingError
from .recipe import Recipe

Part = TypeVar("Part")


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in a map, of which YAML's own loader takes the last and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(file: Path) -> Any:
    """What a file says that people write, in UTF-8; raises ``OSError`` or ``yaml.YAMLError``, also for a key that stands twice."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise yaml.YAMLError(f"expected UTF-8: {error}") from error
    return yaml.load(text, Loader=_UniqueKeys)


def load_recipe(file: Path, overrides: dict[str, Any] | None = None) -> Recipe:
    """Reads a recipe; ``overrides`` replaces values by dotted key, such as ``training.minutes``.

    Raises:
        TrainingError: ``invalid_recipe``, naming the key.
    """
    try:
        document = read_yaml(file)
    except (OSError, yaml.YAMLError) as error:
        raise TrainingError("invalid_recipe", str(file), f"is no readable YAML: {error}") from error
    if not isinstance(document, dict):
        raise TrainingError("invalid_recipe", str(file), "expected keys such as name, data and cameras")
    for key, value in (overrides or {}).items():
        *outer, last = key.split(".")
        place = document
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise TrainingError("invalid_recipe", key, f"expected keys and values in {name}, found {place!r}")
        place[last] = value
    document.pop("folder", None)
    recipe = parse(Recipe, document, "")
    return dataclasses.replace(recipe, folder=file.resolve().parent)


def parse(kind: type[Part], document: Any, key: str) -> Part:
    """A dataclass of ``recipe`` from parsed YAML."""
    place = key or "recipe"
    if not isinstance(document, dict):
        raise TrainingError("invalid_recipe", place, f"expected keys and values, found {document!r}")
    hints = typing.get_type_hints(kind)
    known = {part.name for part in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in document:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"
            raise TrainingError("invalid_recipe", f"{key}.{name}".lstrip("."), f"is no key{hint}")
    values = {name: _value(hints[name], value, f"{key}.{name}".lstrip(".")) for name, value in document.items()}
    missing = [
        part.name
        for part in dataclasses.fields(kind)  # type: ignore[arg-type]
        if part.name not in values
        and part.default is dataclasses.MISSING
        and part.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise TrainingError("invalid_recipe", f"{key}.{missing[0]}".lstrip("."), "is missing; say it in the recipe")
    return kind(**values)


def _value(kind: Any, value: Any, key: str) -> Any:
    """A value of the type that a field is declared with."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _value(next(part for part in arguments if part is not type(None)), value, key)
    if dataclasses.is_dataclass(kind):
        return parse(typing.cast(type, kind), value, key)
    if origin is list and isinstance(value, list):
        return [_value(arguments[0], part, f"{key}[{index}]") for index, part in enumerate(value)]
    if origin is tuple and isinstance(value, (list, tuple)) and len(value) == len(arguments):
        return tuple(
            _value(part, x, f"{key}[{index}]") for index, (part, x) in enumerate(zip(arguments, value, strict=True))
        )
    if origin is dict and isinstance(value, dict):
        return {str(name): _value(arguments[1], part, f"{key}.{name}") for name, part in value.items()}
    if kind is Any:
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind is str and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(kind, type) and isinstance(value, kind) and (kind is not int or not isinstance(value, bool)):
        return value
    expected = getattr(kind, "__name__", str(kind)) if origin is None else str(kind)
    raise TrainingError("invalid_recipe", key, f"expected {expected}, found {value!r}")
