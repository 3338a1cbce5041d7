"""A daemon under test: started, watched, and started again when it ends, as a supervisor would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import zmq
from robots import capabilities_of

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """A port of the loopback address where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """``uio2 serve`` between ``with`` and its end, on a loopback port unless another address is named.

    Whatever :meth:`spawn` starts ends with it, also where the block raises.
    """

    def __init__(
        self, program: str, options: list[str], log_level: str = "info", address: str = "", waits: bool = True,
        wire: str = "zeromq",
    ) -> None:  # fmt: skip
        self.address = address or f"tcp://127.0.0.1:{free_port()}"
        self._waits = waits
        self._helpers: list[subprocess.Popen] = []
        # libzmq's clients connect to both alike.
        place = ["--listen", self.address.replace("tcp", "zmtp", 1)] if wire == "zmtp" else ["--bind", self.address]
        self.command = [program, "serve", *place, "--log-level", log_level, *options]
        self.log = tempfile.NamedTemporaryFile(prefix="uio2-attack-", suffix=".log")
        self.exits: list[int] = []
        self.outages: list[float] = []
        self.peak = 0
        self._ending = threading.Event()
        self._process = self._start()
        self._watch = threading.Thread(target=self._supervise, daemon=True)

    def __enter__(self) -> Daemon:
        try:
            if self._waits:
                self.capabilities = self.wait()
            self._watch.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def spawn(self, command: list[str]) -> subprocess.Popen:
        """Starts a process whose output is read, and which ends with the daemon."""
        self._helpers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return self._helpers[-1]

    def end(self) -> float:
        """Sends SIGTERM; how many seconds it takes until the process has ended. It is not started again."""
        self._ending.set()
        if self._watch.is_alive():
            self._watch.join()
        begin = time.monotonic()
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return time.monotonic() - begin

    def __exit__(self, *_) -> None:
        for helper in self._helpers:
            if helper.poll() is None:
                helper.kill()
            helper.wait()
            if helper.stdout is not None:
                helper.stdout.close()
        self._ending.set()
        if self._watch.is_alive():
            self._watch.join()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self.exits.append(-9)
        self.log.close()

    def wait(self, patience: float = 60):
        """Returns what it drives once it answers."""
        context = zmq.Context()
        try:
            return capabilities_of(context, self.address, patience)
        finally:
            context.destroy(linger=0)

    def memory(self) -> int:
        """Bytes in memory now; 0 when it does not run."""
        try:
            return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * PAGE
        except (OSError, IndexError):
            return 0

    def descriptors(self) -> int:
        """Files and connections open now."""
        try:
            return len(os.listdir(f"/proc/{self._process.pid}/fd"))
        except OSError:
            return 0

    def log_bytes(self) -> int:
        """Written to the log so far."""
        return os.path.getsize(self.log.name)

    def log_lines(self) -> list[str]:
        """All of the log."""
        return Path(self.log.name).read_text(errors="replace").splitlines()

    def _start(self) -> subprocess.Popen:
        return subprocess.Popen(self.command, cwd=REPOSITORY, stderr=self.log, stdin=subprocess.DEVNULL)

    def _supervise(self) -> None:
        """Samples its memory, and starts it again when it has ended, but not for ever."""
        while not self._ending.wait(0.02):
            self.peak = max(self.peak, self.memory())
            status = self._process.poll()
            if status is None:
                continue
            self.exits.append(status)
            if len(self.exits) > 5:
                return
            start = time.monotonic()
            self._process = self._start()
            try:
                self.wait()
            except TimeoutError:
                continue
            self.outages.append(time.monotonic() - start)


class Bystanders:
    """Honest robots in a process of their own, while something else happens."""

    def __init__(self, daemon: Daemon, seconds: float, robots: int = 1, rate: float = 20) -> None:
        arguments = ["--address", daemon.address, "--robots", str(robots), "--rate", str(rate)]
        self._process = daemon.spawn(
            [sys.executable, str(HERE / "robots.py"), *arguments, "--seconds", str(seconds)]
        )

    def end(self) -> None:
        """Ends them before their time; there is no result then."""
        self._process.kill()
        self._process.wait()

    def result(self) -> dict:
        output, _ = self._process.communicate(timeout=120)
        return json.loads(output) if output else {"chunks": 0, "longest_gap_ms": float("inf"), "p99_ms": None, "errors": {}}
