"""What every dataset looks like from here, whatever format it has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import TrainingError


@dataclass(frozen=True)
class Dimension:
    """One number of a state or action. ``unit`` is none where the dataset does not say it."""

    name: str
    unit: str | None = None


@dataclass(frozen=True)
class Camera:
    """A camera of a dataset; sizes in pixels."""

    name: str
    height: int
    width: int


@dataclass
class Episode:
    """The numbers of an episode of T steps."""

    index: int
    instructions: list[str]
    """One a step."""
    state: np.ndarray
    """float64 ``[T, s]``: what the robot measured before it acted."""
    action: np.ndarray
    """float64 ``[T, a]``: what it did then."""
    extras: dict[str, np.ndarray] = field(default_factory=dict)
    """Further numbers of each step, ``[T, k]``, by name: an expert's plan, positions of things."""

    def __len__(self) -> int:
        return len(self.state)


class Demonstrations(ABC):
    """A dataset. ``extras`` names further numbers that its episodes hold."""

    path: Path
    format: str
    rate_hz: float
    cameras: dict[str, Camera]
    state: list[Dimension]
    action: list[Dimension]
    extras: dict[str, list[str]]
    lengths: list[int]
    """Steps of each episode."""

    def __len__(self) -> int:
        return len(self.lengths)

    @abstractmethod
    def episode(self, index: int) -> Episode:
        """The numbers of an episode."""

    @abstractmethod
    def frames(self, index: int, camera: str) -> Iterator[np.ndarray]:
        """The frames of an episode, uint8 ``[h, w, 3]``, one a step, in order."""

    def camera(self, name: str) -> Camera:
        """The camera of a name; raises ``TrainingError`` ``unknown_camera``."""
        if name not in self.cameras:
            known = ", ".join(self.cameras) or "none"
            raise TrainingError("unknown_camera", name, f"{self.path} has no such camera; it has {known}")
        return self.cameras[name]


def require_finite(values: np.ndarray, names: list[str], subject: str) -> None:
    """Raises ``TrainingError`` ``invalid_value`` naming the first dimension that is not a finite number."""
    wrong = ~np.isfinite(values)
    if wrong.any():
        step, dimension = np.argwhere(wrong)[0]
        message = f"{names[dimension]} is {values[step, dimension]} at step {step}; leave the episode out or mend it"
        raise TrainingError("invalid_value", subject, message)


def open_dataset(path: Path) -> Demonstrations:
    """Opens a dataset of any known format.

    Raises:
        TrainingError: ``unknown_format`` when the folder is none of them.
    """
    from .folder import FolderDemonstrations
    from .lerobot import LeRobotDemonstrations

    if (path / "meta" / "info.json").is_file():
        return LeRobotDemonstrations(path)
    if (path / "dataset.json").is_file():
        return FolderDemonstrations(path)
    message = "expected meta/info.json (LeRobot v2.1 or v3.0) or dataset.json (docs/training.md); name a dataset's folder"
    raise TrainingError("unknown_format", str(path), message)
