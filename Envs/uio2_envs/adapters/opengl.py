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

_PROBE = """
import sys
sys.path[:] = {path!r}
import mujoco
context = mujoco.GLContext(16, 16)
context.make_current()
print("drawn", flush=True)
"""


def choose_backend() -> str:
    """Sets ``MUJOCO_GL`` to the first backend that draws here, unless it is set already, and returns it.

    ``PYOPENGL_PLATFORM`` alone counts as a choice too: MuJoCo refuses to draw with any other than it names. Each backend is
    tried in a process of its own (half a second), because a failed attempt cannot be undone within one.

    Raises:
        EnvironmentFailure: none of them draws.
    """
    # The software rasteriser stays on the calling thread: for 128 pixels more threads cost more than they give.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    chosen, platform = os.environ.get("MUJOCO_GL"), os.environ.get("PYOPENGL_PLATFORM")
    if chosen:
        _require_agreement(chosen, platform)
        return chosen
    failures: list[str] = []
    for backend in (platform,) if platform else BACKENDS:
        reason = _failure(backend)
        if reason is None:
            if failures:
                logger.warning("%s; drawing with %s", "; ".join(failures), backend)
            os.environ["MUJOCO_GL"] = backend
            return backend
        failures.append(f"{backend}: {reason}")
    advice = "unset PYOPENGL_PLATFORM to try others" if platform else "on Debian: apt install libosmesa6"
    raise EnvironmentFailure(
        "no_opengl",
        "PYOPENGL_PLATFORM" if platform else "MUJOCO_GL",
        f"MuJoCo cannot draw here ({'; '.join(failures)}); {advice}",
    )


def _require_agreement(chosen: str, platform: str | None) -> None:
    """MuJoCo checks this as well, in the middle of an import and in other words."""
    if platform and chosen.lower() in BACKENDS and platform.lower() != chosen.lower():
        message = f"MUJOCO_GL says {chosen} and PYOPENGL_PLATFORM {platform}; unset one of them"
        raise EnvironmentFailure("no_opengl", "PYOPENGL_PLATFORM", message)


def _failure(backend: str) -> str | None:
    """Why ``backend`` does not draw here, in a line; ``None`` when it does."""
    environment = {**os.environ, "MUJOCO_GL": backend}
    # The same modules as here, whatever lies in the working folder.
    command = [sys.executable, "-I", "-c", _PROBE.format(path=sys.path)]
    try:
        probe = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    # What goes wrong while the interpreter ends does not matter.
    if "drawn" in probe.stdout:
        return None
    lines = probe.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with {probe.returncode}"
