"""Where the simulator's modules come from, and what is said about them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from uio2_envs import provenance
from uio2_envs.environment import EnvironmentFailure

ENVS = Path(__file__).resolve().parents[1]


def in_process(code: str, folder: Path, *, python_path: str = "") -> subprocess.CompletedProcess[str]:
    """Runs ``code`` as a robot is started, in a working folder that may hold anything."""
    roots = f"{ENVS}\n{ENVS / 'client'}"
    start = f"import sys; sys.path[:0] = {roots!r}.split(chr(10)); "
    environment = {**os.environ, "PYTHONPATH": python_path}
    command = [sys.executable, "-I", "-c", start + code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def shadow(folder: Path, name: str) -> Path:
    """A package of that name which says that it was imported."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(f"print('the {name} of {folder.name}')\n")
    return folder


def test_installed_packages_are_described() -> None:
    found = provenance.describe("toy", ["numpy", "imageio"], [])
    assert found["name"] == "toy" and found["python_path"] == [] and found["python"].startswith("3.")
    own, numpy, _ = found["modules"]
    assert own["name"] == "uio2_envs" and Path(own["path"]) == ENVS / "uio2_envs"
    import numpy as module

    assert numpy["version"] == module.__version__ == numpy["pinned"]
    assert Path(numpy["path"]).resolve() == Path(module.__file__).resolve()


def test_a_version_that_is_not_the_pinned_one_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(provenance, "_pins", lambda simulator: {"numpy": "0.1"})
    with caplog.at_level(logging.WARNING):
        found = provenance.describe("toy", ["numpy"], [])
    assert found["modules"][1]["pinned"] == "0.1"
    assert "asks for 0.1" in caplog.text


def test_pins_are_those_of_the_requirements() -> None:
    pins = provenance._pins()
    assert pins["metaworld"] == "3.1.1" and pins["imageio-ffmpeg"] == "0.8.1"
    # A simulator with an environment of its own has its own.
    assert provenance._pins("fetch")["gymnasium-robotics"] == "1.4.2" and "metaworld" not in provenance._pins("fetch")


@pytest.mark.parametrize("where", ["working folder", "PYTHONPATH"])
def test_no_folder_takes_the_place_of_an_installed_package(tmp_path: Path, where: str) -> None:
    folder = shadow(tmp_path / "elsewhere", "numpy")
    code = "import numpy; print(numpy.__file__)"
    if where == "PYTHONPATH":
        done = in_process(code, tmp_path, python_path=str(folder))
    else:
        done = in_process(code, folder)
    assert done.returncode == 0, done.stderr
    assert "the numpy of" not in done.stdout and str(folder) not in done.stdout


def test_a_package_from_elsewhere_is_refused_unless_asked_for(tmp_path: Path) -> None:
    folder = shadow(tmp_path / "elsewhere", "numpy")
    code = (
        f"sys.path.insert(0, {str(folder)!r}); from uio2_envs import provenance; "
        "print(provenance._package('numpy', {}, FOLDERS).path)"
    )
    refused = in_process(code.replace("FOLDERS", "[]"), tmp_path)
    assert refused.returncode != 0 and "foreign_module" in refused.stderr and "--python-path" in refused.stderr
    taken = in_process(code.replace("FOLDERS", f"[{str(folder)!r}]"), tmp_path)
    assert taken.stdout.strip().endswith(str(folder / "numpy" / "__init__.py")), taken.stderr


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(EnvironmentFailure, match="simulator_missing: no_such_package"):
        provenance.describe("toy", ["no_such_package"], [])


def test_a_package_that_is_installed_nowhere_is_known_by_its_checkout(tmp_path: Path) -> None:
    folder = shadow(tmp_path / "elsewhere", "on_no_registry")
    code = (
        f"sys.path.insert(0, {str(folder)!r}); from pathlib import Path; from uio2_envs import provenance; "
        f"found = provenance.describe('toy', ['on_no_registry'], [], {{'on_no_registry': (Path(FOLDER), 'abc')}}); "
        "print(found['modules'][1]['version'])"
    )
    taken = in_process(code.replace("FOLDER", repr(str(folder))), tmp_path)
    assert taken.stdout.split()[-1:] == ["abc"], taken.stderr
    refused = in_process(code.replace("FOLDER", repr(str(tmp_path / "other"))), tmp_path)
    assert refused.returncode != 0 and "foreign_module" in refused.stderr
