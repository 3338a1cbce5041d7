"""Reads the fields of a TOML file and names the one at fault."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


class ConfigurationError(Exception):
    """A configuration cannot be used: ``subject`` is the file or field at fault."""

    def __init__(self, subject: str, message: str) -> None:
        super().__init__(f"{subject}: {message}")
        self.code = "invalid_configuration"
        self.subject = subject
        self.message = message


class Fields:
    """Gives fields as what they have to be. A path such as ``limits.x`` names the field; its last part is the key.

    Args:
        file: named in every error.
    """

    def __init__(self, file: str) -> None:
        self.file = file

    def value(self, fields: Mapping[str, Any], path: str) -> Any:
        """The field itself."""
        key = path.rpartition(".")[2]
        if key not in fields:
            raise self.error(path, "missing")
        return fields[key]

    def table(self, fields: Mapping[str, Any], path: str) -> dict[str, Any]:
        """A table."""
        value = self.value(fields, path)
        if not isinstance(value, dict):
            raise self.error(path, "expected a table")
        return value

    def text(self, fields: Mapping[str, Any], path: str) -> str:
        """Text that is not empty."""
        value = self.value(fields, path)
        if not isinstance(value, str) or not value:
            raise self.error(path, f"expected text, found {value!r}")
        return value

    def flag(self, fields: Mapping[str, Any], path: str) -> bool:
        """true or false."""
        value = self.value(fields, path)
        if not isinstance(value, bool):
            raise self.error(path, f"expected true or false, found {value!r}")
        return value

    def choice(self, fields: Mapping[str, Any], path: str, choices: tuple[str, ...]) -> str:
        """One of ``choices``."""
        value = self.text(fields, path)
        if value not in choices:
            raise self.error(path, f"expected one of {', '.join(choices)}, found {value!r}")
        return value

    def number(self, fields: Mapping[str, Any], path: str) -> float:
        """A finite number."""
        return self._as_number(path, self.value(fields, path))

    def positive(self, fields: Mapping[str, Any], path: str) -> float:
        """A finite number above 0."""
        value = self.number(fields, path)
        if value <= 0:
            raise self.error(path, f"expected more than 0, found {value:g}")
        return value

    def numbers(self, fields: Mapping[str, Any], path: str, count: int | None) -> np.ndarray:
        """Finite numbers, ``count`` of them or at least one."""
        value = self.value(fields, path)
        if not isinstance(value, list) or not value or count not in (None, len(value)):
            raise self.error(path, f"expected {count or 'some'} numbers, found {value!r}")
        return np.array([self._as_number(path, number) for number in value])

    def texts(self, fields: Mapping[str, Any], path: str) -> tuple[str, ...]:
        """Texts that differ, at least one."""
        value = self.value(fields, path)
        is_right = isinstance(value, list) and value and all(isinstance(text, str) and text for text in value)
        if not is_right or len(set(value)) != len(value):
            raise self.error(path, f"expected texts that differ, found {value!r}")
        return tuple(value)

    def _as_number(self, path: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.error(path, f"expected a finite number, found {value!r}")
        return float(value)

    def error(self, path: str, message: str) -> ConfigurationError:
        """That the field at ``path`` cannot be used."""
        return ConfigurationError(f"{self.file}: {path}", message)
