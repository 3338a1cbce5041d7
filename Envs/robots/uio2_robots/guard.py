"""What keeps an arm still until a person says go: at the start, after a stop at the robot, after every new
connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from uio2_client import ClientError, Disconnected, Timeout
from uio2_client import uio2_pb2 as pb

_Answer = TypeVar("_Answer")

_PAUSE_SECONDS = 0.02


class Guard:
    """A latch: it is set by what goes wrong and by a person, and cleared by a person only.

    Args:
        freeze: brakes the arm; called when the latch is set, from whichever thread sets it.
        log: told in a sentence what happened.
    """

    def __init__(
        self, freeze: Callable[[], None] = lambda: None, log: Callable[[str], None] = lambda line: None
    ) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._reason: str | None = None
        self.freeze = freeze
        """Brakes the arm."""

    @property
    def reason(self) -> str | None:
        """Why the arm is kept still; ``None``: it is not."""
        with self._lock:
            return self._reason

    def latch(self, reason: str) -> None:
        """Brakes the arm and keeps it still; a latch that is set keeps its first reason."""
        with self._lock:
            is_new = self._reason is None
            self._reason = self._reason or reason
        self.freeze()
        if is_new:
            self._log(f"holding: {reason}; type go and Enter to let the arm move on")

    def clear(self) -> bool:
        """Lets the arm move on; whether it was kept still. Only a person's word leads here."""
        with self._lock:
            was, self._reason = self._reason, None
        if was is not None:
            self._log("going on")
        return was is not None


class Daemon(Protocol):
    """What the guard needs of ``uio2_client.Client``."""

    @property
    def connections(self) -> int: ...

    def reset(self) -> bool: ...

    def act(self, observation: pb.Observation) -> pb.ActionChunk: ...


class GuardedLink:
    """The way to the daemon, on which nothing passes while the guard's latch is set.

    A lost connection sets it, and so does one that the client has made anew by itself: the commands that came over it
    are dropped.

    Args:
        daemon: the client.
        guard: the latch.
        taken_at: when the oldest picture of the observation was taken, ns of the robot's clock; ``None``: not known.
        trouble: what is wrong with the pictures of the observation; nothing is asked then. A frozen one sets the latch.
    """

    def __init__(
        self,
        daemon: Daemon,
        guard: Guard,
        taken_at: Callable[[], int | None] = lambda: None,
        trouble: Callable[[], ClientError | None] = lambda: None,
    ) -> None:
        self._daemon = daemon
        self._guard = guard
        self._taken_at = taken_at
        self._trouble = trouble
        self._connections = daemon.connections
        self._is_lost = False

    def reset(self) -> bool:
        """Begins a new episode."""
        return self._guarded(self._daemon.reset)

    def act(self, observation: pb.Observation) -> pb.ActionChunk:
        """The answer to ``observation``, whose time becomes that of its oldest picture.

        Raises:
            ClientError: as the client's; ``stopped`` while the latch is set; the trouble with the pictures.
        """
        self._check()
        trouble = self._trouble()
        if trouble is not None:
            if trouble.code == "frozen_camera":
                self._guard.latch(trouble.message)
            raise trouble
        taken_at = self._taken_at()
        if taken_at is not None and observation.clock == pb.ROBOT_CLOCK_MONOTONIC:
            observation.captured_at = min(observation.captured_at, taken_at)
        chunk = self._guarded(lambda: self._daemon.act(observation))
        self._check()
        return chunk

    def _guarded(self, ask: Callable[[], _Answer]) -> _Answer:
        try:
            answer = ask()
        except (Disconnected, Timeout) as error:
            self._connections, self._is_lost = self._daemon.connections, True
            self._guard.latch(f"the daemon does not answer ({error.message})")
            raise
        except ClientError:
            self._notice_new_connection()
            raise
        self._notice_new_connection()
        return answer

    def _notice_new_connection(self) -> None:
        connections = self._daemon.connections
        if connections == self._connections:
            return
        self._connections = connections
        # After a loss nothing is asked until a person has said go: that go was for this connection.
        if self._is_lost:
            self._is_lost = False
        else:
            self._guard.latch("the connection to the daemon is a new one")

    def _check(self) -> None:
        reason = self._guard.reason
        if reason is not None:
            # The loop asks at every control step; nobody needs pictures as often while nothing moves.
            time.sleep(_PAUSE_SECONDS)
            raise ClientError("stopped", "robot", reason)


class Operator:
    """The person at the robot: lines of a stream, read in a thread of its own.

    ``go`` clears the latch. ``quit`` ends the run. Anything else, Enter alone too, stops.

    Args:
        lines: gives one line a call, an empty string at the end.
        guard: what the lines act on.
        quit: ends the run.
    """

    def __init__(self, lines: Callable[[], str], guard: Guard, quit: Callable[[], None]) -> None:
        self._lines = lines
        self._guard = guard
        self._quit = quit

    def start(self) -> None:
        """Begins to listen."""
        threading.Thread(target=self.listen, name="operator", daemon=True).start()

    def listen(self) -> None:
        """Listens until the stream ends. Its end is no word of anyone's: the arm goes on, and what latches stays
        latched."""
        while line := self._lines():
            word = line.strip().lower()
            if word == "go":
                self._guard.clear()
            elif word == "quit":
                self._quit()
            else:
                self._guard.latch("stopped by the operator")
