"""Which simulators there are, and the environments of those that need their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from uio2_envs import adapters, simulators
from uio2_envs.environment import EnvironmentFailure

ENVS = Path(__file__).resolve().parents[1]


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of descriptions with one simulator in it, which needs nothing from anywhere."""
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "mine.yaml").write_text("description: mine\n")
    (folder / "common.txt").write_text("")
    (folder / "mine.txt").write_text("-r common.txt\n")
    monkeypatch.setattr(adapters, "DESCRIPTIONS", folder)
    monkeypatch.setattr(simulators, "DESCRIPTIONS", folder)
    monkeypatch.setenv("UIO2_ENVS", str(tmp_path / "venvs"))
    return folder


def test_an_environment_is_made_once_and_anew_when_its_list_has_changed(lists: Path) -> None:
    said: list[str] = []
    assert not simulators.is_installed("mine")
    python = simulators.interpreter("mine", said.append)
    assert Path(python).is_file() and simulators.is_installed("mine")
    assert said[0].startswith("mine: installing") and said[-1].startswith("mine: installed in")
    count = len(said)
    assert simulators.interpreter("mine", said.append) == python and len(said) == count
    (lists / "common.txt").write_text("# another list\n")
    assert not simulators.is_installed("mine")


def test_two_that_want_it_at_the_same_time_make_one(lists: Path) -> None:
    said: list[str] = []
    threads = [threading.Thread(target=simulators.interpreter, args=("mine", said.append)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(": installing" in line for line in said) == 1


def test_what_cannot_be_installed_says_why_and_is_not_taken_for_installed(lists: Path) -> None:
    (lists / "mine.txt").write_text("./no-such-folder==1\n")
    with pytest.raises(EnvironmentFailure, match="installation_failed: mine: .*log"):
        simulators.interpreter("mine", lambda line: None)
    assert not simulators.is_installed("mine")


def test_a_simulator_without_a_list_is_run_by_this_python() -> None:
    assert simulators.interpreter("toy") == sys.executable
    with pytest.raises(EnvironmentFailure, match="unknown_environment: atlantis: .*toy"):
        simulators.interpreter("atlantis")


def test_the_list_names_every_simulator_and_how_it_is_run(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ENVS}:{ENVS / 'client'}:{ENVS / 'tabletop'}", "UIO2_ENVS": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "uio2_envs.simulators", "--list"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert {"toy", "metaworld", "tabletop", "fetch", "so101"} <= set(rows)
    assert rows["toy"] == {
        "name": "toy", "tasks": ["reach-red", "reach-green"], "own": False, "installed": True, "message": ""
    }
    assert rows["fetch"]["own"] and not rows["fetch"]["installed"]
    assert find_spec("yaml") is None or "push" in rows["fetch"]["tasks"]


@pytest.mark.parametrize("named", ["", "an empty folder"])
def test_what_is_on_no_registry_is_asked_for_before_anything_is_installed(tmp_path: Path, named: str) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ENVS}:{ENVS / 'client'}:{ENVS / 'tabletop'}", "UIO2_ENVS": str(tmp_path / "venvs")}
    environment["UIO2_VIMABENCH"] = named and str(tmp_path)
    for question in (["--interpreter", "vima"], ["--list"]):
        done = subprocess.run(
            [sys.executable, "-m", "uio2_envs.simulators", *question], env=environment, capture_output=True, text=True
        )
        if question == ["--list"]:
            [row] = [row for row in map(json.loads, done.stdout.splitlines()) if row["name"] == "vima"]
            assert not row["installed"] and "clone VIMA-Bench" in row["message"]
        else:
            assert done.returncode == 5 and not done.stdout
            assert done.stderr.startswith(f"checkout_missing: {tmp_path if named else 'vima'}: ")
            assert "UIO2_VIMABENCH=FOLDER" in done.stderr
    assert not (tmp_path / "venvs").exists()


def test_a_checkout_is_found_on_the_python_path_and_known_by_its_content(tmp_path: Path) -> None:
    package = tmp_path / "vima_bench"
    package.mkdir()
    (package / "__init__.py").write_text("")
    code = (
        "import sys; from uio2_envs.adapters import vima; "
        "print(vima.CHECKOUT, vima.CHECKOUTS['vima_bench'][1], len({task.split('-')[0] for task in vima.TASKS}))"
    )
    path = f"{tmp_path}:{ENVS}:{ENVS / 'client'}:{ENVS / 'tabletop'}"
    environment = {**os.environ, "PYTHONPATH": path, "UIO2_VIMABENCH": str(tmp_path / "elsewhere")}
    found = []
    for content in ("", "# another\n"):
        (package / "__init__.py").write_text(content)
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.split())
    assert [one[0] for one in found] == [str(tmp_path)] * 2 and [one[2] for one in found] == ["17", "17"]
    assert found[0][1] != found[1][1]
