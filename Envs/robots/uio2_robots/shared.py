"""What processes of one machine show each other through files in memory: the simulator's state, and frames.

One writes, any number read. A reader never waits and never holds the writer up.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

import numpy as np

JOINTS = 9
"""Of the simulated arm: seven and two fingers."""
_TORN_SECONDS = 0.2
"""A frame that is not whole for so long will not become so."""
_CAPACITY = 1 << 18
"""Rows that are kept: more than four minutes."""
GOALS = 5
"""Balls that the simulator can show; ``goals.COLOURS`` names them."""
_HEADER = np.dtype([("rows", "<u8"), ("goals", "<f8", (GOALS, 3)), ("frame", "<u8"), ("taken_at", "<u8")])
_ROW = np.dtype([("time", "<f8"), ("position", "<f8", 3), ("joints", "<f8", JOINTS)])


class Trace:
    """A simulator's state at every millisecond of its own time.

    Args:
        file: holds it.
        writes: whether this process is the one that writes.
    """

    def __init__(self, file: Path, writes: bool = False) -> None:
        if writes:
            with file.open("wb") as stream:
                stream.truncate(4096 + _CAPACITY * _ROW.itemsize)
        # Readers may move the goals.
        self._header = np.memmap(file, dtype=_HEADER, mode="r+", shape=(1,))
        self._rows = np.memmap(file, dtype=_ROW, mode="r+", offset=4096, shape=(_CAPACITY,))

    def append(self, time: float, position: np.ndarray, joints: np.ndarray) -> None:
        """Adds a row: seconds, tool position ``[3]`` in m, joints ``[9]`` in rad and m."""
        count = int(self._header["rows"][0])
        self._rows[count % _CAPACITY] = (time, position, joints)
        self._header["rows"][0] = count + 1

    @property
    def goals(self) -> np.ndarray:
        """Where the goals are, ``[5, 3]``, m."""
        return np.array(self._header["goals"][0])

    @goals.setter
    def goals(self, positions: np.ndarray) -> None:
        self._header["goals"][0] = positions

    @property
    def count(self) -> int:
        """Rows written so far, those that were overwritten too."""
        return int(self._header["rows"][0])

    @property
    def newest(self) -> np.void:
        """The last row: ``time``, ``position``, ``joints``."""
        return self._rows[(self.count - 1) % _CAPACITY].copy()

    def since(self, count: int) -> np.ndarray:
        """The rows from the one of this number on.

        Raises:
            ValueError: some of them were overwritten.
        """
        end = self.count
        if end - count > _CAPACITY - 1000:
            raise ValueError(f"rows {count} to {end} are more than the {_CAPACITY} that are kept")
        return self._rows[np.arange(count, end) % _CAPACITY].copy()


class FrameFile:
    """The newest frame of one camera.

    Args:
        file: holds it.
        width: pixels.
        height: pixels.
        writes: whether this process is the one that writes.
    """

    def __init__(self, file: Path, width: int, height: int, writes: bool = False) -> None:
        shape = (height, width, 3)
        if writes:
            unfinished = file.with_suffix(".new")
            with unfinished.open("wb") as stream:
                stream.truncate(4096 + int(np.prod(shape)))
            os.replace(unfinished, file)
        mode: Literal["r+", "r"] = "r+" if writes else "r"
        self._header = np.memmap(file, dtype=_HEADER, mode=mode, shape=(1,))
        self._pixels = np.memmap(file, dtype=np.uint8, mode=mode, offset=4096, shape=shape)

    def write(self, frame: np.ndarray, taken_at: int) -> None:
        """Shows ``frame`` uint8 ``[height, width, 3]``, taken at ``taken_at`` ns."""
        # Odd while it changes.
        self._header["frame"][0] += 1
        self._pixels[:] = frame
        self._header["taken_at"][0] = taken_at
        self._header["frame"][0] += 1

    def read(self) -> tuple[np.ndarray, int] | None:
        """The frame and when it was taken, ns; ``None`` before the first, and where one was never finished."""
        deadline = time.monotonic() + _TORN_SECONDS
        while True:
            before = int(self._header["frame"][0])
            frame, taken_at = np.array(self._pixels), int(self._header["taken_at"][0])
            if before % 2 == 0 and int(self._header["frame"][0]) == before:
                return (frame, taken_at) if before else None
            if time.monotonic() > deadline:
                return None
