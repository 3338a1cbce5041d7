"""Demonstrations rendered after the flight are what they would have been during it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import generate
from shards import decode_jpeg, encode_jpeg, read_shard
from spec import CAMERAS, CHUNK_LENGTH, FRAME_SIZE, MT50

# Not importorskip: imported before the scene, MuJoCo would choose another OpenGL.
if find_spec("metaworld") is None:
    pytest.skip("Meta-World is not installed", allow_module_level=True)

from uio2_envs.metaworld_scene import MetaWorldScene  # noqa: E402

TASK = "drawer-close-v3"


def test_restored_states_are_those_of_the_flight() -> None:
    scene = MetaWorldScene(TASK, CAMERAS, FRAME_SIZE)
    seed = MT50.held_out_seeds(TASK, 1)[0]
    disturbance = generate.Disturbance(np.random.default_rng(seed))
    scene.reset(seed)
    live = []
    while scene.steps < 30:
        if scene.steps % 8 == 5:
            live.append((scene.render("corner2"), scene.expert_plan(CHUNK_LENGTH), scene.proprioception()))
        scene.step(disturbance.apply(scene.expert()))
    states, _ = generate.run_expert(scene, seed, 1.0, 30, 8, 5)
    assert len(states) == len(live) == 4
    for state, (frame, plan, hand) in zip(states, live, strict=True):
        scene.restore(state)
        assert np.array_equal(scene.expert_plan(CHUNK_LENGTH), plan)
        assert np.array_equal(scene.proprioception(), hand)
        assert np.array_equal(decode_jpeg(encode_jpeg(scene.render("corner2"))), decode_jpeg(encode_jpeg(frame)))
    scene.close()


class _Reluctant:
    """A scene whose expert succeeds only undisturbed, on the third step."""

    task = TASK

    def __init__(self) -> None:
        self.steps, self.success, self.clean, self.resets = 0, False, True, 0

    def reset(self, seed: int) -> None:
        self.steps, self.success, self.clean = 0, False, True
        self.resets += 1

    def expert(self) -> np.ndarray:
        return np.zeros(4)

    def step(self, action: np.ndarray) -> None:
        self.steps += 1
        self.clean &= not action.any()
        self.success = self.clean and self.steps >= 3

    def save(self) -> int:
        return self.steps


def test_a_failed_reset_is_tried_with_less_disturbance(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, strengths = _Reluctant(), []
    original = generate.Disturbance

    def disturbance(random: np.random.Generator, strength: float) -> generate.Disturbance:
        strengths.append(strength)
        return original(random, strength)

    monkeypatch.setattr(generate, "Disturbance", disturbance)
    results = [generate.run_expert(scene, 1, strength, 20, 8, 0)[1] for strength in generate.RETRIES]
    assert results == [False, False, False, True] and strengths == list(generate.RETRIES)


def test_a_shard_of_one_episode(tmp_path: Path) -> None:
    path = tmp_path / "held-out.npz"
    generate.record_shards({path: {TASK: MT50.held_out_seeds(TASK, 1)}}, MT50, 16)
    samples = read_shard(path)
    assert 3 <= len(samples) <= 20 and set(samples.task) == {MT50.index[TASK]}
    assert samples.plan.shape[1:] == (CHUNK_LENGTH, 4) and np.abs(samples.plan).max() <= 1
    assert samples.frames(0).std() > 20  # something is to be seen
