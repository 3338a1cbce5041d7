"""What keeps an arm still until a person says go: at the start, after a stop at the robot, after every new
connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from uio2_client import ClientError, Disconnected, Timeout
from uio2_client import uio2_pb2 as pb

_Answer = TypeVar("_Answer")

_PAUSE_SECONDS = 0.02
MOVES_ON = "type go and Enter to let the arm move on"
ENDS = "the run ends, and the arm stays where it is"
_LISTEN_SECONDS = 0.2
"""Between two questions whether a stop is latched at the daemon."""


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
        self.advice = MOVES_ON
        """What is said to a person beside the reason."""

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
            self._say(f"holding: {reason}; {self.advice}")

    def clear(self) -> bool:
        """Lets the arm move on; whether it was kept still. Only a person's word leads here."""
        with self._lock:
            was, self._reason = self._reason, None
        if was is not None:
            self._say("going on")
        return was is not None

    def _say(self, line: str) -> None:
        # A terminal that is gone takes nobody's word away: whoever sets the latch goes on listening.
        with suppress(Exception):
            self._log(line)


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
        self._is_stopped = False

    @property
    def is_stopped(self) -> bool:
        """Whether the daemon's last word was that a stop is latched there. Actions alone take that back."""
        return self._is_stopped

    def reset(self) -> bool:
        """Begins a new episode; returns whether a stop is latched at the daemon."""
        is_stopped = self._guarded(self._daemon.reset)
        self._note_stopped(is_stopped)
        return is_stopped

    def ask_stopped(self) -> bool:
        """Asks the daemon whether a stop is latched there, where nothing else is asked of it.

        A daemon that does not answer has confirmed no stop since it last did.
        """
        with suppress(ClientError):
            # Of all questions the one that the daemon answers so; between episodes it changes nothing.
            self._note_stopped(self._daemon.reset())
        return self._is_stopped

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
        self._is_stopped = False
        self._check()
        return chunk

    def _note_stopped(self, is_stopped: bool) -> None:
        self._is_stopped = self._is_stopped or is_stopped

    def _guarded(self, ask: Callable[[], _Answer]) -> _Answer:
        try:
            answer = ask()
        except (Disconnected, Timeout) as error:
            self._connections, self._is_lost = self._daemon.connections, True
            self._guard.latch(f"the daemon does not answer ({error.message})")
            raise
        except ClientError as error:
            if error.code == "stopped":
                self._note_stopped(True)
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


class DaemonListener:
    """Hears a stop at the daemon while nobody asks it for actions, as on the way to a pose, and sets the latch for it.

    As a context manager it listens in a thread of its own until the block ends; nobody else uses the link meanwhile.
    """

    def __init__(self, link: GuardedLink, guard: Guard) -> None:
        self._link = link
        self._guard = guard
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="daemon-listener", daemon=True)

    def look(self) -> None:
        """Asks once, here and now."""
        if self._link.ask_stopped():
            self._guard.latch("stopped at the daemon")

    def __enter__(self) -> DaemonListener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _listen(self) -> None:
        try:
            while not self._ends.wait(_LISTEN_SECONDS):
                self.look()
        except Exception as error:  # whatever it is: a stop would not be heard any more
            self._guard.latch(f"the daemon cannot be listened to: {type(error).__name__}: {error}")


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
