"""Cameras that draw a simulated arm: a process that mirrors the simulator's state, since drawing takes longer than a
control step.

Run as ``python -m uio2_robots.cameras``; ``MirrorCameras`` starts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from uio2_envs.agreement import CameraRequest
from uio2_envs.environment import EnvironmentFailure

from .configuration import View
from .drawing import Drawing, DrawnCamera
from .shared import FrameFile, Trace
from .simulator import SCENE, TRACE

_FIRST_SECONDS = 30.0
_SILENT_SECONDS = 1.0
"""A camera that shows nothing new for so long is gone."""


class MirrorCameras:
    """The cameras of a simulated arm, drawn at the size that the policy asks for.

    Args:
        simulator: the folder of ``uio2_robots.simulator``.
        folder: where the frames are shown; one that only this run uses.
        views: by name.
        requests: of the policy.
        rate: frames a second of each camera, at most.
    """

    def __init__(
        self, simulator: Path, folder: Path, views: Mapping[str, View], requests: Sequence[CameraRequest], rate: float
    ) -> None:
        self._views = views
        self._files: dict[str, FrameFile] = {}
        self._shown: set[str] = set()
        self._folder = folder
        self._sizes = {request.camera: (request.width, request.height) for request in requests}
        cameras = [drawn_camera(views[request.camera], request) for request in requests]
        plan = {
            "simulator": str(simulator),
            "folder": str(folder),
            "rate": rate,
            "cameras": [asdict(c) for c in cameras],
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uio2_robots.cameras"], stdin=subprocess.PIPE, start_new_session=True, text=True
        )
        assert self._process.stdin is not None
        # The stream stays open: its end ends the process.
        self._process.stdin.write(json.dumps(plan) + "\n")
        self._process.stdin.flush()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._views)

    def newest(self, camera: str, width: int, height: int, field_of_view: float) -> tuple[np.ndarray, int]:
        """As ``Cameras``; the size is that of the request."""
        if self._sizes.get(camera) != (width, height):
            raise EnvironmentFailure("unknown_camera", camera, f"no camera of {width}x{height} pixels was asked for")
        deadline = time.monotonic() + (_SILENT_SECONDS if camera in self._shown else _FIRST_SECONDS)
        while (found := self._read(camera)) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                which = "next" if camera in self._shown else "first"
                raise EnvironmentFailure(
                    "camera_silent", camera, f"the process that draws does not show its {which} frame"
                )
            time.sleep(0.01)
        self._shown.add(camera)
        if time.monotonic_ns() - found[1] > _SILENT_SECONDS * 1e9:
            raise EnvironmentFailure("camera_silent", camera, f"no new frame for {_SILENT_SECONDS:g} s")
        return found

    def close(self) -> None:
        """Ends the process that draws; may be called twice."""
        assert self._process.stdin is not None
        if not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self, camera: str) -> tuple[np.ndarray, int] | None:
        if camera not in self._files:
            file = self._folder / f"{camera}.frame"
            if not file.exists():
                return None
            self._files[camera] = FrameFile(file, *self._sizes[camera])
        return self._files[camera].read()


def drawn_camera(view: View, request: CameraRequest) -> DrawnCamera:
    """A camera of the configuration as the policy wants it.

    Raises:
        EnvironmentFailure: ``camera_without_place``.
    """
    if view.position is None or view.target is None:
        raise EnvironmentFailure("camera_without_place", request.camera, "say its position and its target to draw it")
    field_of_view = request.vertical_field_of_view or view.field_of_view
    return DrawnCamera(request.camera, request.width, request.height, view.position, view.target, field_of_view)


def draw(plan: Mapping[str, Any]) -> None:
    """Draws until the process ends."""
    simulator, folder = Path(plan["simulator"]), Path(plan["folder"])
    trace = Trace(simulator / TRACE)
    cameras = [DrawnCamera(**camera) for camera in plan["cameras"]]
    files = {c.name: FrameFile(folder / f"{c.name}.frame", c.width, c.height, writes=True) for c in cameras}
    drawing = Drawing((simulator / SCENE).read_text(encoding="utf-8"), cameras)
    period, due = 1 / float(plan["rate"]), time.monotonic()
    while True:
        taken_at = time.monotonic_ns()
        drawing.place(trace.newest["joints"], trace.goals)
        for camera in cameras:
            files[camera.name].write(drawing.picture(camera), taken_at)
        due = max(due + period, time.monotonic())
        time.sleep(due - time.monotonic() if due > time.monotonic() else 0)


def main() -> int:
    from uio2_envs import lifeline

    plan = json.loads(sys.stdin.readline())
    lifeline.hold_on()
    draw(plan)
    return 0


if __name__ == "__main__":
    sys.exit(main())
