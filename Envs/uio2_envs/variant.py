"""How an episode differs from the plain task: what is perturbed and how much, who is looked at, what is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCENE_PERTURBATIONS = ("camera", "light", "texture", "distractors", "moved_object")
"""Those that an adapter must know how to make (``Environment.scene_changes``)."""

SIGNAL_PERTURBATIONS = ("jpeg", "blur", "actuation_noise")
"""Those that any environment can have: they change frames on their way out and actions on their way in."""

PERTURBATIONS = SCENE_PERTURBATIONS + SIGNAL_PERTURBATIONS

MAXIMUM_SEVERITY = 4
MAXIMUM_WORDS = 1000
"""Bytes."""


@dataclass(frozen=True)
class Variant:
    """The options of a job. The default is the plain task."""

    perturbation: str | None = None
    """One of ``PERTURBATIONS``."""
    severity: int = 0
    """From 0, which changes nothing, to ``MAXIMUM_SEVERITY``."""
    instruction_from: str | None = None
    """The task whose instruction is given, and whose success is measured, in the scene of the job's task."""
    view: str | None = None
    """A set of cameras that the adapter knows by this name, in place of its own."""
    words: str | None = None
    """Said in place of the instruction, whose task it is all the same."""
    speech: str | None = None
    """The name of a folder of recordings beside the suites, which say the instruction in place of words."""

    def __post_init__(self) -> None:
        if self.perturbation is not None and self.perturbation not in PERTURBATIONS:
            raise ValueError(f"perturbation: expected one of {', '.join(PERTURBATIONS)}, found {self.perturbation!r}")
        if self.speech is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", self.speech):
            raise ValueError(f"speech: expected the name of a folder of recordings, found {self.speech!r}")
        if self.words is not None and not (self.words.strip() and len(self.words.encode()) <= MAXIMUM_WORDS):
            raise ValueError(f"words: expected 1 to {MAXIMUM_WORDS} bytes, found {self.words!r}")
        if not 0 <= self.severity <= MAXIMUM_SEVERITY:
            raise ValueError(f"severity: expected 0 to {MAXIMUM_SEVERITY}, found {self.severity}")
        if self.severity and self.perturbation is None:
            raise ValueError(f"severity: expected a perturbation with severity {self.severity}")

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Variant:
        """A variant from the options of a job.

        Raises:
            ValueError: an option is unknown, of another type, or out of range.
        """
        kinds = {"perturbation": str, "severity": int, "instruction_from": str, "words": str, "view": str, "speech": str}
        for name, value in options.items():
            if name not in kinds:
                raise ValueError(f"options: expected {', '.join(kinds)}, found {name!r}")
            if not isinstance(value, kinds[name]) or isinstance(value, bool):
                raise ValueError(f"options.{name}: expected {kinds[name].__name__}, found {value!r}")
        return cls(**options)
