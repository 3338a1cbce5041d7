"""Tokens in files: one line of hexadecimal digits, as ``uio2 serve --operator`` writes it."""

from __future__ import annotations

import os
from pathlib import Path


def read_token(path: str | Path) -> bytes:
    """The token in a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds something else.
    """
    text = Path(path).read_bytes()
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError as error:
        raise ValueError(f"{path}: expected a token in hexadecimal digits") from error


def write_token(path: str | Path, token: bytes) -> None:
    """Keeps a token in a file that only this user may read.

    Raises:
        OSError: the file cannot be written.
    """
    # A new file in the old one's place: the old one may be open to others.
    temporary = Path(f"{path}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token.hex() + "\n")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
