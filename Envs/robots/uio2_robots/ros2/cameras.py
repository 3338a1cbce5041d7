"""Cameras whose pictures come from topics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from uio2_envs.environment import EnvironmentFailure

from ..configuration import View
from .bus import Bus, Picture
from .pictures import decode, fitted

_FIRST_SECONDS = 10.0
_SILENT_SECONDS = 1.0
"""A camera that shows nothing new for so long is gone."""
_AHEAD = 0.05
"""s; a stamp that lies farther in the future is of another clock."""


class Ros2Cameras:
    """The newest picture of each topic, as old as its header says.

    Args:
        views: by name.
        bus: the node.
        monotonic: ns.
        sleep: lets seconds pass.
    """

    def __init__(
        self,
        views: Mapping[str, View],
        bus: Bus,
        monotonic: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._views = views
        self._bus = bus
        self._monotonic = monotonic
        self._sleep = sleep
        self._decoded: dict[str, tuple[int, tuple[int, int, float], np.ndarray]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._views)

    def newest(self, camera: str, width: int, height: int, field_of_view: float) -> tuple[np.ndarray, int]:
        """As ``Cameras``; the middle of the picture, if the policy asks for another shape or sees less."""
        view = self._views[camera]
        source = f"{camera} ({view.topic})"
        picture = self._first(view.topic, source)
        if picture.stamp <= 0:
            raise EnvironmentFailure("camera_unstamped", source, "its messages have no stamp in their header")
        age = (self._bus.now() - picture.stamp) / 1e9
        if age < -_AHEAD:
            message = f"its newest picture is of {-age:.2f} s from now: the clocks differ"
            raise EnvironmentFailure("camera_clock", source, message)
        if age > _SILENT_SECONDS:
            raise EnvironmentFailure("camera_silent", source, f"its newest picture was taken {age:.2f} s ago")
        taken_at = self._monotonic() - round(max(age, 0.0) * 1e9)
        wanted = (width, height, field_of_view)
        known = self._decoded.get(camera)
        if known is not None and known[:2] == (picture.stamp, wanted):
            return known[2], taken_at
        try:
            frame = decode(picture, view.is_compressed)
            frame = fitted(frame, width, height, view.field_of_view, field_of_view)
        except ValueError as error:
            raise EnvironmentFailure("camera_invalid", source, str(error)) from error
        self._decoded[camera] = (picture.stamp, wanted, frame)
        return frame, taken_at

    def _first(self, topic: str, source: str) -> Picture:
        deadline = self._monotonic() + round(_FIRST_SECONDS * 1e9)
        while (picture := self._bus.picture(topic)) is None:
            if self._monotonic() > deadline:
                raise EnvironmentFailure("camera_silent", source, f"no picture within {_FIRST_SECONDS:g} s")
            self._sleep(0.01)
        return picture
