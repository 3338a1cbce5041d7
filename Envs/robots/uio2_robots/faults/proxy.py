"""A way between robot and daemon that can be slow, and that can be cut."""

from __future__ import annotations

import queue
import socket
import threading
import time

_PIECE = 1 << 16


class Proxy:
    """Passes bytes between those who connect to it and a daemon, both on this machine.

    Args:
        port: of the daemon.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.delay = 0.0
        """Seconds by which what the daemon says is held back."""
        self._is_cut = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Breaks every connection and makes no new one until ``mend``."""
        with self._lock:
            self._is_cut = True
            for end in self._open:
                _break(end)
            self._open.clear()

    def mend(self) -> None:
        """Lets connections through again."""
        self._is_cut, self.delay = False, 0.0

    def close(self) -> None:
        """Ends it."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                robot, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._is_cut:
                    raise ConnectionError("cut")
                daemon = socket.create_connection(("127.0.0.1", self._port), timeout=1)
                daemon.settimeout(None)
            except OSError:
                robot.close()
                continue
            with self._lock:
                self._open |= {robot, daemon}
            for end in (robot, daemon):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pass, args=(robot, daemon, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(daemon, robot, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_delayed: bool) -> None:
        pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=_send, args=(pieces, sink), daemon=True).start()
        try:
            while piece := source.recv(_PIECE):
                pieces.put((time.monotonic() + (self.delay if is_delayed else 0.0), piece))
        except OSError:
            pass
        pieces.put((0.0, b""))


def _send(pieces: queue.SimpleQueue[tuple[float, bytes]], sink: socket.socket) -> None:
    while True:
        due, piece = pieces.get()
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if not piece:
                _break(sink)
                return
            sink.sendall(piece)
        except OSError:
            return


def _break(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
