"""ZeroMQ peers made of bytes (ZMTP 3.1, NULL mechanism): they do what libzmq would not let a client do."""

from __future__ import annotations

import socket
import struct

GREETING = b"\xff" + bytes(7) + b"\x01\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)


class RawPeer:
    """A TCP connection to a daemon, from ``source`` where one is named: any address of 127.0.0.0/8 will do."""

    def __init__(self, address: str, patience: float = 2, source: str = "") -> None:
        host, port = address.removeprefix("tcp://").rsplit(":", 1)
        self.socket = socket.create_connection(
            (host, int(port)), timeout=patience, source_address=(source, 0) if source else None
        )

    def shake_hands(self, name: bytes = b"") -> str:
        """Returns ``READY``, or ``ERROR`` and its reason."""
        self.socket.sendall(GREETING)
        self.receive(64)
        ready = b"\x05READY" + _property(b"Socket-Type", b"DEALER") + (_property(b"Identity", name) if name else b"")
        self.socket.sendall(b"\x04" + bytes([len(ready)]) + ready)
        length = self.receive(2)[1]
        body = self.receive(length)
        return body[1:6].decode() + (" " + body[7:].decode() if body[1:6] == b"ERROR" else "")

    def receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("closed")
            data += part
        return data

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """Ends the connection so that the other side finds it reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


def frame(data: bytes, more: bool = False) -> bytes:
    """One frame as it travels."""
    return header(len(data), more) + data


def header(size: int, more: bool = False) -> bytes:
    """What announces a frame of ``size`` bytes."""
    return bytes([int(more), size]) if size < 256 else bytes([int(more) | 2]) + size.to_bytes(8, "big")


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value
