"""Chooses how MuJoCo draws without a screen. Imported before MuJoCo, which reads ``MUJOCO_GL`` once."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

from ..environment import EnvironmentFailure

logger = logging.getLogger(__name__)

BACKENDS = ("egl", "osmesa")
"""In the order of preference: EGL uses a GPU where there is one, OSMesa always draws on the CPU."""

_PROBE = "import mujoco\ncontext = mujoco.GLContext(16, 16)\ncontext.make_current()\nprint('drawn', flush=True)\n"


def choose_backend() -> str:
    """Sets ``MUJOCO_GL`` to the first backend that draws here, unless it is set already, and returns it.

    Each is tried in a process of its own (half a second), because a failed attempt cannot be undone within one.

    Raises:
        EnvironmentFailure: none of them draws.
    """
    # The software rasteriser stays on the calling thread: for 128 pixels more threads cost more than they give.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    chosen = os.environ.get("MUJOCO_GL")
    if chosen:
        return chosen
    failures: list[str] = []
    for backend in BACKENDS:
        reason = _failure(backend)
        if reason is None:
            if failures:
                logger.warning("%s; drawing with %s", "; ".join(failures), backend)
            os.environ["MUJOCO_GL"] = backend
            return backend
        failures.append(f"{backend}: {reason}")
    raise EnvironmentFailure(
        "no_opengl",
        "MUJOCO_GL",
        f"MuJoCo can draw with neither EGL nor OSMesa ({'; '.join(failures)}); on Debian: apt install libosmesa6",
    )


def _failure(backend: str) -> str | None:
    """Why ``backend`` does not draw here, in a line; ``None`` when it does."""
    environment = {**os.environ, "MUJOCO_GL": backend}
    environment.pop("PYOPENGL_PLATFORM", None)
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE], env=environment, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    # What goes wrong while the interpreter ends does not matter.
    if "drawn" in probe.stdout:
        return None
    lines = probe.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with {probe.returncode}"
