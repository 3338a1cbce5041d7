"""Any gymnasium environment as a body, in the names and units of its description."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..description import Description
from ..environment import Environment, Specification


class GymnasiumBody(Environment):
    def __init__(self, task: str, description: Description) -> None:
        super().__init__(task, description.instructions[task])
        self._described, self._inner = description, description.make(task)
        self._eyes = description.eyes(self._inner)

    @property
    def specification(self) -> Specification:
        return self._described.specification

    def _reset(self, seed: int) -> None:
        self._seen, _ = self._inner.reset(seed=seed)
        self._last = self._described.first

    def _observe(self) -> Mapping[str, float]:
        return self._described.felt(self._seen)

    def _render(self, camera: str, width: int, height: int, vertical_field_of_view: float) -> np.ndarray:
        return self._eyes.look(camera, width, height, vertical_field_of_view, self._seen)

    def _step(self, action: np.ndarray) -> bool:
        self._seen, self.reward, _, _, known = self._inner.step(self._described.native(action))
        self._last = action
        return self._described.is_success(known)

    def _hold_action(self) -> np.ndarray:
        return self._described.hold(self._last)

    def _close(self) -> None:
        self._eyes.close()
        self._inner.close()
