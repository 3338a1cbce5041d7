"""How fast to learn when: a cosine over minutes, or a plateau over samples that a falling line ends."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from state import Progress

WARM_UP_STEPS = 150
LAST_RATE = 1e-3


@dataclass(frozen=True)
class Cosine:
    """Follows the minutes of training, so that a busy machine gives a shorter but complete run."""

    minutes: float

    def factor(self, progress: Progress) -> float:
        """The part of the base rates to learn with now."""
        share = progress.seconds / (60 * self.minutes)
        return _warm_up(progress) * (0.5 + 0.5 * math.cos(math.pi * share)) + LAST_RATE

    def over(self, progress: Progress) -> bool:
        """Whether the run is complete."""
        return progress.seconds >= 60 * self.minutes


@dataclass(frozen=True)
class Plateau:
    """The full rate, then a line down to nothing over the last ``fall`` of ``samples``.

    A run of days does not know its length when it begins: the numbers are those of ``schedule.json`` in the run's
    folder, read again at each checkpoint, so that the end can be moved while the run goes on.
    """

    samples: int = 1_500_000
    fall: float = 0.25

    def factor(self, progress: Progress) -> float:
        """The part of the base rates to learn with now."""
        left = (self.samples - progress.samples) / (self.fall * self.samples)
        return _warm_up(progress) * min(1.0, max(0.0, left)) + LAST_RATE

    def over(self, progress: Progress) -> bool:
        """Whether the run is complete."""
        return progress.samples >= self.samples


def _warm_up(progress: Progress) -> float:
    return min(1.0, (progress.step - progress.warm_up_from + 1) / WARM_UP_STEPS)


def read_plateau(path: Path, samples: int) -> Plateau:
    """The schedule of a file; where it is absent, writes one of ``samples`` samples."""
    if not path.exists():
        path.write_text(json.dumps(vars(Plateau(samples)), indent=1) + "\n")
    return Plateau(**json.loads(path.read_text()))
