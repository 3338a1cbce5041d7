"""Finds VIMA-Bench, which is on no registry: a checkout that the user names.

Two of its imports are large, and nothing here needs them: ``torch`` and ``kornia`` serve functions that neither its tasks nor
its oracles call. Stand-ins take their places where they are not installed.
"""

from __future__ import annotations

import hashlib
import os
import sys
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

from ..environment import EnvironmentFailure

PACKAGE = "vima_bench"
VARIABLE = "UIO2_VIMABENCH"
"""The environment variable that names a checkout where no ``--python-path`` does."""

_HOW = f"it is on no registry: clone VIMA-Bench and name the folder with --python-path FOLDER or {VARIABLE}=FOLDER"
_READ = (".py", ".yaml", ".urdf")


def find() -> Path:
    """The checkout, a full path: a folder of ``--python-path`` that has the package, else the one that the variable names.

    Its package can be imported from then on.

    Raises:
        EnvironmentFailure: ``checkout_missing`` where there is none.
    """
    named = os.environ.get(VARIABLE)
    for folder in [Path(entry) for entry in sys.path if entry] + ([Path(named)] if named else []):
        if (folder / PACKAGE / "__init__.py").is_file():
            if str(folder) not in sys.path:
                sys.path.append(str(folder.resolve()))
            return folder.resolve()
    if named:
        raise EnvironmentFailure("checkout_missing", named, f"{VARIABLE} names a folder without {PACKAGE}; {_HOW}")
    raise EnvironmentFailure("checkout_missing", "vima", _HOW)


def version(folder: Path) -> str:
    """A number for what the checkout does: of its programs and settings by content, of its meshes and pictures by size."""
    known = hashlib.sha256()
    for path in sorted((folder / PACKAGE).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            known.update(f"{path.relative_to(folder)}\n".encode())
            known.update(path.read_bytes() if path.suffix in _READ else f"{path.stat().st_size}\n".encode())
    return known.hexdigest()[:12]


def load() -> ModuleType:
    """The package of the checkout that was found.

    Raises:
        EnvironmentFailure: ``simulator_missing`` where what it needs is not installed.
    """
    _stand_in("torch", Tensor=type("Tensor", (), {}), is_tensor=lambda value: False)
    _stand_in("kornia")
    try:
        return __import__(PACKAGE)
    except ImportError as error:
        message = f"not installed here: {error.name}; uio2 envs --install vima installs what it needs"
        raise EnvironmentFailure("simulator_missing", "vima", message) from error


def _stand_in(name: str, **attributes: Any) -> None:
    """Puts an empty module in the place of one that is not installed; what is used of it says so."""
    if name in sys.modules or util.find_spec(name) is not None:
        return
    module = ModuleType(name, "A stand-in: VIMA-Bench imports it and uses nothing of it here.")
    vars(module).update(attributes)

    def missing(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise AttributeError(f"{name}.{attribute}: {name} is not installed, and a stand-in is in its place")

    module.__getattr__ = missing  # type: ignore[method-assign]
    sys.modules[name] = module
