"""Where a dataset goes: a new folder, looked at before the work, that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import TrainingError


def check_new_folder(path: Path) -> None:
    """Refuses what is no new folder, and none that can be made.

    Raises:
        TrainingError: ``already_there`` or ``unwritable``.
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(path)
        if path.is_dir():
            if first := next(iter(sorted(os.listdir(path))), None):
                raise TrainingError("already_there", str(path), f"holds {first} and perhaps more; name a new folder")
        elif os.path.lexists(path):
            raise TrainingError("already_there", str(path), "is no folder; name a new one")
        above = path.parent if not path.is_dir() else path
        while not above.exists():
            above = above.parent
        if not above.is_dir():
            raise TrainingError("unwritable", str(path), f"cannot be made: {above} is no folder")
        if not os.access(above, os.W_OK | os.X_OK):
            raise TrainingError("unwritable", str(path), f"cannot be made: {above} takes no files from this user")
    except (OSError, ValueError) as error:
        message = getattr(error, "strerror", None) or str(error)
        raise TrainingError("unwritable", str(path), f"cannot be made: {message}") from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` to write into, which becomes ``path`` at the end and goes when something is raised.

    Raises:
        TrainingError: as ``check_new_folder``.
    """
    check_new_folder(path)
    path = Path(os.path.realpath(path))
    draft = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.partial")
    try:
        draft.mkdir(parents=True)
        yield draft
        draft.rename(path)
    except OSError as error:
        raise TrainingError("unwritable", str(error.filename or path), f"{error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
