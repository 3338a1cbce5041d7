"""``python -m uio2_envs.simulators``: which simulators there are, and the Python environments of those that need their own.

A simulator with a list of packages ``environments/NAME.txt`` is run by an environment of its own, ``.venv-envs/NAME`` in the
repository, so that the packages of two never have to agree. It is made when it is first wanted, and anew when its list has
changed. The others are run by this Python.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import adapters
from .adapters import DESCRIPTIONS
from .command_line import EXIT_ENVIRONMENT, EXIT_INTERRUPTED, add_python_path, claim_stdout, say
from .environment import EnvironmentFailure

REPOSITORY = DESCRIPTIONS.parents[1]
_TOLD_EVERY = 10.0
"""Seconds between two words on an installation."""


def requirements(name: str) -> Path | None:
    """The list of packages of a simulator that has an environment of its own."""
    file = DESCRIPTIONS / f"{name}.txt"
    return file if file.is_file() and name in adapters.names() else None


def folder(name: str) -> Path:
    """Where the environment of a simulator lies."""
    return Path(os.environ.get("UIO2_ENVS") or REPOSITORY / ".venv-envs") / name


def digest(file: Path) -> str:
    """Of a list of packages, with the lists that it names, and of the Python that they are installed for."""
    text = file.read_text(encoding="utf-8")
    known = hashlib.sha256(f"{sys.version_info[:2]}\n{text}".encode())
    for line in text.splitlines():
        if line.startswith("-r "):
            known.update((file.parent / line[3:].strip()).read_bytes())
    return known.hexdigest()


def is_installed(name: str) -> bool:
    """Whether the environment of a simulator is there, with the packages of its list."""
    file, marker = requirements(name), folder(name) / "installed"
    return file is None or (marker.is_file() and marker.read_text(encoding="utf-8") == digest(file))


def interpreter(name: str, tell: Callable[[str], None] = say) -> str:
    """The Python that runs a simulator, after making its environment where that is not there yet.

    Raises:
        EnvironmentFailure: ``unknown_environment``, or ``installation_failed`` with pip's last words.
    """
    if name not in adapters.names():
        known = ", ".join(adapters.names())
        raise EnvironmentFailure("unknown_environment", name, f"no such simulator; there are: {known}")
    file = requirements(name)
    if file is None:
        return sys.executable
    if failure := _checkout_missing(name):
        raise failure
    place = folder(name)
    if not is_installed(name):
        with _alone(place):
            # Another process may have made it meanwhile.
            if not is_installed(name):
                _install(name, file, place, tell)
    return str(place / "bin" / "python")


def _checkout_missing(name: str) -> EnvironmentFailure | None:
    """Why a simulator that is on no registry cannot be run, whatever is installed."""
    try:
        adapters.adapter(name, [])
    except EnvironmentFailure as failure:
        return failure if failure.code == "checkout_missing" else None
    return None


def _install(name: str, file: Path, place: Path, tell: Callable[[str], None]) -> None:
    packages = [line for line in file.read_text(encoding="utf-8").splitlines() if "==" in line]
    tell(f"{name}: installing {', '.join(packages)} in {place}, once")
    shutil.rmtree(place, ignore_errors=True)
    began = time.monotonic()
    log = place.parent / f"{name}.log"
    steps = ([sys.executable, "-m", "venv", str(place)], [str(place / "bin" / "python"), "-m", "pip", "install", "-r", str(file)])
    with log.open("wb") as stream:
        for step in steps:
            process = subprocess.Popen(step, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            try:
                while True:
                    try:
                        status = process.wait(_TOLD_EVERY)
                        break
                    except subprocess.TimeoutExpired:
                        tell(f"{name}: still installing, {time.monotonic() - began:.0f} s")
            except BaseException:
                process.kill()
                process.wait()
                raise
            if status:
                words = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no output"])[-1]
                raise EnvironmentFailure("installation_failed", name, f"{words}; all of it is in {log}")
    (place / "installed").write_text(digest(file), encoding="utf-8")
    tell(f"{name}: installed in {time.monotonic() - began:.0f} s")


@contextmanager
def _alone(place: Path) -> Any:
    """Keeps other processes from making the same environment."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with (place.parent / f"{place.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        message = f"cannot be written ({error.strerror}); UIO2_ENVS names another folder"
        raise EnvironmentFailure("installation_failed", str(place), message) from error


def catalogue() -> list[dict[str, Any]]:
    """What there is: name, tasks (``None`` where they are not known before it is installed), and what is to be said of it."""
    rows = []
    for name in adapters.names():
        row: dict[str, Any] = {"name": name, "tasks": None, "own": requirements(name) is not None, "message": ""}
        row["installed"] = is_installed(name)
        try:
            row["tasks"] = list(adapters.adapter(name, []).TASKS)
        except EnvironmentFailure as failure:
            if not row["own"] or failure.code == "checkout_missing":
                row["installed"], row["message"] = False, failure.message
        rows.append(row)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Lists, or says which Python runs a simulator; returns the exit code."""
    parser = argparse.ArgumentParser(prog="uio2_envs.simulators", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="one JSON object a line: what there is")
    what.add_argument("--interpreter", metavar="NAME", help="a JSON object: the Python that runs a simulator, which is installed first")
    add_python_path(parser)
    options = parser.parse_args(arguments)
    out = claim_stdout()
    sys.path[:0] = options.python_path
    try:
        rows = catalogue() if options.list else [{"python": interpreter(options.interpreter)}]
    except EnvironmentFailure as failure:
        say(f"{failure.code}: {failure.subject}: {failure.message}")
        return EXIT_ENVIRONMENT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    for row in rows:
        out.write(json.dumps(row) + "\n")
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
