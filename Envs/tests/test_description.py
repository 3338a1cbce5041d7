"""Descriptions of gymnasium environments: what is wrong with one is said by its key, and numbers are what their units say."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if find_spec("yaml") is None or find_spec("gymnasium") is None:
    pytest.skip("needs PyYAML and gymnasium", allow_module_level=True)

import yaml

from uio2_envs import adapters
from uio2_envs.conformance import EnvironmentConformance
from uio2_envs.description import Description
from uio2_envs.environment import Environment, EnvironmentFailure

ENVS = Path(__file__).resolve().parents[1]

MODULE = '''
import gymnasium
import numpy as np

class Cart(gymnasium.Env):
    """A dot on a line that is told steps in percent of the line."""

    render_mode = "rgb_array"

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-20, 20)
        return {"where": np.array([self.place, 1.0])}, {}

    def step(self, action):
        self.place = float(np.clip(self.place + action[0], -50, 50))
        return {"where": np.array([self.place, 1.0])}, -abs(self.place), False, False, {"solved": abs(self.place) < 2}

    def render(self):
        frame = np.full((40, 60, 3), 90, np.uint8)
        frame[15:25, int(30 + self.place / 2) - 4 : int(30 + self.place / 2) + 4] = (230, 230, 60)
        return frame

gymnasium.register(id="uio2/Cart-v0", entry_point=Cart)
'''
DOCUMENT: dict[str, Any] = {
    "description": "A dot on a line.",
    "packages": ["gymnasium", "numpy"],
    "registers": "cart_of_a_test",
    "tasks": {"centre": {"id": "uio2/Cart-v0", "instruction": "Bring the dot to the middle."}},
    "cameras": {"front": {}},
    "proprioception": [
        {"name": "position_x", "unit": "m", "minimum": -0.5, "maximum": 0.5, "native": [-50, 50], "from": "where.0"}
    ],
    "action_frame": "base",
    "action_mode": "delta",
    "actions": [{"name": "delta_x", "unit": "m", "minimum": -0.02, "maximum": 0.02, "native": [-2, 2]}],
    "control_rate": 10,
    "step_limit": 120,
    "success": "solved",
}


@pytest.fixture(scope="module", autouse=True)
def carts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a description and the module that it needs, which is looked in."""
    folder = tmp_path_factory.mktemp("carts")
    (folder / "cart_of_a_test.py").write_text(MODULE)
    (folder / "cart.yaml").write_text(yaml.safe_dump(DOCUMENT))
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


class TestCart(EnvironmentConformance):
    def make(self) -> Environment:
        return adapters.make("cart", "centre")

    # It draws one picture of itself, whatever the field of view.
    test_field_of_view_is_that_of_the_call = None


def test_numbers_are_in_the_units_that_are_said() -> None:
    environment = adapters.make("cart", "centre")
    environment.reset(1)
    before = environment.observe()["position_x"]
    assert before == pytest.approx(environment._inner.unwrapped.place / 100)
    transition = environment.step(np.array([0.013]))
    assert environment.observe()["position_x"] - before == pytest.approx(0.013, abs=1e-6)
    assert transition.reward == pytest.approx(-abs(environment._inner.unwrapped.place))
    for _ in range(60):
        step = np.clip(-environment.observe()["position_x"], -0.02, 0.02)
        if environment.step(np.array([step])).success:
            break
    assert abs(environment.observe()["position_x"]) < 0.02
    environment.close()


@pytest.mark.parametrize("name", sorted(path.stem for path in (ENVS / "environments").glob("*.yaml")))
def test_the_descriptions_of_the_repository_can_be_read(name: str) -> None:
    description = Description(ENVS / "environments" / f"{name}.yaml")
    specification = description.specification
    assert description.instructions and specification.cameras and specification.hold in ("zero", "repeat")
    # Its packages have versions, and so has what every robot needs.
    text = (ENVS / "environments" / f"{name}.txt").read_text()
    for package in description.packages:
        assert f"{package.replace('_', '-')}==" in text
    assert text.startswith("-r common.txt")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"camera": {}}, "camera: is no key; did you mean cameras"),
        ({"step_limit": "many"}, "step_limit: expected another kind"),
        ({"step_limit": True}, "step_limit: expected another kind"),
        ({"control_rate": None}, "control_rate: expected another kind"),
        ({"tasks": {"centre": {"id": "x"}}}, "tasks.centre: expected id and instruction"),
        ({"actions": [{"name": "delta_x"}]}, r"actions\[0\]: expected name, unit"),
        ({"actions": [{**DOCUMENT["actions"][0], "native": [1, 1]}]}, r"actions\[0\]: expected a minimum below"),
        ({"actions": [{**DOCUMENT["actions"][0], "from": "where.0"}]}, r"actions\[0\]: expected from"),
        ({"proprioception": [{**DOCUMENT["actions"][0]}]}, r"proprioception\[0\]: expected from"),
        ({"actions": [{**DOCUMENT["actions"][0], "minimum": "low"}]}, r"actions\[0\]: expected numbers"),
    ],
)
def test_what_is_wrong_is_said_by_its_key(tmp_path: Path, change: dict, expected: str) -> None:
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({**DOCUMENT, **change}))
    with pytest.raises(EnvironmentFailure, match=f"invalid_description: other.yaml: {expected}"):
        Description(tmp_path / "other.yaml")


def test_a_key_that_stands_twice_is_named_with_its_line(tmp_path: Path) -> None:
    text = yaml.safe_dump(DOCUMENT)
    lines = text.count("\n")
    (tmp_path / "other.yaml").write_text(text + "step_limit: 9\n")
    expected = f"invalid_description: other.yaml: step_limit: stands twice, the second time in line {lines + 1}"
    with pytest.raises(EnvironmentFailure, match=expected):
        Description(tmp_path / "other.yaml")
    (tmp_path / "other.yaml").write_text(text.replace("tasks:", "tasks:\n  again: {id: a, instruction: b, id: c}", 1))
    with pytest.raises(EnvironmentFailure, match="id: stands twice"):
        Description(tmp_path / "other.yaml")


@pytest.mark.parametrize("text", ["", "- 1", "{", "\\x00"])
def test_what_is_no_description_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.yaml").write_text(text)
    with pytest.raises(EnvironmentFailure, match="invalid_description: other.yaml"):
        Description(tmp_path / "other.yaml")


def test_what_is_not_installed_is_said_with_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({**DOCUMENT, "registers": "no_such_module"}))
    with pytest.raises(EnvironmentFailure, match="simulator_missing: other: .*no_such_module.*--install other"):
        Description(tmp_path / "other.yaml").make("centre")


def test_the_adapter_is_short() -> None:
    lines = (ENVS / "uio2_envs" / "adapters" / "gymnasium_body.py").read_text().splitlines()
    code = [line for line in lines if line.strip() and not line.strip().startswith('"""')]
    assert len(code) <= 40
