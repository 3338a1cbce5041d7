"""A robot whose world does not wait for its policy: it steps at its control rate against the clock.

An answer takes over when it comes. Its first actions are for the moment of its observation: as many as the robot has executed
since then are skipped, and the rest follows where the old chunk has led. Nothing is repeated and nothing made up: without
actions the robot holds. Steps of holding skip nothing, since the body has not moved on.

A new answer is asked for while the old chunk still lasts as long as the last answer took; when an answer takes longer than a
whole chunk, it would be skipped entirely, so then the chunk is used up first.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from uio2_client import ClientError
from uio2_client import uio2_pb2 as pb

from .agreement import Agreement
from .clock import Clock, SimulatedClock, WallClock
from .environment import Environment
from .robot import EpisodeResult, Execution, Link, Robot, stages


class PacedClock(Clock, Protocol):
    """A clock that can be waited for."""

    def wait_until(self, moment: int) -> None:
        """Returns when ``now()`` is ``moment`` or later, nanoseconds."""
        ...


class PacedWallClock(WallClock):
    """The machine's monotonic clock."""

    def wait_until(self, moment: int) -> None:
        time.sleep(max(0, moment - self.now()) / 1e9)


class PacedSimulatedClock(SimulatedClock):
    """Time that passes with control steps alone, so that an answer takes its added delay and nothing else, however busy the machine is.

    Goes with ``InlineAsker``: a thread's answer would come at another step each time.
    """

    def wait_until(self, moment: int) -> None:
        self._now = max(self._now, moment)


@dataclass(frozen=True)
class Answer:
    """What came of asking."""

    observation: pb.Observation
    chunk: pb.ActionChunk | None
    failure: Exception | None
    round_trip_ms: float
    """Without the added delay."""
    ready_at: int
    """When the robot may have it, by its clock."""


class Asker(Protocol):
    """Asks a policy without making the robot wait. One question at a time."""

    def ask(self, observation: pb.Observation) -> None:
        """Sends a question; the one before has been answered."""
        ...

    def poll(self) -> Answer | None:
        """The answer, if it is there; each is given once."""
        ...

    def drain(self) -> None:
        """Waits until nothing is under way, and forgets an answer that was not fetched."""
        ...

    def close(self) -> None:
        """Ends what asks; may be called twice."""
        ...


class InlineAsker:
    """Asks at once, in the robot's own thread: for policies that look into the simulator, as an expert does.

    Args:
        added_delay: nanoseconds of the robot's clock by which each answer is held back.
    """

    def __init__(self, link: Link, clock: Clock, added_delay: int = 0) -> None:
        self._link = link
        self._clock = clock
        self._added_delay = added_delay
        self._answer: Answer | None = None

    def ask(self, observation: pb.Observation) -> None:
        self._answer = _ask(self._link, observation, self._clock, self._added_delay)

    def poll(self) -> Answer | None:
        answer = self._answer
        if answer is None or self._clock.now() < answer.ready_at:
            return None
        self._answer = None
        return answer

    def drain(self) -> None:
        self._answer = None

    def close(self) -> None:
        self.drain()


