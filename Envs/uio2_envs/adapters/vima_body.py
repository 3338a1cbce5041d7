"""One episode of VIMA-Bench: its environment, and what is asked of it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

_STEPS_BETWEEN_LOOKS = 12
"""Of 240 a second: a film is looked at twenty times a second."""


class Body:
    """An episode from its beginning.

    Args:
        bench: the package ``vima_bench``.
        name: of the task.
        options: of the task, which are changed.
        seed: of the episode.
    """

    def __init__(self, bench: ModuleType, name: str, options: dict[str, Any], seed: int) -> None:
        self._utils = bench.tasks.utils.pybullet_utils
        # It writes a file for each thing, and leaves it behind.
        self._folder = tempfile.TemporaryDirectory(prefix="uio2-vima-")
        self.look: Callable[[], None] | None = None
        """Called twenty times a second of simulated time while something moves."""
        self.timed_out = False
        """Whether a movement has exceeded the benchmark's limit, which goes by this machine's clock."""
        self.found = False
        """Whether the last primitive had something on the cup; of the spatula always."""
        self._steps = 0
        with self._scratch():
            self._inner = bench.make(name, modalities="rgb", task_kwargs=options, seed=seed, hide_arm_rgb=True)
        self._moves, self._simulates = self._inner.movej, self._inner.step_simulation
        self._inner.movej, self._inner.step_simulation = self._movej, self._step_simulation
        # The cameras are drawn when somebody looks; neither tasks nor oracles do through an observation.
        self._inner._get_obs = dict
        self._oracle: Any = None

    def begin(self) -> None:
        """Makes the scene; raises whatever the benchmark raises where it finds none."""
        with self._scratch():
            self._inner.reset()
        self._oracle = self._inner.task.oracle(self._inner)

    @property
    def prompt(self) -> str:
        """Words with names in braces."""
        return self._inner.prompt

    @property
    def assets(self) -> Mapping[str, Any]:
        """What the names stand for."""
        return self._inner.prompt_assets

    @property
    def step_limit(self) -> int:
        """Primitives that the oracle may need in this episode."""
        return self._inner.task.oracle_max_steps

    def oracle(self) -> Mapping[str, Any] | None:
        """Its next action; ``None`` when it knows nothing to do."""
        if not self._inner.task.goals:
            return None
        return self._oracle.act({})

    def execute(self, start: Sequence[float], end: Sequence[float], is_oracle: bool) -> tuple[bool, bool]:
        """Executes one primitive; whether the task is done, and whether it has failed for good."""
        action = {
            name: np.asarray(value, np.float32)
            for key, (x, y, turn) in (("pose0", start), ("pose1", end))
            for name, value in ((f"{key}_position", (x, y)), (f"{key}_rotation", _quaternion(turn)))
        }
        space = self._inner.position_bounds
        for key in ("pose0_position", "pose1_position"):
            action[key] = np.clip(action[key], space.low, space.high)
        primitive = self._inner.task.primitive
        watched = _Watched(primitive)
        self._inner.task.primitive = watched
        try:
            _, _, _, known = self._inner.step(action, skip_oracle=not is_oracle)
        finally:
            self._inner.task.primitive = primitive
        self.found = watched.found
        return bool(known["success"]), bool(known["failure"])

    def tool(self) -> tuple[float, float, float, float]:
        """Where the tool's end is: metres, and its turn about z."""
        import pybullet

        position, orientation = self._inner.ee.cur_pose[:2]
        return *position, pybullet.getEulerFromQuaternion(orientation)[2]

    def draw(self, camera: str, width: int, height: int, arm: bool = False) -> np.ndarray:
        """``[height, width, 3]``; shows as much from top to bottom at any size."""
        configuration = self._camera(camera, height)
        if arm:
            self._show_arm(True)
        try:
            colours, _, _ = self._inner.render_camera(configuration, (height, width))
        finally:
            if arm:
                self._show_arm(False)
        return np.transpose(colours, (1, 2, 0))

    def pixel(self, point: Sequence[float], camera: str, width: int, height: int) -> tuple[float, float]:
        """Where a point is in a camera's picture."""
        import pybullet

        configuration = self._camera(camera, height)
        rotation = np.array(pybullet.getMatrixFromQuaternion(configuration["rotation"])).reshape(3, 3)
        x, y, z = rotation.T @ (np.asarray(point, float) - configuration["position"])
        focal = configuration["intrinsics"][0]
        return width / 2 + focal * x / z, height / 2 + focal * y / z

    def close(self) -> None:
        """Ends the simulation and removes its files."""
        self._inner.close()
        self._folder.cleanup()

    def _camera(self, name: str, height: int) -> dict[str, Any]:
        own = self._inner.agent_cams[name]
        scale = height / own["image_size"][0]
        return {**own, "intrinsics": tuple(value * scale for value in own["intrinsics"])}

    def _show_arm(self, is_visible: bool) -> None:
        alpha = self._utils.VISIBLE_ALPHA if is_visible else self._utils.INVISIBLE_ALPHA
        self._utils.set_visibility_bullet(self._inner.client_id, self._inner.ur5, alpha)
        self._inner.ee.is_visible = is_visible

    def _movej(self, *arguments: Any, **options: Any) -> bool:
        is_late = self._moves(*arguments, **options)
        self.timed_out = self.timed_out or bool(is_late)
        return is_late

    def _step_simulation(self) -> None:
        self._simulates()
        self._steps += 1
        if self.look is not None and self._steps % _STEPS_BETWEEN_LOOKS == 0:
            self.look()

    @contextmanager
    def _scratch(self) -> Iterator[None]:
        """Has temporary files made in this episode's folder."""
        before = tempfile.tempdir
        tempfile.tempdir = self._folder.name
        try:
            yield
        finally:
            tempfile.tempdir = before


class _Watched:
    """A primitive that says whether the cup held something."""

    def __init__(self, primitive: Any) -> None:
        self._primitive = primitive
        self.found = True

    def __call__(self, *arguments: Any) -> Any:
        result = self._primitive(*arguments)
        if isinstance(result, tuple):
            self.found = bool(result[1])
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._primitive, name)


def _quaternion(turn: float) -> tuple[float, float, float, float]:
    return (0.0, 0.0, math.sin(turn / 2), math.cos(turn / 2))
