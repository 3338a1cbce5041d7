"""Whether pictures are of now: how old a camera's newest one is, and whether it changes while the tool moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from uio2_client import ClientError

_MOVED = 0.01
"""m; a tool that went so far has changed what a camera sees."""


@dataclass(frozen=True)
class _Seen:
    frame: np.ndarray
    taken_at: int
    changed_at: int
    """When the first picture like this one was taken, ns."""
    tool: np.ndarray
    """``[3]``: where the tool was then."""
    has_moved: bool
    """Whether the tool has gone somewhere else since."""


class Freshness:
    """Watches pictures.

    Args:
        age: seconds; older than that is late.
        frozen: seconds; a picture that stays the same for longer while the tool moves is frozen.
        sources: camera name to how people know it.
    """

    def __init__(self, age: float, frozen: float, sources: Mapping[str, str]) -> None:
        self._age = age
        self._frozen = frozen
        self._sources = sources
        self._seen: dict[str, _Seen] = {}

    @property
    def oldest(self) -> int | None:
        """When the oldest of the newest pictures was taken, ns of ``time.monotonic_ns``; ``None`` without any."""
        return min((seen.taken_at for seen in self._seen.values()), default=None)

    def note(self, camera: str, frame: np.ndarray, taken_at: int, tool: np.ndarray) -> None:
        """Takes in a picture.

        Args:
            frame: uint8 ``[height, width, 3]``.
            taken_at: ns of ``time.monotonic_ns``.
            tool: ``[3]``, m, where the tool is.
        """
        seen = self._seen.get(camera)
        if seen is None or (taken_at != seen.taken_at and not np.array_equal(frame, seen.frame)):
            self._seen[camera] = _Seen(frame, taken_at, taken_at, tool, False)
            return
        has_moved = seen.has_moved or float(np.linalg.norm(tool - seen.tool)) > _MOVED
        self._seen[camera] = _Seen(frame, taken_at, seen.changed_at, seen.tool, has_moved)

    def forget(self) -> None:
        """Begins anew, as an episode does."""
        self._seen.clear()

    def trouble(self, now: int) -> ClientError | None:
        """Why the arm must not act on these pictures at ``now``, ns of ``time.monotonic_ns``; ``None``: it may."""
        for camera, seen in list(self._seen.items()):
            source, age = self._sources.get(camera, camera), (now - seen.taken_at) / 1e9
            if age > self._age:
                message = f"the newest picture of {source} was taken {age:.2f} s ago, allowed are {self._age:g} s"
                return ClientError("stale_observation", source, message)
            same = (seen.taken_at - seen.changed_at) / 1e9
            if seen.has_moved and same > self._frozen:
                message = f"{source} has shown the same picture for {same:.2f} s while the arm moved"
                return ClientError("frozen_camera", source, message)
        return None
