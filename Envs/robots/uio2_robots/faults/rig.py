"""The processes of a trial: simulator, daemon, robot; and the simulator's word on where the arm is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..shared import Trace
from ..simulator import TRACE
from .proxy import Proxy

INSTRUCTION = "Move the gripper to the red goal point."
AT_REST = 0.003
"""m/s"""
_SPEED_WINDOW = 0.02
"""Seconds of simulated time over which a speed is measured."""
_LAST_WORDS_SECONDS = 5.0
"""For what a process has said and nobody has read yet, when it has ended."""


class TrialFailure(Exception):
    """What a trial is about did not happen."""


class Rig:
    """A simulator, a daemon and a way between them.

    Args:
        folder: for everything that is written; of this rig alone.
        uio2: the program.
        policy: that the daemon serves.
        host: loopback address of the simulated arm.
    """

    def __init__(self, folder: Path, uio2: Path, policy: Path, config: Path, host: str) -> None:
        self.folder = folder
        self.host = host
        self.operator_token = folder / "operator"
        self._uio2, self._policy = uio2, policy
        self.config = folder / "franka.toml"
        text = config.read_text(encoding="utf-8")
        self.config.write_text(text.replace('host = "127.0.0.1"', f'host = "{host}"'), encoding="utf-8")
        self.port = _free_port()
        self._log = (folder / "log").open("ab")
        self._simulator = subprocess.Popen(
            [sys.executable, "-m", "uio2_robots.simulator", str(folder / "simulator"), "--host", host, "--lifeline"],
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        assert self._simulator.stdout is not None
        if b"ready" not in self._simulator.stdout.readline():
            raise TrialFailure(f"the simulator does not start; see {folder / 'log'}")
        self.trace = Trace(folder / "simulator" / TRACE)
        self.daemon: subprocess.Popen[bytes] | None = None
        self.start_daemon()
        self.proxy = Proxy(self.port)

    def start_daemon(self) -> None:
        """Starts the daemon, and waits until it listens."""
        command = [str(self._uio2), "serve", "--policy", str(self._policy)]
        command += ["--bind", f"tcp://127.0.0.1:{self.port}", "--operator", str(self.operator_token)]
        self.daemon = subprocess.Popen(command, stderr=self._log, stdin=subprocess.DEVNULL, start_new_session=True)
        until(lambda: _listens(self.port), 30, "the daemon listens")

    def signal_daemon(self, number: int) -> None:
        """Sends a signal; after SIGKILL the daemon is gone."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        if number == signal.SIGKILL:
            self.daemon.wait()

    def recover(self) -> None:
        """Makes the rig whole for the next trial."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGCONT)
        if self.daemon.poll() is not None:
            self.start_daemon()

    def speed(self) -> float:
        """Of the simulated tool now, m/s."""
        return float(speeds(self.trace.since(max(0, self.trace.count - 50)))[-1])

    def rest(self, since: int, seconds: float = 15.0) -> int:
        """Waits until the simulated tool rests; returns the number of the row from which on it does.

        Raises:
            TrialFailure: it goes on moving.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            rows = self.trace.since(since)
            if len(rows) > 400:
                moving = np.flatnonzero(speeds(rows) > AT_REST)
                last = int(moving[-1]) if len(moving) else 0
                if len(rows) - last > 300:
                    return since + last
            time.sleep(0.02)
        raise TrialFailure("the arm did not come to rest")

    def wait(self, seconds: float) -> None:
        """Waits for simulated time."""
        end = self.trace.count + round(seconds * 1000)
        until(lambda: self.trace.count >= end, 20 * seconds + 10, "simulated time passes")

    def close(self) -> None:
        """Ends every process that this rig started."""
        self.proxy.close()
        for process in (self.daemon, self._simulator):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self._log.close()


class RobotProcess:
    """One run of ``python -m uio2_robots franka``, with a pipe in the place of the operator.

    Args:
        asked: the option that says what is to be done, and its value.
    """

    def __init__(
        self, rig: Rig, session: str, *options: str, asked: tuple[str, str] = ("--instruction", INSTRUCTION)
    ) -> None:
        command = [sys.executable, "-m", "uio2_robots", "franka", *asked, "--events"]
        command += ["--connect", rig.proxy.address, "--config", str(rig.config), "--session", session]
        command += ["--simulator", str(rig.folder / "simulator"), *options]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        self.said: list[str] = []
        self.events: list[dict[str, Any]] = []
        streams = ((self._process.stdout, self._take_event), (self._process.stderr, self._take_line))
        self._readers = [threading.Thread(target=self._read, args=stream, daemon=True) for stream in streams]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def type(self, word: str) -> None:
        """Types a word and Enter."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()

    def has_said(self, text: str, since: int = 0) -> bool:
        """Whether a line from the one of this number on has ``text``."""
        return any(text in line for line in self.said[since:])

    def count(self, event: str) -> int:
        return sum(found.get("event") == event for found in self.events)

    def wait(self, seconds: float = 60.0) -> int:
        """The exit code, once all that it has said is known."""
        code = self._process.wait(seconds)
        for reader in self._readers:
            # A child of its own may keep a stream open.
            reader.join(_LAST_WORDS_SECONDS)
        return code

    def signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def end(self) -> None:
        """Kills it, if it runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _read(self, stream: Any, take: Callable[[str], None]) -> None:
        for line in stream:
            take(line.decode("utf-8", errors="replace").rstrip())

    def _take_event(self, line: str) -> None:
        self.events.append(json.loads(line))

    def _take_line(self, line: str) -> None:
        self.said.append(line)


def speeds(rows: np.ndarray) -> np.ndarray:
    """The tool's speed at each row, m/s, over the time just before it."""
    window = max(1, round(_SPEED_WINDOW * 1000))
    position, moment = rows["position"], rows["time"]
    found = np.zeros(len(rows))
    if len(rows) > window:
        way = np.linalg.norm(position[window:] - position[:-window], axis=1)
        found[window:] = way / np.maximum(moment[window:] - moment[:-window], 1e-6)
    return found


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for a condition.

    Raises:
        TrialFailure: it does not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TrialFailure(f"not within {seconds:g} s: {what}")
        time.sleep(0.005)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