class ThreadAsker:
    """Asks in a thread of its own. Between questions the link may be used by others.

    Args:
        added_delay: nanoseconds of the robot's clock by which each answer is held back.
    """

    def __init__(self, link: Link, clock: Clock, added_delay: int = 0) -> None:
        self._link = link
        self._clock = clock
        self._added_delay = added_delay
        self._questions: queue.SimpleQueue[pb.Observation | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._arrived: Answer | None = None
        self._is_asking = False
        self._thread = threading.Thread(target=self._serve, name="asker", daemon=True)
        self._thread.start()

    def ask(self, observation: pb.Observation) -> None:
        self._is_asking = True
        self._questions.put(observation)

    def poll(self) -> Answer | None:
        if self._is_asking:
            try:
                self._arrived = self._answers.get_nowait()
                self._is_asking = False
            except queue.Empty:
                pass
        answer = self._arrived
        if answer is None or self._clock.now() < answer.ready_at:
            return None
        self._arrived = None
        return answer

    def drain(self) -> None:
        if self._is_asking:
            self._answers.get()
            self._is_asking = False
        self._arrived = None

    def close(self) -> None:
        if self._thread.is_alive():
            self._questions.put(None)
            self._thread.join()

    def _serve(self) -> None:
        while (observation := self._questions.get()) is not None:
            self._answers.put(_ask(self._link, observation, self._clock, self._added_delay))


class RealtimeRobot(Robot):
    """A body in a world that goes on, the policy it agreed with, and the way to it.

    Args:
        link: used between episodes; ``asker`` uses it during them.
        asker: asks the policy.
        clock: the robot's own, by which it steps.
        options: as for ``Robot``.
    """

    _skips_executed = True

    def __init__(
        self, environment: Environment, agreement: Agreement, link: Link, asker: Asker, clock: PacedClock, **options
    ) -> None:
        super().__init__(environment, agreement, link, clock, **options)
        self._asker = asker
        self._paced = clock
        self._period = round(1e9 / environment.specification.control_rate)
        self._execution: Execution | None = None
        self._next = 0
        """Place in the chunk of the action that comes next."""
        self._moved = 0
        """Actions executed since the last observation, of whichever chunk."""
        self._asked_at: int | None = None
        """The control step at which the question was asked that is under way."""
        self._lead = 0
        """Control steps that the last answer took."""
        self._render_ms = 0.0
        self._taken_over_at: int | None = None
        self._is_interrupted = threading.Event()
        self._is_stale = False
        """Whether the question that is under way was asked before an interruption."""

    def interrupt(self) -> None:
        """Executes nothing more of the present chunk, nor of an answer to what was asked before now: somebody else leads. From any thread."""
        self._is_interrupted.set()

    def _run(self, result: EpisodeResult) -> None:
        """Makes a control step whenever it is time for one, with whatever there is to execute."""
        self._execution, self._next, self._moved, self._asked_at, self._taken_over_at = None, 0, 0, None, None
        self._is_stale = False
        self._is_interrupted.clear()
        due = self._paced.now()
        try:
            while not self._is_over(result):
                self._fetch(result)
                if self._is_interrupted.is_set():
                    self._is_interrupted.clear()
                    self._drop(result)
                    self._is_stale = self._asked_at is not None
                if self._asked_at is None and self._remaining <= self._lead_that_helps:
                    observation, self._render_ms = self._look(result)
                    self._moved, self._asked_at = 0, result.steps
                    self._asker.ask(observation)
                    self._fetch(result)
                self._make_step(result)
                due = self._wait(due + self._period, result)
        finally:
            self._asker.drain()
        self._drop(result)

    @property
    def _remaining(self) -> int:
        """Actions of the chunk that are still to come."""
        return 0 if self._execution is None else len(self._execution.commands) - self._next

    @property
    def _lead_that_helps(self) -> int:
        return self._lead if self._lead < self._agreement.chunk_length else 0

    def _make_step(self, result: EpisodeResult) -> None:
        execution = self._execution
        if execution is not None and self._remaining and not self._is_late(execution.chunk):
            self._take(execution, self._next, result)
            self._next += 1
            self._moved += 1
            self._setbacks.forget_reason()
        else:
            # What is late now stays late.
            self._drop(result)
            self._hold(result)

    def _wait(self, due: int, result: EpisodeResult) -> int:
        """Waits for the next control step; returns when it was due, or now when the simulator has fallen a whole step behind."""
        now = self._paced.now()
        if now <= due:
            self._paced.wait_until(due)
            return due
        result.late_steps += 1
        return due if now - due < self._period else now

    def _fetch(self, result: EpisodeResult) -> None:
        """Takes over an answer that has come."""
        answer = self._asker.poll() if self._asked_at is not None else None
        if answer is None:
            return
        asked_at, self._asked_at = self._asked_at, None
        is_stale, self._is_stale = self._is_stale, False
        if answer.chunk is None:
            if not isinstance(answer.failure, ClientError):
                raise answer.failure or AssertionError("an answer is a chunk or a failure")
            if self._setbacks.note(answer.failure):
                self._drop(result)
            return
        self._check(answer.chunk, answer.observation)
        if is_stale:
            self._consumed = len(answer.chunk.actions)
            return
        self._lead = result.steps - (asked_at or 0)
        now = self._clock.now()
        latency = {
            "round_trip": answer.round_trip_ms,
            **stages(answer.chunk),
            "render": self._render_ms,
            "takeover": (now - answer.observation.captured_at) / 1e6,
        }
        period_ms = None if self._taken_over_at is None else (now - self._taken_over_at) / 1e6
        self._taken_over_at = now
        self._drop(result)
        self._execution = self._begin(answer.chunk, tuple(answer.observation.proprioception), period_ms, latency)
        self._next = self._consumed = min(self._moved, len(answer.chunk.actions))
        result.skipped_actions += self._next

    def _drop(self, result: EpisodeResult) -> None:
        """Executes nothing more of the chunk."""
        if self._execution is not None:
            self._consumed = len(self._execution.commands)
            self._finish(self._execution, result)
        self._execution, self._next = None, 0

    def _pause(self, seconds: float) -> None:
        """The clock goes on: the next control step is a moment to ask again."""


def _ask(link: Link, observation: pb.Observation, clock: Clock, added_delay: int) -> Answer:
    began = time.perf_counter()
    chunk, failure = None, None
    try:
        chunk = link.act(observation)
    except Exception as error:  # the robot's thread says what becomes of it
        failure = error
    round_trip_ms = (time.perf_counter() - began) * 1000
    return Answer(observation, chunk, failure, round_trip_ms, clock.now() + added_delay)
