"""The file of an ipc address where a process publishes. libzmq removes whatever lies there, a live socket and somebody's text alike, so it is looked
at first. The rules are those of the daemon (``SocketFile.swift``)."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat

from .errors import ClientError


class SocketFile:
    """Holds an ipc path for a process until ``release``: a lock beside it (``PATH.lock``) says whose it is.

    Args:
        address: ``ipc://PATH``, checked.

    Raises:
        ClientError: ``unavailable``; somebody publishes there, or what lies there is no socket.
    """

    def __init__(self, address: str) -> None:
        self._address, self._path = address, address.removeprefix("ipc://")
        self._identity: tuple[int, int] | None = None
        status = _status(self._path)
        if status is not None and not stat.S_ISSOCK(status.st_mode):
            raise self._failure("exists and is not a socket; choose another path, or remove it yourself")
        self._lock = self._take_lock()
        if status is not None and not _is_abandoned(self._path):
            self.release()
            raise self._failure(_IN_USE)

    def bound(self) -> None:
        """Says that the socket is there now, so that it is removed in the end."""
        self._identity = _identity(_status(self._path))

    def release(self) -> None:
        """Removes the socket, unless something else lies there, and lets go of the path; may be called twice."""
        if self._lock < 0:
            return
        if self._identity is not None and _identity(_status(self._path)) == self._identity:
            _remove(self._path)
        held = os.fstat(self._lock)
        if _is_lock(held) and _identity(_status(self._path + ".lock")) == _identity(held):
            _remove(self._path + ".lock")
        os.close(self._lock)
        self._lock = -1

    def _take_lock(self) -> int:
        path = self._path + ".lock"
        no_lock = f"{path} exists and is not a lock, which is an empty file of this user; choose another path, or move that file away"
        while True:
            status = _status(path)
            if status is not None and not _is_lock(status):
                raise self._failure(no_lock)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
            except OSError as error:
                raise self._failure(f"its lock {path} cannot be opened: {error.strerror}") from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                raise self._failure(_IN_USE) from error
            # The one before may have removed it after it was opened here; then this one is nobody's lock.
            held = os.fstat(descriptor)
            if _is_lock(held) and _identity(_status(path)) == _identity(held):
                return descriptor
            os.close(descriptor)

    def _failure(self, message: str) -> ClientError:
        return ClientError("unavailable", self._address, message)


_IN_USE = "in use: another process listens there; stop it, or choose another address"


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _identity(status: os.stat_result | None) -> tuple[int, int] | None:
    return None if status is None else (status.st_dev, status.st_ino)


def _is_lock(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size == 0 and status.st_uid == os.geteuid()


def _is_abandoned(path: str) -> bool:
    """Whether nobody listens at a socket's file."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        # Anything else, such as a queue that is full or a file that is not ours to connect to, may be somebody alive.
        return probe.connect_ex(path) in (errno.ECONNREFUSED, errno.ENOENT)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # Gone already.
