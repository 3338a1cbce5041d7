"""Suite files name what the simulators have. Their grammar is checked by the program that runs them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from uio2_envs import adapters
from uio2_envs.metaworld_tasks import INSTRUCTIONS
from uio2_envs.speech import VOICES, SpokenFiles
from uio2_envs.variant import MAXIMUM_SEVERITY, PERTURBATIONS, Variant

SUITES = sorted((Path(__file__).resolve().parents[1] / "suites").glob("*.yaml"))


def entries(text: str, key: str) -> list[dict[str, str]]:
    """The flat mappings of the list under ``key``."""
    section = re.search(rf"^{key}:\n((?:  - .*\n)+)", text, re.MULTILINE)
    if section is None:
        return []
    rows = re.findall(r"\{(.*)\}", section[1])
    return [dict(field.split(": ", 1) for field in row.split(", ")) for row in rows]


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_row_can_be_made(path: Path) -> None:
    text = path.read_text()
    assert f"name: {path.stem}\n" in text
    tasks, variants = entries(text, "tasks"), entries(text, "variants") or [{}]
    environment = re.search(r"^environment: (.*)$", text, re.MULTILINE)[1]
    if environment == "tabletop" and find_spec("mujoco") is None:
        pytest.skip("needs MuJoCo")
    known = INSTRUCTIONS if environment == "metaworld" else adapters.adapter(environment, []).TASKS
    labels = set()
    for task in tasks:
        assert set(task) <= {"name", "group", "instruction_from", "speech", "words"} and task["name"] in known
        assert task.get("instruction_from", task["name"]) in known
        speech = task.get("speech")
        if speech is not None:
            assert SpokenFiles(VOICES / speech)(task.get("instruction_from", task["name"]), 0).data
        for variant in variants:
            severity = int(variant.get("severity", 0))
            Variant(variant.get("perturbation"), severity, task.get("instruction_from"))
            labels.add((task["name"], task.get("instruction_from"), speech, task.get("words"), variant.get("perturbation"), severity))
    assert len(labels) == len(tasks) * len(variants), "a row twice"
    if len(variants) > 1:
        assert not any("group" in task for task in tasks)
        kinds = {(variant.get("perturbation"), int(variant["severity"])) for variant in variants}
        severities = range(1, MAXIMUM_SEVERITY + 1)
        assert kinds == {(None, 0)} | {(kind, severity) for kind in PERTURBATIONS for severity in severities}


def test_published_rows_are_those_of_mt50() -> None:
    plain, published = ((SUITES[0].parent / f"metaworld-mt50{end}.yaml").read_text() for end in ("", "-published"))
    assert entries(plain, "tasks") == entries(published, "tasks") and len(entries(plain, "tasks")) == 50
    assert "view: published" in published and "count: 10" in published and "step_limit: 400" in published


@pytest.mark.skipif(find_spec("metaworld") is None, reason="Meta-World is not installed")
def test_shared_scenes_are_those_of_the_adapter() -> None:
    module = adapters.adapter("metaworld", [])
    rows = entries((SUITES[0].parent / "metaworld-language.yaml").read_text(), "tasks")
    said = {(row["name"], row["instruction_from"]) for row in rows}
    assert said == {(task, other) for task, others in module.SHARED_SCENES.items() for other in others}
    assert all(row["group"] == ("own" if row["name"] == row["instruction_from"] else "other") + " sentence" for row in rows)


def test_the_kinds_of_the_readme_are_those_of_the_workers() -> None:
    """The program that reads suites has the same list; its test reads the same table."""
    text = (SUITES[0].parent / "README.md").read_text()
    table = text.split("| kind |", 1)[1].split("\n\n", 1)[0]
    assert sorted(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)) == sorted(PERTURBATIONS)
