"""A small process that ends the program that drives an arm when it falls silent.

Run as ``python -m uio2_robots.watchdog PID SECONDS``: it reads beats, one byte each, from standard input. The program
that drives the arm holds the other end. When no beat comes for SECONDS, that program is killed: the arm's own
controller then loses its commands, and stops. A rest, another byte, says that nothing moves until the next beat. The
end of the stream says that the program has ended by itself.

It imports nothing but the standard library, so that it shares no fault with what it watches.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

EXIT_KILLED = 7
"""The watched program was killed."""

_BEAT, _REST = b".", b"r"


class WatchdogLost(Exception):
    """The watchdog has ended, or does not start: nothing may move."""


class Watchdog:
    """A watchdog over this process. As a context manager it ends with the block.

    Args:
        seconds: of silence that it lets pass.

    Raises:
        WatchdogLost: it does not start.
    """

    def __init__(self, seconds: float) -> None:
        # A handle of this process, made before anything can go wrong: a process id could by then belong to another one.
        command = [sys.executable, "-I", str(Path(__file__).resolve()), str(os.getpid()), str(seconds)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdin is not None and self._process.stdout is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        ready, _, _ = select.select([self._process.stdout], [], [], 10)
        if not ready or self._process.stdout.readline() != b"watching\n":
            self._process.kill()
            self._process.wait()
            raise WatchdogLost("the watchdog does not start")

    def __enter__(self) -> Watchdog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def beat(self) -> None:
        """Says that this program is alive. It begins to be watched with the first beat.

        Raises:
            WatchdogLost: nobody watches any more.
        """
        self._write(_BEAT)

    def rest(self) -> None:
        """Says that the arm is not under this program's control until the next beat.

        Raises:
            WatchdogLost: nobody watches any more.
        """
        self._write(_REST)

    def _write(self, byte: bytes) -> None:
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), byte)
        except BlockingIOError:
            return  # it has beats enough to read
        except OSError as error:
            raise WatchdogLost("the watchdog has ended; nothing moves without it") from error

    def close(self) -> None:
        """Ends the watch; may be called twice."""
        assert self._process.stdin is not None and self._process.stdout is not None
        if not self._process.stdin.closed:
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()


def watch(pid: int, seconds: float) -> int:
    """Watches ``pid``; returns the exit code."""
    # Of the parent: as long as this process is its child, the id is its own.
    handle = os.pidfd_open(pid)
    if os.getppid() != pid:
        return 0
    print("watching", flush=True)
    timeout: float | None = None
    while True:
        ready, _, _ = select.select([0], [], [], timeout)
        if not ready:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            print(f"watchdog: no word of the driver for {seconds:g} s; it was ended", file=sys.stderr, flush=True)
            return EXIT_KILLED
        beats = os.read(0, 4096)
        if not beats:
            return 0
        timeout = None if beats.endswith(_REST) else seconds


if __name__ == "__main__":
    # An interrupt is the driver's: it needs the watchdog until the arm rests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(watch(int(sys.argv[1]), float(sys.argv[2])))
