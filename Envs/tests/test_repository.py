"""A clone is whole: whatever a package imports from itself is a file that git keeps."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path, PurePosixPath

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = (
    "Envs/client/uio2_client",
    "Envs/robots/uio2_robots",
    "Envs/tabletop/uio2_tabletop",
    "Envs/uio2_envs",
    "Policies/training/uio2_train",
)


def kept(package: str) -> set[str]:
    """The files of a folder that git has, or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", package]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no clone")
    return set(done.stdout.splitlines())


def imported(package: str, file: str) -> set[str]:
    """Paths, without their endings, of the modules that a file imports from its own package."""
    found = set()
    for node in ast.walk(ast.parse((REPOSITORY / file).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = PurePosixPath(file).parents[node.level - 1]
            module = folder.joinpath(*(node.module or "").split(".")) if node.module else folder
            # A name may be a module of the folder, or something inside of one.
            found.add(str(module) if node.module else str(folder / "__init__"))
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_imports_is_kept(package: str) -> None:
    files = kept(package)
    python = [file for file in files if file.endswith(".py")]
    assert len(python) > 5
    missing = {
        (file, module)
        for file in python
        for module in imported(package, file)
        if not {f"{module}.py", f"{module}/__init__.py", module} & files
    }
    assert not missing
