"""Perturbations, options of jobs and adapters of other packages, without a simulator."""

from __future__ import annotations

import importlib
import sys
import types
import typing
from pathlib import Path

import numpy as np
import pytest

from uio2_envs import adapters, perturbed, toy
from uio2_envs.conformance import EnvironmentConformance
from uio2_envs.environment import Environment, EnvironmentFailure
from uio2_envs.expert import ExpertLink
from uio2_envs.jobs import Job
from uio2_envs.variant import MAXIMUM_SEVERITY, PERTURBATIONS, Variant

TOY_KINDS = ("jpeg", "blur", "actuation_noise", "moved_object")


def made(kind: str | None, severity: int = 0) -> Environment:
    return adapters.make("toy", "reach-green", Variant(kind, severity))


def flight(environment: Environment, seed: int, steps: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Positions ``[steps, 2]`` under a constant small action, and the last frame."""
    environment.reset(seed)
    positions = []
    for _ in range(steps):
        environment.step([0.004, 0.002])
        positions.append(list(environment.observe().values()))
    return np.array(positions), environment.render("overhead", 96, 96)


@pytest.mark.parametrize("kind", TOY_KINDS)
def test_severity_0_is_the_plain_task_to_the_bit(kind: str) -> None:
    for one, other in zip(flight(made(kind, 0), 7), flight(toy.make("reach-green"), 7), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["jpeg", "blur", "moved_object"])
def test_a_greater_severity_changes_the_picture_more(kind: str) -> None:
    plain = flight(made(None), 7)[1].astype(float)
    changes = [np.abs(flight(made(kind, severity), 7)[1] - plain).mean() for severity in range(MAXIMUM_SEVERITY + 1)]
    assert changes[0] == 0 and all(one < other for one, other in zip(changes, changes[1:], strict=False)), changes


def test_actuation_noise_is_as_large_as_it_says_and_the_same_draws_at_every_severity() -> None:
    plain, half_range = flight(made(None), 7)[0], 0.02
    deviations = [np.diff(flight(made("actuation_noise", severity), 7)[0] - plain, axis=0) for severity in (1, 2)]
    assert deviations[0].std() == pytest.approx(perturbed.NOISE * half_range, rel=0.25)
    np.testing.assert_allclose(deviations[1], 2 * deviations[0], atol=1e-9)


def test_the_object_is_moved_once_by_the_stated_way() -> None:
    plain, moving = toy.make("reach-green"), made("moved_object", 3)
    ways, moments = [], set()
    for seed in range(8):
        plain.reset(seed)
        moving.reset(seed)
        inner: toy.ToyEnvironment = moving._inner  # type: ignore[attr-defined]
        before = [inner._discs["reach-green"].copy() for _ in range(40) if moving.step([0.0, 0.0]) is not None]
        way = before[-1] - plain._discs["reach-green"]
        assert np.linalg.norm(way) == pytest.approx(3 * perturbed.OBJECT_STEP)
        moment = next(step for step, place in enumerate(before) if (place == before[-1]).all())
        assert perturbed.MOVING_STEPS[0] <= moment < perturbed.MOVING_STEPS[1]
        ways.append(way)
        moments.add(moment)
    assert len(moments) > 3 and np.std(ways) > 0.01, "drawn from the seed"


@pytest.mark.parametrize("kind", TOY_KINDS)
def test_the_next_episode_knows_nothing_of_it(kind: str) -> None:
    """The seed alone decides, and the environment inside is as it was."""
    environment = made(kind, 4)
    first = flight(environment, 3)
    flight(environment, 4)
    for one, other in zip(first, flight(environment, 3), strict=True):
        np.testing.assert_array_equal(one, other)
    inner = environment._inner  # type: ignore[attr-defined]
    for one, other in zip(flight(inner, 5), flight(toy.make("reach-green"), 5), strict=True):
        np.testing.assert_array_equal(one, other)


class TestPerturbedConformance(EnvironmentConformance):
    def make(self) -> Environment:
        return made("jpeg", 2)


def test_an_environment_without_the_kind_refuses_it() -> None:
    with pytest.raises(EnvironmentFailure, match="unsupported_perturbation: camera.*moved_object"):
        made("camera", 1)
    environment = toy.make("reach-red")
    environment.reset(0)
    with pytest.raises(EnvironmentFailure, match="unsupported_perturbation"):
        environment.change_scene("light", 1.0, np.random.default_rng(0))
    with pytest.raises(EnvironmentFailure, match="unknown_view: published"):
        adapters.make("toy", "reach-red", Variant(view="published"))
    with pytest.raises(EnvironmentFailure, match="no_shared_scene: reach-green"):
        adapters.make("toy", "reach-red", Variant(instruction_from="reach-green"))
    with pytest.raises(EnvironmentFailure, match="unknown_task: reach-blue"):
        adapters.make("toy", "reach-red", Variant(instruction_from="reach-blue"))


def test_other_words_are_said_for_the_same_task() -> None:
    environment = adapters.make("toy", "reach-red", Variant(words="Go to the red one."))
    environment.reset(0)
    assert environment.instruction == "Go to the red one."
    harder = adapters.make("toy", "reach-red", Variant("blur", 2, words="Go to the red one."))
    harder.reset(0)
    assert harder.instruction == "Go to the red one."
    for words in ("", " ", "x" * 1001):
        with pytest.raises(ValueError, match="words: expected 1 to 1000 bytes"):
            Variant.parse({"words": words})


def test_a_body_without_an_expert_says_so() -> None:
    class Plain(toy.ToyEnvironment):
        expert = Environment.expert

    with pytest.raises(EnvironmentFailure, match="no_expert: reach-red"):
        ExpertLink(Plain("reach-red")).act(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    ['{"severity": 5, "perturbation": "jpeg"}', '{"severity": -1, "perturbation": "jpeg"}', '{"severity": true}']
    + ['{"perturbation": "fog"}', '{"perturbation": 3}', '{"severity": 1}', '{"view": null}', '{"colour": "red"}', "[]", "7"],
)
def test_options_that_are_none_are_refused(options: str) -> None:
    with pytest.raises(ValueError, match="options|severity|perturbation"):
        Job.parse(f'{{"id": 1, "task": "a", "seed": 0, "options": {options}}}')


def test_options_are_read() -> None:
    job = Job.parse('{"id": 1, "task": "a", "seed": 0, "options": {"perturbation": "blur", "severity": 2, "view": "v"}}')
    assert job.options == Variant("blur", 2, None, "v")
    assert Job.parse('{"id": 1, "task": "a", "seed": 0}').options == Variant()
    assert {kind for kind in PERTURBATIONS if Variant(kind, 4)} == set(PERTURBATIONS)


ADAPTER = '''
from uio2_envs.toy import ToyEnvironment
TASKS = {"reach-red": "Go."}
def make(task):
    return ToyEnvironment(task)
'''


def test_another_package_brings_a_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny_robots.py").write_text(ADAPTER)
    installed = tmp_path / "tiny_robots-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-robots\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(
        "[uio2_envs.adapters]\ntiny = tiny_robots\ntoy = tiny_robots\nlost = no_such_module_anywhere\n"
    )
    assert "tiny" not in adapters.names()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    importlib.invalidate_caches()
    assert {"tiny", "metaworld", "toy"} <= set(adapters.names())
    environment = adapters.make("tiny", "reach-red", Variant("jpeg", 1))
    environment.reset(0)
    assert environment.render("overhead", 8, 8).shape == (8, 8, 3)
    assert adapters.adapter("toy", []).__name__ == "uio2_envs.toy", "our own cannot be replaced"
    with pytest.raises(EnvironmentFailure, match="adapter_missing: lost.*no_such_module_anywhere"):
        adapters.adapter("lost", [])
    with pytest.raises(EnvironmentFailure, match="unknown_environment: big.*tiny"):
        adapters.adapter("big", [])


def test_our_own_adapters_are_entry_points_too() -> None:
    envs = Path(__file__).resolve().parents[1]
    lines = []
    for file in (envs / "pyproject.toml", envs / "tabletop" / "pyproject.toml"):
        lines += file.read_text().split('[project.entry-points."uio2_envs.adapters"]\n')[1].split("\n\n")[0].splitlines()
    assert dict(line.split(" = ") for line in lines) == {
        name: f'"{module}"' for name, module in adapters._OWN.items()
    }


def test_annotations_of_adapters_can_be_read() -> None:
    assert typing.get_type_hints(adapters.check)["return"] is types.ModuleType
    assert typing.get_type_hints(adapters.make)["return"] is Environment
