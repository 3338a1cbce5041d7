"""The Meta-World adapter. What needs the simulator is skipped where it is not installed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import FakeDaemon, chunk_for, toy_capabilities
from PIL import Image
from uio2_client import uio2_pb2 as pb

from uio2_envs import adapters
from uio2_envs.adapters import opengl
from uio2_envs.agreement import Agreement, Disagreed
from uio2_envs.conformance import EnvironmentConformance
from uio2_envs.environment import Environment, EnvironmentFailure
from uio2_envs.metaworld_tasks import INSTRUCTIONS

needs_simulator = pytest.mark.skipif(
    find_spec("metaworld") is None or find_spec("mujoco") is None,
    reason="Meta-World is not installed: pip install -r Envs/requirements.txt",
)


class MetaWorldConformance(EnvironmentConformance):
    task = ""
    checked_cameras = ("corner2", "topview")

    def make(self):
        return adapters.make("metaworld", self.task)


@needs_simulator
class TestReach(MetaWorldConformance):
    task = "reach-v3"


@needs_simulator
class TestDrawerClose(MetaWorldConformance):
    task = "drawer-close-v3"


def test_every_task_has_its_own_instruction() -> None:
    assert len(INSTRUCTIONS) == 50
    assert all(task.endswith("-v3") for task in INSTRUCTIONS)
    assert all(sentence.strip() == sentence != "" for sentence in INSTRUCTIONS.values())
    assert len(set(INSTRUCTIONS.values())) == 50


@needs_simulator
def test_instructions_cover_the_benchmark() -> None:
    from metaworld.env_dict import ENV_CLS_MAP

    assert set(INSTRUCTIONS) == set(ENV_CLS_MAP)


@needs_simulator
def test_unknown_task_names_near_ones() -> None:
    with pytest.raises(EnvironmentFailure, match="unknown_task: drawer-shut-v3:.*drawer-(open|close)-v3") as caught:
        adapters.adapter("metaworld", ["push-v3", "drawer-shut-v3"])
    assert caught.value.subject == "drawer-shut-v3"
    with pytest.raises(EnvironmentFailure, match="did you mean push-v3"):
        adapters.adapter("metaworld", ["push"])


def test_unknown_adapter() -> None:
    with pytest.raises(EnvironmentFailure, match="unknown_environment.*metaworld"):
        adapters.adapter("metaverse", [])


def test_missing_simulator_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "uio2_envs.adapters.metaworld", raising=False)
    with pytest.raises(EnvironmentFailure, match="simulator_missing.*requirements.txt"):
        adapters.adapter("metaworld", ["push-v3"])


@needs_simulator
def test_expert_succeeds_on_fresh_goals() -> None:
    environment = adapters.make("metaworld", "drawer-close-v3")
    for seed in range(2):
        environment.reset(seed)
        assert any(environment.step(environment.expert()).success for _ in range(200))
    environment.close()


@needs_simulator
def test_a_centimetre_is_the_native_unit() -> None:
    environment = adapters.make("metaworld", "reach-v3")
    environment.reset(0)
    before = environment.observe()
    for _ in range(5):
        environment.step([0.01, 0.0, 0.0, -1.0])
    for _ in range(60):
        environment.step(environment.hold_action())
    moved = environment.observe()["end_effector_x"] - before["end_effector_x"]
    assert moved == pytest.approx(0.05, abs=0.01)
    for _ in range(30):
        environment.step([0.0, 0.0, 0.0, 1.0])
    assert environment.observe()["gripper_opening"] < 0.5 < before["gripper_opening"]
    environment.close()


@needs_simulator
def test_a_hand_that_was_blocked_stays_where_it_is_told_to_hold() -> None:
    environment = adapters.make("metaworld", "door-open-v3")
    environment.reset(1000)
    for _ in range(60):
        # Against the door, which does not give way.
        environment.step([0.0, 0.01, 0.0, 0.0])
    blocked = hand(environment)
    environment.brake()
    for _ in range(5):
        # Where it would be drawn on for decimetres, had it not been told to hold.
        environment.move_object(np.array([0.0, 0.1]))
        environment.step(environment.hold_action())
    for _ in range(40):
        environment.brake()
        environment.step(environment.hold_action())
    assert np.linalg.norm(hand(environment) - blocked) < 0.03
    environment.close()


def hand(environment: Environment) -> np.ndarray:
    observed = environment.observe()
    return np.array([observed[f"end_effector_{axis}"] for axis in "xyz"])


def _metaworld_capabilities() -> pb.Capabilities:
    """Those of the shipped Meta-World policies."""
    quantity, camera = pb.QuantitySpecification, pb.CameraSpecification
    return pb.Capabilities(
        policy_digest=toy_capabilities().policy_digest,
        cameras=[
            camera(name="corner2", width=128, height=128, vertical_field_of_view=30, input="image"),
            camera(name="topview", width=128, height=128, vertical_field_of_view=45, input="image_history"),
        ],
        proprioception=[
            quantity(name="end_effector_x", unit="m", minimum=-0.5, maximum=0.5),
            quantity(name="end_effector_y", unit="m", minimum=0.3, maximum=1.0),
            quantity(name="end_effector_z", unit="m", minimum=0.0, maximum=0.5),
            quantity(name="gripper_opening", unit="1", minimum=0.0, maximum=1.0),
        ],
        actions=[
            *(quantity(name=f"delta_{axis}", unit="m", minimum=-0.01, maximum=0.01) for axis in "xyz"),
            quantity(name="gripper", unit="1", minimum=-1.0, maximum=1.0),
        ],
        action_frame="base",
        action_mode="delta",
        hold="zero",
        chunk_length=4,
        control_rate=80.0,
    )


@needs_simulator
def test_agrees_with_the_shipped_policies_only() -> None:
    environment = adapters.make("metaworld", "push-v3")
    capabilities = _metaworld_capabilities()
    agreement = Agreement(environment.specification, capabilities)
    environment.reset(0)
    assert len(agreement.proprioception(environment.observe())) == 4
    np.testing.assert_array_equal(agreement.command([0.01, 0, 0, 1], environment.hold_action()), [0.01, 0, 0, 1])
    capabilities.cameras[0].name = "wrist"
    capabilities.actions[1].name = "delta_yaw"
    capabilities.actions[2].maximum = 0.02
    with pytest.raises(Disagreed) as caught:
        Agreement(environment.specification, capabilities)
    assert [point.subject for point in caught.value.points] == ["wrist", "delta_yaw", "delta_z"]
    environment.close()


@needs_simulator
def test_the_expert_succeeds_through_the_protocol(tmp_path: Path) -> None:
    """The daemon's twin of the scene stays in step with the robot's to the last bit: nothing is lost on the way."""
    twin = adapters.make("metaworld", "drawer-close-v3")
    twin.reset(11)

    def expert(index: int, seen: pb.Observation) -> pb.ActionChunk:
        np.testing.assert_array_equal(list(seen.proprioception), list(twin.observe().values()))
        assert [frame.camera for frame in seen.frames] == ["corner2", "topview"]
        for frame in seen.frames:
            picture = np.asarray(Image.open(io.BytesIO(frame.data)))
            assert picture.shape == (128, 128, 3) and picture.std() > 20
        actions = []
        for _ in range(4):
            actions.append(twin.expert())
            twin.step(actions[-1])
        return chunk_for(seen, [list(action) for action in actions], valid_ns=10**12)

    envs = Path(__file__).resolve().parents[1]
    with FakeDaemon(expert, _metaworld_capabilities()) as daemon:
        done = subprocess.run(
            [sys.executable, "-m", "uio2_envs", "metaworld", "--task", "drawer-close-v3", "--connect", daemon.address]
            + ["--seed", "11", "--events", "--video", str(tmp_path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(envs), str(envs / "client")])},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    end = [json.loads(line) for line in done.stdout.splitlines()][-2]
    assert (end["success"], end["held_steps"], end["seed"]) == (True, 0, 11) and end["steps"] < 200
    assert Path(end["video"]).stat().st_size > 1000
    twin.close()


def test_one_variable_alone_chooses_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo refuses to draw with another backend than PyOpenGL's variable names."""
    tried: list[str] = []
    monkeypatch.setattr(opengl, "_failure", lambda backend: tried.append(backend))
    monkeypatch.setenv("PYOPENGL_PLATFORM", "osmesa")
    monkeypatch.setenv("MUJOCO_GL", "")
    assert opengl.choose_backend() == "osmesa" == os.environ["MUJOCO_GL"]
    assert tried == ["osmesa"]
    monkeypatch.setenv("MUJOCO_GL", "egl")
    with pytest.raises(EnvironmentFailure, match="no_opengl: PYOPENGL_PLATFORM: MUJOCO_GL says egl"):
        opengl.choose_backend()
    monkeypatch.setenv("PYOPENGL_PLATFORM", "egl")
    assert opengl.choose_backend() == "egl"


def test_backend_is_tried_with_the_modules_of_this_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mujoco.py").write_text("print('drawn')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reason = opengl._failure("no-such-backend")
    assert reason is not None and "no-such-backend" in reason


def test_backend_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYOPENGL_PLATFORM", raising=False)
    monkeypatch.setenv("MUJOCO_GL", "")
    monkeypatch.setattr(opengl, "_failure", lambda backend: "no display" if backend == "egl" else None)
    assert opengl.choose_backend() == "osmesa"
    monkeypatch.setenv("MUJOCO_GL", "")
    monkeypatch.setattr(opengl, "_failure", lambda backend: "no display")
    with pytest.raises(EnvironmentFailure, match="no_opengl.*egl: no display; osmesa: no display.*apt install"):
        opengl.choose_backend()
