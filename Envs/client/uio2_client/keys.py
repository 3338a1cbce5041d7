"""Keys in files, as ``uio2 keys new`` writes them: ZeroMQ's certificates, with a daemon's key and a token beside."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from .errors import ClientError

_FIELDS = frozenset({"public-key", "secret-key", "daemon-key", "token"})
_TEXT = 40
_LIMIT = 16 << 10


class InvalidKey(ClientError):
    """A file of a key that cannot be used."""

    def __init__(self, path: str | Path, message: str) -> None:
        super().__init__("invalid_key", str(path), message)


@dataclass(frozen=True)
class ClientKey:
    """What a client needs to be let in: its own key pair, and the daemon's public key, by which it knows the daemon."""

    public: bytes
    """40 characters of Z85."""
    secret: bytes = field(repr=False)
    daemon: bytes = b""
    token: str | None = field(default=None, repr=False)
    """For wires without CURVE: ``Authorization: Bearer TOKEN``."""

    @classmethod
    def read(cls, path: str | Path, server_key: str | Path | None = None) -> ClientKey:
        """The key of a private file.

        Args:
            path: ``NAME.key_secret``; others must not be able to read it.
            server_key: the daemon's public file, where the private one names none, or another.

        Raises:
            InvalidKey: a file cannot be read, is none of a key, or can be read by others.
        """
        for name in (path, server_key):
            if name is not None and not isinstance(name, (str, os.PathLike)):
                raise InvalidKey("key", f"expected the path of a file, found {type(name).__name__}")
        if not zmq.has("curve"):
            raise InvalidKey(path, "this pyzmq cannot encrypt: it was built without CURVE")
        fields = _read(path, 0o077, "others may read this private key")
        public, secret = _key(path, fields, "public-key"), _key(path, fields, "secret-key")
        if zmq.curve_public(secret) != public:
            raise InvalidKey(path, "public-key does not belong to secret-key")
        if server_key is not None:
            daemon = _key(server_key, _read(server_key, 0o022, "others may change it"), "public-key")
        elif "daemon-key" in fields:
            daemon = _key(path, fields, "daemon-key")
        else:
            raise InvalidKey(path, "names no daemon (daemon-key); name its public file daemon.key as well")
        return cls(public, secret, daemon, fields.get("token"))


def _read(path: str | Path, forbidden: int, consequence: str) -> dict[str, str]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidKey(path, "expected a regular file")
            if (mode := stat.S_IMODE(status.st_mode)) & forbidden:
                raise InvalidKey(path, f"mode {mode:04o}: {consequence}; take that away (chmod), or make a new key")
            text = file.read(_LIMIT).decode("utf-8", "replace")
    except OSError as error:
        raise InvalidKey(path, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidKey(ascii(path), f"is no path: {error}") from error
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        name = name.strip()
        if not equals or name.startswith("#") or name not in _FIELDS:
            continue
        if name in fields:
            raise InvalidKey(path, f"{name} is there twice")
        fields[name] = value.strip(" \t\"'")
    return fields


def _key(path: str | Path, fields: dict[str, str], name: str) -> bytes:
    if name not in fields:
        raise InvalidKey(path, f"{name} is missing")
    try:
        text = fields[name].encode("ascii")
        if len(text) == _TEXT and len(z85.decode(text)) == 32:
            return text
    except Exception:  # pyzmq raises whatever its arithmetic does
        pass
    raise InvalidKey(path, f"{name} is no key: expected {_TEXT} characters of Z85")
