"""The person at the device: read in a thread of its own, so that a stop never waits for the robot's loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from . import inputs
from .inputs import Input, InputFailure, Wish

_RATE = 100.0
"""Hz, at which the device is read."""
_SILENT_SECONDS = 0.2
"""A device that was not read for so long says nothing any more."""


class Control(Protocol):
    """What a person does to the run; from any thread."""

    def stop(self, reason: str) -> None:
        """Brakes the body and keeps it still."""
        ...

    def resume(self) -> bool:
        """Lets it move on; whether it was kept still."""
        ...

    def interrupt(self) -> None:
        """Executes nothing more of what was said before: somebody else leads."""
        ...

    def end(self) -> None:
        """Ends the run in an orderly way."""
        ...


class Person:
    """Knows what is wanted now and who leads.

    Args:
        make: opens the device, in the thread that reads it.
        leads: whether the person leads from the beginning; ``None``: always, as there is no policy.
        log: told in a sentence what happened.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        make: Callable[[], Input],
        leads: bool | None = None,
        log: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._can_switch = leads is not None
        self._leads = leads is not False
        self._wish, self._read_at = Wish(), float("-inf")
        self._words: list[str] = []
        self._device: Input | None = None
        self._failure: InputFailure | None = None
        self._ends = threading.Event()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self.control: Control | None = None
        """Set before ``start``."""
        self.outcome: bool | None = None
        """What the person says of the episode: it went well, badly, or nothing yet."""
        self.has_quit = False
        """Whether the person wants everything to end."""

    @property
    def leads(self) -> bool:
        """Whether the person leads now, and not the policy."""
        with self._lock:
            return self._leads

    def begin_episode(self) -> None:
        """Forgets what was said of the one before."""
        self.outcome = None

    def start(self) -> None:
        """Begins to read the device; does nothing where that was done.

        Raises:
            InputFailure: it cannot be opened.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="input", daemon=True)
            self._thread.start()
            self._ready.wait()
        if self._failure is not None and self._device is None:
            raise self._failure

    def close(self) -> None:
        """Ends the reading; may be called twice."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(5)

    def wish(self) -> tuple[Wish, list[str]]:
        """What is wanted now, and the words since the last call that are for the hand.

        Raises:
            InputFailure: the device is gone or not read any more. A robot must not move on.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._clock() - self._read_at > _SILENT_SECONDS:
                raise InputFailure("input_silent", "input", "the device is not read any more; holding")
            words, self._words = self._words, []
            return self._wish, words

    def poll(self, device: Input) -> None:
        """Reads the device once and does what was said."""
        wish = device.read()
        with self._lock:
            self._wish, self._read_at = wish, self._clock()
        for word in wish.words:
            self._do(word)

    def _do(self, word: str) -> None:
        control = self.control
        if word == inputs.STOP and control is not None:
            control.stop("stopped by the operator")
        elif word == inputs.GO and control is not None:
            control.resume()
        elif word == inputs.SWITCH:
            self._switch()
        elif word in (inputs.SUCCESS, inputs.FAILURE):
            self.outcome = word == inputs.SUCCESS
            self._log(f"the person says: {word}")
        elif word == inputs.QUIT:
            self.has_quit = True
        else:
            with self._lock:
                self._words.append(word)

    def _switch(self) -> None:
        if not self._can_switch:
            self._log("there is no policy to hand back to")
            return
        with self._lock:
            self._leads = not self._leads
            leads = self._leads
        if self.control is not None:
            self.control.interrupt()
        self._log("the person leads" if leads else "the policy leads")

    def _listen(self) -> None:
        try:
            self._device = self._make()
        except InputFailure as failure:
            self._failure = failure
            self._ready.set()
            return
        try:
            due = self._clock()
            while not self._ends.is_set():
                self.poll(self._device)
                self._ready.set()
                due = max(due + 1 / _RATE, self._clock())
                self._ends.wait(max(0.0, due - self._clock()))
        except Exception as error:  # a driver may raise anything; a device that is not known to be well is gone
            gone = error if isinstance(error, InputFailure) else InputFailure("input_gone", "input", str(error))
            with self._lock:
                self._failure = gone
            if self.control is not None:
                self.control.stop(f"the input device is gone ({gone.message})")
        finally:
            self._ready.set()
            self._device.close()
