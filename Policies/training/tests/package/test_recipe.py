"""Recipes, ranges from the data, and the policy.json that follows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("pyarrow")

from uio2_train.__main__ import main  # noqa: E402
from uio2_train.data.demonstrations import Dimension, open_dataset  # noqa: E402
from uio2_train.data.folder import FolderWriter  # noqa: E402
from uio2_train.errors import TrainingError  # noqa: E402
from uio2_train.recipe import Recipe  # noqa: E402
from uio2_train.recipe_file import load_recipe, parse  # noqa: E402
from uio2_train.specification import Quantities, Quantity, make_plan, outward, sentences  # noqa: E402

FIXTURES = Path(__file__).resolve().parent / "fixtures"
SCHEMA = Path(__file__).resolve().parents[3] / "policy.schema.json"
UNITS = {"shoulder_pan": "rad", "shoulder_lift": "rad", "gripper": "1"}


def document(**changes) -> dict:
    result = {
        "name": "toy",
        "data": {"datasets": [str(FIXTURES / "lerobot-v3.0")]},
        "cameras": [
            {"name": "front", "source": "observation.images.front", "earlier_frames": 1},
            {"name": "wrist", "source": "observation.images.wrist", "input": "image_history"},
        ],
        "state": {"units": UNITS},
        "action": {"units": UNITS, "mode": "absolute", "chunk_length": 2, "roles": {"gripper": "gripper"}},
    }
    for key, value in changes.items():
        place = result
        *outer, last = key.split("__")
        for name in outer:
            place = place[name]
        place[last] = value
    return result


def plan(changed: dict):
    return make_plan(parse(Recipe, changed, ""), [open_dataset(FIXTURES / "lerobot-v3.0")])


def test_a_policy_follows_from_data_and_recipe() -> None:
    made = plan(document()).document
    assert [part["name"] for part in made["proprioception"]] == list(UNITS)
    assert made["control"] == {"rate_hz": 10.0, "hold": "repeat", "deadline_ms": 200}
    dimensions = made["action_space"]["dimensions"]
    assert dimensions[2] == {"name": "gripper", "unit": "1", "minimum": 0.2, "maximum": 1.201, "role": "gripper"}
    assert made["cameras"][0] == {"name": "front", "input": "image", "width": 64, "height": 48, "earlier_frames": 1}
    schema = json.loads(SCHEMA.read_text())
    assert set(made) <= set(schema["properties"]) and set(schema["required"]) <= set(made)


def test_tolerances_limits_and_further_wordings_reach_the_policy() -> None:
    made = plan(
        document(
            state__tolerances={"gripper": 0.2}, action__limits={"gripper": {"maximum_jump": 0.5}},
            action__measured_by={"gripper": "gripper"},
            data__instructions={"Push the block.": ["Shove the block!", "push  THE block"]},
        )
    ).document  # fmt: skip
    assert made["proprioception"][2]["tolerance"] == 0.2
    gripper = made["action_space"]["dimensions"][2]
    assert gripper["limits"] == {"maximum_jump": 0.5} and gripper["measured_by"] == "gripper"
    assert made["instructions"] == ["Push the block.", "Open the drawer.", "Shove the block!"]
    assert made["limits"] == "none"
    assert sentences([f"Sentence {n}" for n in range(300)]) == "free"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"state__units": {"shoulder_pan": "rad"}}, "missing_unit", "shoulder_lift"),
        ({"action__units": {}}, "missing_unit", "never guessed"),
        ({"action__mode": None}, "missing_mode", "delta or absolute"),
        ({"action__roles": {"gripper": "translation_x"}}, "wrong_unit", "expected m"),
        ({"action__roles": {"elbow": "gripper"}}, "unknown_dimension", "elbow"),
        ({"state__tolerances": {"elbow": 1}}, "unknown_dimension", "elbow"),
        ({"state__rename": {"elbow": "x"}}, "unknown_dimension", "elbow"),
        ({"state__use": ["elbow"]}, "unknown_dimension", "elbow"),
        ({"cameras": [{"name": "a", "source": "nothing"}]}, "unknown_camera", "observation.images.front"),
        ({"cameras": []}, "invalid_recipe", "one camera"),
        ({"action__chunk_length": 300}, "invalid_recipe", "511"),
        ({"action__ranges": {"gripper": [1, 1]}}, "invalid_recipe", "least, most"),
        ({"control": {"rate_hz": 20}}, "rates_differ", "10 actions a second"),
        ({"objectives": {"where": {"key": "nothing"}}}, "unknown_feature", "positions"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict, code: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words) as caught:
        plan(document(**changes))
    assert caught.value.code == code


def test_a_misspelt_key_is_refused_with_the_right_one(tmp_path: Path) -> None:
    file = tmp_path / "toy.yaml"
    file.write_text(yaml.safe_dump(document(action__chunk_lenght=3)))
    with pytest.raises(TrainingError, match="did you mean chunk_length"):
        load_recipe(file)
    file.write_text(yaml.safe_dump(document(action__chunk_length="many")))
    with pytest.raises(TrainingError, match="expected int, found 'many'"):
        load_recipe(file)
    file.write_text(yaml.safe_dump(document()))
    assert load_recipe(file, {"action.chunk_length": 7}).action.chunk_length == 7
    bare = document()
    del bare["cameras"]
    file.write_text(yaml.safe_dump(bare))
    with pytest.raises(TrainingError, match="is missing"):
        load_recipe(file)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "toy.yaml"
    text = yaml.safe_dump(document())
    for twice, name in [(text + "name: other\n", "name"), (text.replace("action:", "action:\n  mode: delta", 1), "mode")]:
        file.write_text(twice)
        with pytest.raises(TrainingError, match=f"the key {name} stands twice") as caught:
            load_recipe(file)
        assert caught.value.code == "invalid_recipe"


def test_a_file_that_is_no_utf_8_and_a_key_below_a_value_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "toy.yaml"
    file.write_bytes(yaml.safe_dump(document()).encode("utf-16"))
    with pytest.raises(TrainingError, match="expected UTF-8") as caught:
        load_recipe(file)
    assert caught.value.code == "invalid_recipe"
    file.write_text(yaml.safe_dump(document() | {"training": None}))
    with pytest.raises(TrainingError, match="expected keys and values in training") as caught:
        load_recipe(file, {"training.minutes": 1})
    assert (caught.value.code, caught.value.subject) == ("invalid_recipe", "training.minutes")


def write(path: Path, state: np.ndarray, action: np.ndarray) -> None:
    writer = FolderWriter(
        path, 10, {"front": (16, 16)}, [Dimension(f"s{i}", "m") for i in range(state.shape[1])],
        [Dimension(f"a{i}", "m") for i in range(action.shape[1])],
    )  # fmt: skip
    writer.add("Go.", state, action, {"front": [np.zeros((16, 16, 3), np.uint8)] * len(state)})


def folder_plan(path: Path, **changes):
    recipe = {
        "name": "x", "data": {"datasets": [str(path)]}, "cameras": [{"name": "front", "source": "front"}], "state": {},
        "action": {"mode": "delta"},
    }  # fmt: skip
    for key, value in changes.items():
        recipe[key.split("__")[0]][key.split("__")[1]] = value
    return make_plan(parse(Recipe, recipe, ""), [open_dataset(path)])


def test_a_constant_dimension_is_refused_by_name(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    state, action = random.normal(size=(50, 3)), random.normal(size=(50, 2))
    state[:, 1] = 0.25
    write(tmp_path / "data", state, action)
    with pytest.raises(TrainingError, match="s1 is 0.25 throughout") as caught:
        folder_plan(tmp_path / "data")
    assert caught.value.code == "constant_dimension"
    assert len(folder_plan(tmp_path / "data", state__use=["s2", "s0"]).state) == 2
    made = folder_plan(tmp_path / "data", state__ranges={"s1": [0, 1]})
    assert made.state.parts[1].minimum == 0 and made.state.parts[1].maximum == 1


def test_ranges_come_from_quantiles_and_deltas_contain_zero(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    action = random.uniform(0.1, 0.2, size=(4000, 1))
    action[0] = 50.0  # one broken row must not stretch the range
    write(tmp_path / "data", random.normal(size=(4000, 1)), action)
    free = folder_plan(tmp_path / "data").action.parts[0]
    assert 0.1 <= free.minimum < 0.11 and 0.19 < free.maximum <= 0.21
    moving = folder_plan(tmp_path / "data", action__roles={"a0": "translation_x"}).action.parts[0]
    assert moving.minimum == 0.0 and 0.19 < moving.maximum <= 0.21


def test_bins_are_the_runtimes() -> None:
    numbers = Quantities((Quantity("x", "m", -0.5, 0.5), Quantity("y", "m", 0.0, 0.999)))
    values = np.array([[-0.5, 0.0], [0.5, 0.999], [9.0, -9.0], [0.0, 0.0005]])
    assert numbers.bins(values).tolist() == [[0, 0], [999, 999], [999, 0], [500, 1]]
    everything = np.stack([np.arange(1000), np.arange(1000)], axis=1)
    assert np.array_equal(numbers.bins(numbers.values(everything)), everything)


def test_rounding_is_outward() -> None:
    random = np.random.default_rng(0)
    for value in [*random.normal(size=200), *(random.normal(size=50) * 1e-4), 0.0, 1.0, -1.0]:
        low, high = outward(float(value), up=False), outward(float(value), up=True)
        assert low <= value + 1e-9 * abs(value) and high >= value - 1e-9 * abs(value)
        assert high - low <= 3e-3 * abs(value)


def test_inspect_prints_the_dataset_and_its_policy(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inspect", str(FIXTURES / "lerobot-v2.1")]
    assert main(words) == 1
    shown = capsys.readouterr()
    assert "LeRobot v2.1, 3 episodes, 39 steps" in shown.out and "2 episodes  Push the block." in shown.out
    assert "shoulder_pan" in shown.err and "unit" in shown.err
    units = [x for name, unit in UNITS.items() for x in ("--unit", f"{name}={unit}")]
    assert main([*words, *units, "--mode", "absolute", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["action_space"]["mode"] == "absolute"
    assert main(["inspect", str(FIXTURES)]) == 1
    assert "LeRobot v2.1 or v3.0" in capsys.readouterr().err
