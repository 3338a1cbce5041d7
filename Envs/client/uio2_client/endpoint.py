"""Addresses of daemons: ZeroMQ wraps ports around (99999 becomes 34463) and takes what no daemon speaks, so they are checked first.

The rules are those of ``Endpoint.swift``; both are tested with the same list (``Envs/tests/addresses.json``).
"""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import dataclass

from .errors import ClientError, Disconnected

MAXIMUM_PATH_BYTES = 107
"""UTF-8 bytes of an ipc path, as Linux allows them."""
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class InvalidAddress(ClientError, ValueError):
    """The address says nothing that a client can connect to."""

    def __init__(self, address: str, message: str) -> None:
        super().__init__("malformed", address or "address", message)


@dataclass(frozen=True)
class Endpoint:
    """A checked address."""

    text: str
    """As it was written, which is how ZeroMQ takes it."""
    host: str = ""
    """Of TCP, without brackets; empty for ipc."""
    kind: str = "ipc"
    """``"ipc"``, ``"ipv4"``, ``"ipv6"``, ``"localhost"`` or ``"name"``."""

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Reads ``tcp://HOST:PORT`` or ``ipc://PATH``.

        Raises:
            InvalidAddress: it is neither, or one that only a daemon can listen at.
        """
        if not isinstance(text, str):
            raise InvalidAddress("", f"expected tcp://HOST:PORT or ipc://PATH, found {type(text).__name__}")
        transport, separator, rest = text.partition("://")
        if not separator:
            raise InvalidAddress(text, "expected tcp://HOST:PORT or ipc://PATH")
        if transport == "ipc":
            _check_path(text, rest)
            return cls(text)
        if transport != "tcp":
            raise InvalidAddress(
                text, f"the transport {transport}:// is not spoken here; expected tcp://HOST:PORT or ipc://PATH"
            )
        host, colon, port = rest.rpartition(":")
        if not colon or not host:
            raise InvalidAddress(text, "expected tcp://HOST:PORT, such as tcp://127.0.0.1:5555")
        kind, host = _host(text, host)
        if not re.fullmatch(r"[1-9][0-9]{0,4}", port, re.ASCII) or int(port) > 65_535:
            raise InvalidAddress(text, f"expected a port of 1 to 65535, found “{port}”")
        return cls(text, host, kind)

    @property
    def connectable(self) -> str:
        """As ZeroMQ connects to it. It insists on one address of a name, so ``localhost`` is the one where daemons listen by default."""
        return self.text.replace("localhost", "127.0.0.1", 1) if self.kind == "localhost" else self.text

    def needs_ipv6(self, deadline: float) -> bool:
        """Whether ZeroMQ has to look for an IPv6 address: it then takes no IPv4 one, so only where there is none.

        Asks the resolver about names, until ``deadline`` of the monotonic clock at most.

        Raises:
            Disconnected: the resolver has not answered by then, or knows no such name.
        """
        if self.kind != "name":
            return self.kind == "ipv6"
        families = _families(self.text, self.host, deadline)
        return socket.AF_INET not in families


def _check_path(text: str, path: str) -> None:
    if not path:
        raise InvalidAddress(text, "expected ipc://PATH, such as ipc:///run/uio2.sock")
    if path.startswith("@"):
        raise InvalidAddress(
            text, "an abstract socket has no file, so every user of the machine could reach it; give a path"
        )
    if path == "*":
        raise InvalidAddress(text, "expected the path of a socket's file, found “*”")
    if path.endswith("/"):
        raise InvalidAddress(text, "expected the path of a socket's file, found that of a folder")
    encoded = path.encode("utf-8", "surrogateescape")
    if any(byte < 32 or byte == 127 for byte in encoded):
        raise InvalidAddress(text, "a path has no control characters")
    if len(encoded) > MAXIMUM_PATH_BYTES:
        raise InvalidAddress(
            text, f"the path has {len(encoded)} bytes; a socket's path may have {MAXIMUM_PATH_BYTES} at most"
        )


def _host(text: str, host: str) -> tuple[str, str]:
    if host in ("*", "0.0.0.0", "[::]"):
        raise InvalidAddress(
            text, f"{host} means all networks of a machine, where one can listen but not connect; name one machine"
        )
    if host == "localhost":
        return "localhost", host
    if host.startswith("[") and host.endswith("]"):
        address, percent, zone = host[1:-1].partition("%")
        if not _is_number(socket.AF_INET6, address) or (percent and not _NAME.fullmatch(zone)):
            raise InvalidAddress(text, f"“{host[1:-1]}” is not an IPv6 address")
        return "ipv6", host[1:-1]
    if ":" in host:
        raise InvalidAddress(text, "an IPv6 address needs brackets and a port, such as tcp://[::1]:5555")
    if _is_number(socket.AF_INET, host):
        return "ipv4", host
    if not _is_name(host):
        raise InvalidAddress(text, f"“{host}” is neither an IP address nor the name of a machine")
    return "name", host


def _is_number(family: int, text: str) -> bool:
    try:
        socket.inet_pton(family, text)
    except (OSError, ValueError):
        return False
    return True


def _is_name(text: str) -> bool:
    """Labels of 1 to 63 letters, digits, ``-`` and ``_`` between dots, and perhaps one dot at the end; at least one letter."""
    labels = text.removesuffix(".").split(".")
    return (
        len(text) <= 253
        and _NAME.fullmatch(text) is not None
        and re.search("[A-Za-z]", text) is not None
        and all(1 <= len(label) <= 63 and label[0] != "-" and label[-1] != "-" for label in labels)
    )


def _families(address: str, name: str, deadline: float) -> set[int]:
    """The families of a name's addresses. The resolver cannot be interrupted, so it is asked in a thread that may be left behind."""
    found: set[int] = set()
    failure: list[OSError | UnicodeError] = []

    def resolve() -> None:
        try:
            found.update(entry[0] for entry in socket.getaddrinfo(name, None))
        except (OSError, UnicodeError) as error:
            failure.append(error)

    thread = threading.Thread(target=resolve, name="resolver", daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if thread.is_alive():
        raise Disconnected(address, f"the name {name} was not resolved in time; is the name server there?")
    if failure:
        raise Disconnected(address, f"the name {name} cannot be resolved: {failure[0]}")
    return found
