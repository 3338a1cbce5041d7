"""One socket to one daemon, which is thrown away whenever something on it could belong to an older request."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable

import zmq
from zmq.utils.monitor import recv_monitor_message

from .endpoint import Endpoint
from .errors import Disconnected, NotAdmitted
from .keys import ClientKey

_MILLISECONDS = 1000
_OTHER_MECHANISM = 0x11000002
"""ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: one side encrypts and the other does not."""
_FAILURES = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)


class Transport:
    """Sends and receives bytes, and notices a connection that breaks.

    Args:
        address: of the daemon.
        on_disconnect: called whenever the socket is thrown away, so that nobody takes the next connection for this one; see ``weakly``.
        key: for a daemon that has keys.

    Raises:
        InvalidAddress: from the address.
    """

    def __init__(self, address: str, on_disconnect: Callable[[], None], key: ClientKey | None = None) -> None:
        self.address = address
        self._key = key
        # Why the daemon lets this client in no more, and whether a handshake has ended in the middle.
        self._rejection = ""
        self._ended_early = False
        self._endpoint = Endpoint.parse(address)
        self._needs_ipv6: bool | None = None
        self._on_disconnect = on_disconnect
        self._context = zmq.Context()
        self._sockets: list[zmq.Socket] = []
        # Until it is called it keeps context and sockets from being collected, in an order in which the context would wait for ever for
        # sockets that are gone.
        self._end = weakref.finalize(self, _end, self._context, self._sockets)
        self._end.atexit = False
        self._socket: zmq.Socket | None = None
        self._monitor: zmq.Socket | None = None
        self._is_connected = False
        self._is_broken = False
        self.is_closed = False

    def connect(self, deadline: float) -> None:
        """Returns once a daemon is connected.

        Raises:
            NotAdmitted: it lets nobody in with this key, or without one.
            Disconnected: none is by then.
        """
        self._ended_early = False
        while True:
            if self.is_closed:
                raise Disconnected(self.address, "the client is closed")
            if self._socket is None:
                self._open(deadline)
            # Nothing is sent before, so nothing is queued for a daemon that may come.
            while not self._is_connected and not self._rejection and self._note(_remaining(deadline)):
                pass
            if not self._is_connected:
                rejection = self._rejection
                if not rejection and self._ended_early and self._key is not None:
                    rejection = "the daemon breaks the handshake off; is it the one whose key this client expects?"
                self.disconnect()
                if rejection:
                    raise NotAdmitted(self.address, rejection)
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
            if self._socket is None or self.is_broken():
                raise zmq.Again()
            self._socket.send(data, zmq.NOBLOCK)
        except zmq.Again as error:
            raise Disconnected(self.address, "the connection broke before the request was sent") from error

    def receive(self, deadline: float) -> bytes | None:
        """The next message, also one that came before the connection broke; ``None``: none has come by ``deadline``.

        Raises:
            Disconnected: the connection broke first.
        """
        if self._socket is None or self._monitor is None:
            raise Disconnected(self.address, "the connection broke while an answer was awaited")
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while True:
            # First, so that whatever came before the break lies in the socket by now.
            was_broken = self.is_broken()
            try:
                return self._socket.recv_multipart(zmq.NOBLOCK)[-1]
            except zmq.Again:
                pass
            if was_broken:
                raise Disconnected(self.address, "the connection broke while an answer was awaited")
            if not poller.poll(_remaining(deadline)):
                return None

    def leave(self, data: bytes) -> None:
        """Sends a last message if the daemon is there, and gives it a moment to get away when the socket is thrown away."""
        try:
            if self._socket is not None and not self.is_broken():
                self.linger()
                self._socket.send(data, zmq.NOBLOCK)
        except zmq.ZMQError:
            pass

    def linger(self) -> None:
        """What was sent is given a moment to get away when the socket is thrown away."""
        if self._socket is not None:
            self._socket.setsockopt(zmq.LINGER, 100)

    def is_broken(self, milliseconds: int = 0) -> bool:
        """Whether the connection has broken, or does within a time."""
        deadline = time.monotonic() + milliseconds / _MILLISECONDS
        while not self._is_broken and self._note(_remaining(deadline)):
            pass
        return self._is_broken

    def disconnect(self) -> None:
        """Throws the socket away."""
        self._on_disconnect()
        if self._socket is not None:
            self._socket.disable_monitor()
            if self._monitor is not None:
                self._monitor.close(linger=0)
            self._socket.close()  # with the linger time that was set
            self._socket = self._monitor = None
            self._sockets.clear()
        self._is_connected = self._is_broken = False
        self._rejection = ""

    def close(self) -> None:
        """Ends the connection for good; may be called twice."""
        if not self.is_closed:
            self.is_closed = True
            self.disconnect()
            self._end()

    def _note(self, milliseconds: int) -> bool:
        """Takes note of the next thing that happens to the connection; ``False``: nothing has within a time."""
        if self._monitor is None or not self._monitor.poll(milliseconds):
            return False
        report = recv_monitor_message(self._monitor)
        if report["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._is_connected = True
        elif report["event"] & _FAILURES:
            self._note_failure(report["event"], report["value"])
        elif self._is_connected:  # else it is an attempt that failed, and another follows
            self._is_broken = True
        return True

    def _note_failure(self, event: int, value: int) -> None:
        """Takes note of a handshake that came to nothing. ZeroMQ itself tries again where it has only ended in the middle."""
        if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self._ended_early = True
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            known = "asks for a key" if self._key is None else "does not know this key"
            self._rejection = f"the daemon {known}, or has too many connections from here"
        elif value == _OTHER_MECHANISM:
            self._rejection = (
                "this daemon asks for a key (--key FILE)"
                if self._key is None
                else "this daemon has no keys (uio2 serve --keys), so that nobody knows who it is"
            )
        elif self._key is not None:
            self._rejection = "the handshake was broken; is it the daemon whose key this client expects?"

    def _open(self, deadline: float) -> None:
        if self._needs_ipv6 is None:
            self._needs_ipv6 = self._endpoint.needs_ipv6(deadline)
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        # Not IMMEDIATE: with it libzmq drops what lies unread in the socket when the connection breaks, such as `shutting_down`.
        socket.setsockopt(zmq.RECONNECT_IVL, 50)
        socket.setsockopt(zmq.IPV6, self._needs_ipv6)
        if self._key is not None:
            socket.curve_serverkey = self._key.daemon
            socket.curve_publickey = self._key.public
            socket.curve_secretkey = self._key.secret
        self._socket = socket
        self._sockets.append(socket)
        self._monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | _FAILURES)
        self._sockets.append(self._monitor)
        try:
            socket.connect(self._endpoint.connectable)
        except zmq.ZMQError as error:
            self.disconnect()
            raise Disconnected(self.address, f"cannot be connected to: {error}") from error


def weakly(method: Callable[[], None]) -> Callable[[], None]:
    """``method``, without keeping its object alive: a client that nobody closes is let go of at once, and not when Python looks for cycles."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        if (found := reference()) is not None:
            found()

    return call


def _end(context: zmq.Context, sockets: list[zmq.Socket]) -> None:
    """Ends what is left of a transport: the sockets first, because the context waits for them."""
    for socket in sockets:
        socket.close(linger=0)
    context.term()


def _remaining(deadline: float) -> int:
    """Milliseconds until ``deadline`` of the monotonic clock, at least 0."""
    return max(0, round((deadline - time.monotonic()) * _MILLISECONDS))
