"""Where a command writes a result, looked at before the work begins (docs/operation.md, "Output files").

Links are followed. A regular file is replaced whole, with its mode kept; devices and pipes are written through.
"""

from __future__ import annotations

import argparse
import errno
import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFBLK: "a disk", stat.S_IFSOCK: "a socket"}
_MOUNTED = (errno.EBUSY, errno.EXDEV)
"""A file that is mounted by itself cannot be renamed over."""


class Unwritable(Exception):
    """A result that has no place: ``code``, ``subject`` (the path) and ``message``, as other failures have them."""

    def __init__(self, path: str | os.PathLike[str], message: str) -> None:
        self.code, self.subject, self.message = "unwritable", os.fspath(path), message
        super().__init__(f"{self.subject}: {message}")


class Output:
    """A file, device or pipe for one result.

    Nothing is changed until it is written, except that a pipe is opened. Missing folders above a file are made then.

    Args:
        path: a name; links are followed.

    Raises:
        Unwritable: a folder, a disk, a socket, a pipe that nobody reads, a file that may not be written, or a folder
            in which none can be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._stream: int | None = None
        self._file = ""
        if not self.path:
            raise Unwritable('""', "is not the name of a file")
        try:
            self._look()
        except (OSError, ValueError) as error:
            raise Unwritable(self.path, f"cannot be written: {_reason(error)}") from error

    @classmethod
    def argument(cls, text: str) -> Output:
        """For ``add_argument(type=…)``: a place that is none ends the program with 2 and a sentence."""
        try:
            return cls(text)
        except Unwritable as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    def _look(self) -> None:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            if self.path.endswith("/"):
                raise Unwritable(self.path, "is the name of a folder") from None
            self._file = os.path.realpath(self.path)
            self._check_folder()
            return
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFREG:
            own = next((number for number in (1, 2) if _is_same(number, status)), None)
            if own is not None:
                # Neither it nor what is printed replaces the other.
                self._stream = os.dup(own)
                return
            if not os.access(self.path, os.W_OK):
                raise Unwritable(self.path, "may not be written by this user")
            self._file = os.path.realpath(self.path)
            self._check_folder()
        elif kind in (stat.S_IFCHR, stat.S_IFIFO):
            self._stream = self._opened()
        else:
            raise Unwritable(self.path, f"is {_KINDS.get(kind, 'no file')} and cannot be written to")

    def _opened(self) -> int:
        try:
            # Opening a pipe that nobody reads would wait for a reader.
            stream = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENXIO:
                raise Unwritable(self.path, "is a pipe that nobody reads") from error
            raise
        # Writing may wait: the reader decides how fast it reads.
        os.set_blocking(stream, True)
        return stream

    def _check_folder(self) -> None:
        folder = os.path.dirname(self._file)
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        if not os.path.isdir(folder):
            raise Unwritable(self.path, f"cannot be made: {folder} is no folder")
        # Permissions do not tell everything: some file systems take no files from anybody.
        trial = os.path.join(folder, os.path.basename(_draft(self._file)))
        os.close(os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.unlink(trial)

    def write(self, content: str | bytes) -> None:
        """Writes the whole result: a regular file appears whole or stays as it was.

        Raises:
            Unwritable: with the system's reason.
        """
        data = content.encode("utf-8") if isinstance(content, str) else content
        try:
            if self._stream is not None:
                sys.stdout.flush()
                _write(self._stream, data)
            else:
                self._replace(data)
        except OSError as error:
            raise Unwritable(self.path, f"cannot be written: {_reason(error)}") from error

    def close(self) -> None:
        """Gives a device or a pipe up; its reader sees the end."""
        if self._stream is not None:
            os.close(self._stream)
            self._stream = None

    def _replace(self, data: bytes) -> None:
        os.makedirs(os.path.dirname(self._file), exist_ok=True)
        draft = _draft(self._file)
        stream = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                _write(stream, data)
                with suppress(FileNotFoundError):
                    before = os.stat(self._file)
                    with suppress(PermissionError):
                        os.fchown(stream, before.st_uid, before.st_gid)
                    os.fchmod(stream, stat.S_IMODE(before.st_mode))
                os.fsync(stream)
            finally:
                os.close(stream)
            try:
                os.replace(draft, self._file)
            except OSError as error:
                if error.errno not in _MOUNTED:
                    raise
                Path(self._file).write_bytes(data)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)


def _draft(file: str) -> str:
    folder, name = os.path.split(file)
    if len(os.fsencode(name)) > 255:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    return os.path.join(folder, f".{name[:50]}.{secrets.token_hex(4)}.partial")


def _write(stream: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(stream, rest) :]


def _is_same(descriptor: int, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), status)
    except OSError:
        return False


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
