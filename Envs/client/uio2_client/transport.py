"""One socket to one daemon, which is thrown away whenever something on it could belong to an older request."""

from __future__ import annotations

import time
from collections.abc import Callable

import zmq
from zmq.utils.monitor import recv_monitor_message

from .endpoint import Endpoint
from .errors import Disconnected

_MILLISECONDS = 1000


class Transport:
    """Sends and receives bytes, and notices a connection that breaks.

    Args:
        address: of the daemon.
        on_disconnect: called whenever the socket is thrown away, so that nobody takes the next connection for this one.

    Raises:
        InvalidAddress: from the address.
    """

    def __init__(self, address: str, on_disconnect: Callable[[], None]) -> None:
        self.address = address
        self._endpoint = Endpoint.parse(address)
        self._needs_ipv6: bool | None = None
        self._on_disconnect = on_disconnect
        self._context = zmq.Context()
        self._socket: zmq.Socket | None = None
        self._monitor: zmq.Socket | None = None
        self.is_closed = False

    def connect(self, deadline: float) -> None:
        """Returns once a daemon is connected.

        Raises:
            Disconnected: none is by then.
        """
        while True:
            if self.is_closed:
                raise Disconnected(self.address, "the client is closed")
            socket = self._socket or self._open(deadline)
            # IMMEDIATE makes the socket writable only while a daemon is there, so nothing is queued for one that may come.
            if not socket.poll(_remaining(deadline), zmq.POLLOUT):
                self.disconnect()
                raise Disconnected(self.address, "no daemon answers at this address")
            if not self.is_broken():
                return
            # The daemon was restarted between two requests, which is no failure now. What is sent on this socket could
            # still go to the connection that broke, and be lost; a new one has no such connection.
            self.disconnect()
            if time.monotonic() >= deadline:
                raise Disconnected(self.address, "every connection to this address broke at once")

    def send(self, data: bytes) -> None:
        """Sends a message, on the connection that ``connect`` has found.

        Raises:
            Disconnected: it is not there any more.
        """
        try:
            if self._socket is None:
                raise zmq.Again()
            self._socket.send(data, zmq.NOBLOCK)
        except zmq.Again as error:
            raise Disconnected(self.address, "the connection broke before the request was sent") from error

    def receive(self, deadline: float) -> bytes | None:
        """The next message; ``None``: none has come by ``deadline``.

        Raises:
            Disconnected: the connection broke first.
        """
        if self._socket is None or self._monitor is None:
            raise Disconnected(self.address, "the connection broke while an answer was awaited")
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        ready = dict(poller.poll(_remaining(deadline)))
        if self._socket in ready:
            return self._socket.recv_multipart()[-1]
        if self._monitor in ready:
            recv_monitor_message(self._monitor)
            raise Disconnected(self.address, "the connection broke while an answer was awaited")
        return None

    def leave(self, data: bytes) -> None:
        """Sends a last message if the daemon is there, and gives it a moment to get away when the socket is thrown away."""
        try:
            if self._socket is not None:
                self._socket.setsockopt(zmq.LINGER, 100)
                self._socket.send(data, zmq.NOBLOCK)
        except zmq.ZMQError:
            pass

    def is_broken(self, milliseconds: int = 0) -> bool:
        """Whether the connection has broken, or does within a time."""
        return self._monitor is not None and bool(self._monitor.poll(milliseconds))

    def disconnect(self) -> None:
        """Throws the socket away."""
        self._on_disconnect()
        if self._socket is not None:
            self._socket.disable_monitor()
            if self._monitor is not None:
                self._monitor.close(linger=0)
            self._socket.close()  # with the linger time that was set
            self._socket = self._monitor = None

    def close(self) -> None:
        """Ends the connection for good; may be called twice."""
        if not self.is_closed:
            self.is_closed = True
            self.disconnect()
            self._context.term()

    def _open(self, deadline: float) -> zmq.Socket:
        if self._needs_ipv6 is None:
            self._needs_ipv6 = self._endpoint.needs_ipv6(deadline)
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IMMEDIATE, 1)
        socket.setsockopt(zmq.RECONNECT_IVL, 50)
        socket.setsockopt(zmq.IPV6, self._needs_ipv6)
        self._socket = socket
        self._monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        try:
            socket.connect(self._endpoint.connectable)
        except zmq.ZMQError as error:
            self.disconnect()
            raise Disconnected(self.address, f"cannot be connected to: {error}") from error
        return socket


def _remaining(deadline: float) -> int:
    """Milliseconds until ``deadline`` of the monotonic clock, at least 0."""
    return max(0, round((deadline - time.monotonic()) * _MILLISECONDS))
