"""Which simulator runs: files, versions and pins of the packages that its physics depends on.

A folder of the same name in the wrong place would be imported without a word, and every result would be its own. So a
package has to come from where it is installed, or from a folder that was asked for.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .environment import EnvironmentFailure

logger = logging.getLogger(__name__)

_PIN = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*==\s*([^\s;#]+)")


@dataclass(frozen=True)
class Package:
    """A package as this process imports it."""

    name: str
    version: str | None
    """``None`` when no distribution of this name is installed."""
    pinned: str | None
    """The version of ``Envs/requirements.txt``, or of the simulator's own list; ``None`` without a pin."""
    path: str
    """The file that is imported."""


def describe(
    simulator: str,
    packages: Sequence[str],
    python_path: Sequence[str],
    checkouts: Mapping[str, tuple[Path, str]] = MappingProxyType({}),
) -> dict[str, Any]:
    """What a report says about the simulator; warns of versions that are not the pinned ones.

    Args:
        simulator: the adapter's name.
        packages: names that are imported and installed alike, such as ``"mujoco"``.
        python_path: folders that were asked for; packages may come from them.
        checkouts: folder and version of each package that is installed nowhere.

    Raises:
        EnvironmentFailure: a package comes from somewhere else than where it is installed.
    """
    pins = _pins(simulator)
    found = [_package(name, pins, python_path, checkouts.get(name)) for name in packages]
    for package in found:
        if package.pinned is not None and package.version != package.pinned:
            logger.warning(
                "%s %s is installed, the list of packages asks for %s: results may differ",
                package.name,
                package.version,
                package.pinned,
            )
    own = Package("uio2_envs", _version("uio2-envs"), None, str(Path(__file__).resolve().parent))
    return {
        "name": simulator,
        "python": platform.python_version(),
        "python_path": list(python_path),
        "renderer": os.environ.get("MUJOCO_GL"),
        "modules": [asdict(package) for package in (own, *found)],
    }


def _package(
    name: str, pins: Mapping[str, str], python_path: Sequence[str], checkout: tuple[Path, str] | None = None
) -> Package:
    module = sys.modules.get(name)
    specification = module.__spec__ if module is not None else util.find_spec(name)
    origin = specification.origin if specification is not None else None
    if origin is None:
        raise EnvironmentFailure("simulator_missing", name, "there is no such package here")
    path = Path(origin).resolve()
    if checkout is not None and _is_below(path, [checkout[0]]):
        return Package(name, checkout[1], None, str(path))
    if not _is_below(path, [*_installed_folders(name), *map(Path, python_path)]):
        message = f"{path} would be used, which is not the installed package; --python-path names folders that may be"
        raise EnvironmentFailure("foreign_module", name, message)
    return Package(name, _version(name), pins.get(_normal(name)), str(path))


def _installed_folders(name: str) -> list[Path]:
    """Where the distribution ``name`` lies; of an editable installation, the folder that it points to."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return []
    folders = [Path(str(distribution.locate_file("")))]
    source = json.loads(distribution.read_text("direct_url.json") or "{}")
    if source.get("dir_info", {}).get("editable") and source.get("url", "").startswith("file://"):
        folders.append(Path(source["url"].removeprefix("file://")))
    return folders


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder.resolve()) for folder in folders)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _pins(simulator: str = "") -> dict[str, str]:
    """Versions by package: of the simulator's own list, else of ``requirements.txt`` beside this package, else of its own extras."""
    folder = Path(__file__).resolve().parents[1]
    own = folder / "environments" / f"{simulator}.txt"
    file = own if own.is_file() else folder / "requirements.txt"
    if file.is_file():
        lines = file.read_text(encoding="utf-8").splitlines()
    else:
        try:
            lines = metadata.requires("uio2-envs") or []
        except metadata.PackageNotFoundError:
            lines = []
    return {_normal(found[1]): found[2] for line in lines if (found := _PIN.match(line))}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
