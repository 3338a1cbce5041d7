"""VIMA-Bench, from the checkout that UIO2_VIMABENCH names: skipped without one. Run by its own Python (``make test-vima``)."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from uio2_envs import adapters
from uio2_envs.conformance import PrimitiveConformance
from uio2_envs.environment import Environment, EnvironmentFailure

if not os.environ.get("UIO2_VIMABENCH"):
    pytest.skip("needs a checkout of VIMA-Bench that UIO2_VIMABENCH names", allow_module_level=True)
if find_spec("pybullet") is None:
    pytest.skip("needs pybullet: run by the Python that uio2 envs --install vima names", allow_module_level=True)

from uio2_envs.adapters import vima, vima_body

ENVS = Path(__file__).resolve().parents[2]


class TestPicking(PrimitiveConformance):
    # Its cameras have a field of view of their own.
    test_field_of_view_is_that_of_the_call = None

    def make(self) -> Environment:
        return adapters.make("vima", "visual_manipulation-l1")


class TestPushing(PrimitiveConformance):
    test_field_of_view_is_that_of_the_call = None

    def make(self) -> Environment:
        return adapters.make("vima", "sweep_without_exceeding-l1")


@pytest.mark.parametrize("task", sorted({task.rpartition("-")[0] for task in vima.TASKS}))
def test_every_task_begins_has_pictures_and_is_done_by_its_oracle_in_one_of_a_few_episodes(task: str) -> None:
    level = "l1" if f"{task}-l1" in vima.TASKS else "l4"
    environment = adapters.make("vima", f"{task}-{level}")
    done = False
    for seed in range(3):
        environment.reset(seed)
        assert environment.prompt and "{" not in environment.instruction
        assert any(not isinstance(part, str) for part in environment.prompt)
        transition = None
        while not done and not (transition is not None and transition.done):
            plan = environment.plan()
            text, commands = environment.say(plan) if plan else ("", [])
            if not commands:
                break
            transition = environment.step(commands[0].values, commands[0].primitive)
            done = transition.success
        if done:
            break
    environment.close()
    assert done


def test_the_tasks_are_those_of_the_partitions() -> None:
    bench = vima.vima_checkout.load()
    specifications = bench.PARTITION_TO_SPECS
    found = {f"{name}-train" for name in specifications["train"]}
    found |= {f"{name}-{level}" for level, of in vima.LEVELS.items() if level != "train" for name in specifications["test"][of]}
    assert set(vima.TASKS) == found


def test_what_takes_longer_than_the_benchmark_waits_is_said_and_ends_the_episode(
    caplog: pytest.LogCaptureFixture,
) -> None:
    environment = adapters.make("vima", "rotate-l1")
    environment.reset(0)
    [command] = environment.plan()
    moves = environment._body._moves
    environment._body._moves = lambda target, speed=0.01: moves(target, speed, timeout=0)
    transition = environment.step(command.values, command.primitive)
    assert transition.outcome == "timed_out" and transition.done and not transition.success
    assert "longer than the 5 s" in caplog.text
    with pytest.raises(EnvironmentFailure, match="episode_ended"):
        environment.step(command.values, command.primitive)
    environment.reset(0)
    assert environment.step(command.values, command.primitive).outcome == "done"
    environment.close()


def test_a_push_to_where_it_begins_moves_nothing_and_is_an_outcome() -> None:
    environment = adapters.make("vima", "sweep_without_exceeding-l1")
    environment.reset(0)
    before = environment.render("top", 256, 128)
    action = np.array([0.5, 0.0, 0.0, 0.5, 0.0, 0.0])
    assert environment.step(action, "push").outcome == "too_short"
    np.testing.assert_array_equal(before, environment.render("top", 256, 128))
    environment.close()


def test_a_mark_lies_where_the_picture_shows_the_place() -> None:
    environment = adapters.make("vima", "visual_manipulation-l1")
    environment.reset(3)
    [command] = environment.plan()
    for camera in ("top", "front"):
        frame = environment.render(camera, 256, 128).astype(int)
        saturation = frame.max(axis=2) - frame.min(axis=2)
        for x, y in environment.marks(command, camera, 256, 128):
            row, column = round(y), round(x)
            # Both are things; the table is dark and without a colour.
            assert saturation[row - 4 : row + 5, column - 4 : column + 5].max() > 20, (camera, x, y)
        assert saturation[saturation.shape[0] // 2 :, :20].max() < 20
    environment.close()


def test_a_second_environment_ends_the_first_ones_episode() -> None:
    one, other = (adapters.make("vima", "rotate-l1") for _ in range(2))
    one.reset(0)
    other.reset(0)
    with pytest.raises(EnvironmentFailure, match="not_reset: .*another environment"):
        one.observe()
    one.reset(0)
    assert math.isfinite(one.observe()["end_effector_x"])
    one.close()
    other.close()


def test_a_seed_without_a_scene_is_said_and_another_is_tried(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment = adapters.make("vima", "rotate-l1")
    begin, seeds = vima_body.Body.begin, []

    def fails_at_first(body: vima_body.Body) -> None:
        seeds.append(body._inner.task.seed)
        assert len(seeds) > 1, "no room"
        begin(body)

    monkeypatch.setattr(vima_body.Body, "begin", fails_at_first)
    environment.reset(5)
    assert seeds == [5, 5 + 2**32] and "seed 5 has no scene (AssertionError: no room" in caplog.text
    seeds.clear()
    monkeypatch.setattr(vima_body.Body, "begin", lambda body: seeds.append(1) or 1 / 0)
    with pytest.raises(EnvironmentFailure, match="no_scene: rotate-l1: no scene in 10 attempts: ZeroDivisionError"):
        environment.reset(5)
    with pytest.raises(EnvironmentFailure, match="not_reset"):
        environment.observe()
    environment.close()


def test_no_files_are_left() -> None:
    def files() -> set[str]:
        return set(os.listdir(tempfile.gettempdir()))

    before = files()
    environment = adapters.make("vima", "novel_adj-l1")
    for seed in range(2):
        environment.reset(seed)
    environment.close()
    assert not [name for name in files() - before if "urdf" in name or name.startswith("uio2-vima")]


def test_standard_output_has_events_and_nothing_else() -> None:
    command = [sys.executable, "-m", "uio2_envs.worker", "vima", "--expert"]
    job = {"id": 7, "task": "rotate-l1", "seed": 1}
    path = f"{ENVS}:{ENVS / 'client'}:{ENVS / 'tabletop'}"
    done = subprocess.run(
        command, input=json.dumps(job) + "\n", env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["ready", "episode_end"]
    assert "tasks loaded" in done.stderr
    found = {module["name"]: module for module in events[0]["simulator"]["modules"]}
    assert found["vima_bench"]["version"] == vima.CHECKOUTS["vima_bench"][1]
    assert found["pybullet"]["version"] == found["pybullet"]["pinned"] == "3.2.7"
    assert events[-1]["success"] and events[-1]["outcomes"] == {"done": events[-1]["steps"]}


def test_stand_ins_say_so() -> None:
    import kornia
    import torch

    assert not torch.is_tensor(np.zeros(1)) and vima_body
    with pytest.raises(AttributeError, match="kornia.warp_affine: kornia is not installed, and a stand-in"):
        _ = kornia.warp_affine
